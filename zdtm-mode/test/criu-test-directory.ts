import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { type Host, shell } from '../../harness/hosts/host.ts'
import type { PlannedTest } from '../plan.ts'
import { withLibraries } from './libraries.ts'
import { madeOrRemoved, removeTestDirectory, type TestDirectory } from './test-directory.ts'

/*
 * The directory of one of CRIU's own tests: a tmpfs in the shape of CRIU's directory `test`, which
 * is the root of flavors ns and uns as well.
 *
 * Such a program is started in `zdtm/static` with names relative to that, its hooks in `test`. In
 * flavors ns and uns it makes ZDTM_ROOT its root and expects to be in it already. zdtm.py binds the
 * directory `test` for that. Here each test has a copy of its own files, since the checkout is
 * read-only and tests must not meet each other's files. /dev is a plain directory of that root, so
 * CRIU needs no --external for it.
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

/** Extensions of files that are needed only to build programs. */
const OF_THE_BUILD = ['.c', '.o', '.d', '.h']
/** Extensions of files that belong to one test, whose name is before the extension. */
const OF_ONE_TEST = ['.hook', '.desc', '.checkskip']

/** Copies $3 and so on into $1, as files, or with $2 = --parents at their own paths. */
const COPY = 'to=$1 how=$2; shift 2; cp -rL $how "$@" "$to/"'

/**
 * Makes the directory of one of CRIU's tests below `base`, on a tmpfs of the machine. Throws
 * HostError.
 */
export function makeCriuTestDirectory(
  machine: Host,
  base: string,
  test: PlannedTest,
): Promise<TestDirectory> {
  const { program } = test
  const folder = basename(dirname(program))
  const [root, hosts] = [`${base}/root`, `${base}/hosts`]
  const directory = `${root}/zdtm/${folder}`
  const copy = `${directory}/${basename(program)}`
  const made = {
    ...{ directory, root, hosts, program: copy, pidFile: `${copy}.pid`, outFile: `${copy}.out` },
    ...(existsSync(`${program}.hook`) && { hook: `${copy}.hook` }),
    remove: () => removeTestDirectory(machine, base, [root]),
  }
  return madeOrRemoved(made, async () => {
    await shell(machine, MAKE, [root, folder, hosts])
    await shell(machine, COPY, [directory, '', ...(await filesOf(program))])
    const paths = await filesInRoot(test)
    if (paths.length > 0) await shell(machine, COPY, [root, '--parents', ...paths])
  })
}

/** Returns the libraries and the `deps` that the test needs in its own root; flavor h has none. */
async function filesInRoot({ program, flavor, desc }: PlannedTest): Promise<string[]> {
  if (flavor === 'h') return []
  const wanted = [
    await withLibraries(program, false),
    ...(await Promise.all(desc.deps.map((file) => withLibraries(file, true)))),
  ]
  return [...new Set(wanted.flat())]
}

/** Returns the program, the files that bear its name, and files of no test, such as a library. */
async function filesOf(program: string): Promise<string[]> {
  const source = dirname(program)
  const own = basename(program)
  const names = await readdir(source)
  const all = new Set(names)
  const isOthers = (name: string) =>
    all.has(`${name}.c`) || OF_ONE_TEST.includes(extname(name)) || name.startsWith('.')
  const isWanted = (name: string) =>
    !OF_THE_BUILD.includes(extname(name)) &&
    (name === own || name.startsWith(`${own}.`) || !isOthers(name))
  return names.filter(isWanted).map((name) => `${source}/${name}`)
}
