import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { execa } from 'execa'
import { HostError } from '../harness/hosts/host.ts'
import { copyWithLibraries } from './libraries.ts'
import type { Place } from './place.ts'
import type { PlannedTest } from './plan.ts'

/*
 * Where one of CRIU's own tests lives: a tmpfs in the shape of CRIU's directory `test`, which is the root of flavors ns and uns as well.
 *
 * Such a program is started in `zdtm/static` with names relative to that, its hooks in `test`; it makes the root that
 * ZDTM_ROOT names its own and expects to be in it already. zdtm.py binds the directory `test` for that; here each test has a copy of
 * what belongs to it, since the checkout is read-only and tests must not meet each other's files. /dev is a plain directory of that
 * root, so CRIU needs no --external for it.
 */

const MAKE_ROOT = `set -e
mount -t tmpfs -o mode=777 zdtm "$1"
cd "$1"
mkdir -m 777 bin sbin etc lib lib64 dev tmp usr proc run zdtm "zdtm/$2"
for each in bin sbin lib lib64; do ln -s "../$each" "usr/$each"; done
mkdir -m 755 dev/pts dev/net
mknod -m 666 dev/null c 1 3; mknod -m 666 dev/tty c 5 0; mknod -m 666 dev/autofs c 10 235
for each in net/tun rtc; do [ ! -e "/dev/$each" ] || cp -a "/dev/$each" "dev/$each"; done`

/** Extensions of what is there only to build programs. */
const OF_THE_BUILD = ['.c', '.o', '.d', '.h']
/** Extensions of what belongs to the one test whose name is before them. */
const OF_ONE_TEST = ['.hook', '.desc', '.checkskip']

/** Makes the place of one of CRIU's tests below `base`, which is on a tmpfs. */
export async function makeCriuPlace(base: string, { program, name, flavor, desc }: PlannedTest): Promise<Place> {
  const [root, hosts] = [`${base}/root`, `${base}/hosts`]
  for (const each of [root, hosts]) await mkdir(each, { recursive: true })
  const folder = basename(dirname(program))
  const directory = `${root}/zdtm/${folder}`
  const remove = async () => {
    await execa('umount', ['-l', root], { reject: false })
    await rm(base, { recursive: true, force: true })
  }
  try {
    await execa('sh', ['-c', MAKE_ROOT, 'sh', root, folder])
    await copyFiles(program, directory)
    if (flavor !== 'h') {
      await copyWithLibraries(program, root, false)
      for (const file of desc.deps) await copyWithLibraries(file, root, true)
    }
    const files = `${directory}/${basename(program)}`
    return { directory, root, hosts, program: files, pidFile: `${files}.pid`, outFile: `${files}.out`, remove }
  } catch (thrown) {
    await remove()
    throw HostError.from(thrown, `making a place for ${name} in ${dirname(base)}`)
  }
}

/** The program, what bears its name, and what belongs to no test, such as a library. */
async function copyFiles(program: string, directory: string): Promise<void> {
  const source = dirname(program)
  const there = await readdir(source)
  const all = new Set(there)
  const own = basename(program)
  for (const name of there) {
    const extension = extname(name)
    if (OF_THE_BUILD.includes(extension)) continue
    const mine = name === own || name.startsWith(`${own}.`)
    const others = all.has(`${name}.c`) || OF_ONE_TEST.includes(extension) || name.startsWith('.')
    if (mine || !others) await cp(`${source}/${name}`, `${directory}/${name}`, { recursive: true, dereference: true })
  }
}
