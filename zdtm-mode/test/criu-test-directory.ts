import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { type Host, shell } from '../../harness/hosts/host.ts'
import type { PlannedTest } from '../plan.ts'
import { withLibraries } from './libraries.ts'
import { made, type Place, removePlace } from './test-directory.ts'

/*
 * Where one of CRIU's own tests lives: a tmpfs in the shape of CRIU's directory `test`, which is the root of flavors ns and uns as well.
 *
 * Such a program is started in `zdtm/static` with names relative to that, its hooks in `test`; it makes the root that
 * ZDTM_ROOT names its own and expects to be in it already. zdtm.py binds the directory `test` for that; here each test has a copy of
 * what belongs to it, since the checkout is read-only and tests must not meet each other's files. /dev is a plain directory of that
 * root, so CRIU needs no --external for it.
 */

const MAKE = `set -e
mkdir -p "$1" "$3"
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

/** Copies $3 and so on into $1, as files, or with --parents at their own paths. */
const COPY = 'to=$1 how=$2; shift 2; cp -rL $how "$@" "$to/"'

/** Makes the place of one of CRIU's tests below `base`, which is on a tmpfs of the machine. Throws HostError. */
export function makeCriuPlace(
  machine: Host,
  base: string,
  { program, flavor, desc }: PlannedTest,
): Promise<Place> {
  const [root, hosts] = [`${base}/root`, `${base}/hosts`]
  const folder = basename(dirname(program))
  const directory = `${root}/zdtm/${folder}`
  const files = `${directory}/${basename(program)}`
  const place = {
    ...{ directory, root, hosts, program: files, pidFile: `${files}.pid`, outFile: `${files}.out` },
    ...(existsSync(`${program}.hook`) && { hook: `${files}.hook` }),
    remove: () => removePlace(machine, base, [root]),
  }
  return made(place, async () => {
    await shell(machine, MAKE, [root, folder, hosts])
    await shell(machine, COPY, [directory, '', ...(await filesOf(program))])
    if (flavor === 'h') return
    const wanted = [
      await withLibraries(program, false),
      ...(await Promise.all(desc.deps.map((file) => withLibraries(file, true)))),
    ]
    const paths = [...new Set(wanted.flat())]
    if (paths.length > 0) await shell(machine, COPY, [root, '--parents', ...paths])
  })
}

/** The program, what bears its name, and what belongs to no test, such as a library. */
async function filesOf(program: string): Promise<string[]> {
  const source = dirname(program)
  const there = await readdir(source)
  const all = new Set(there)
  const own = basename(program)
  const wanted = there.filter((name) => {
    const extension = extname(name)
    if (OF_THE_BUILD.includes(extension)) return false
    const mine = name === own || name.startsWith(`${own}.`)
    const others = all.has(`${name}.c`) || OF_ONE_TEST.includes(extension) || name.startsWith('.')
    return mine || !others
  })
  return wanted.map((name) => `${source}/${name}`)
}
