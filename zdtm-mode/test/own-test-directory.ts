import { basename } from 'node:path'
import { type Host, shell } from '../../harness/hosts/host.ts'
import type { PlannedTest } from '../plan.ts'
import { madeOrRemoved, removeTestDirectory, type TestDirectory } from './test-directory.ts'

/*
 * The directory of one of our tests, and the root directory of flavors ns and uns.
 *
 * The test's directory must have the same path inside that root as outside, and CRIU must not meet
 * it as a mount of its own. So it is a plain directory of the root, a tmpfs, and bound to its path
 * outside. Both hosts of a test inherit the mounts.
 */

const MAKE = `set -e
mkdir -p "$1" "$2" "$4"
mount -t tmpfs -o mode=755 zdtm "$1"
mkdir -p "$1/proc" "$1/dev/pts" "$1/tmp" "$1$2"
chmod 1777 "$1/tmp"; chmod 777 "$1$2"
mknod -m 666 "$1/dev/null" c 1 3; mknod -m 666 "$1/dev/zero" c 1 5; ln -s pts/ptmx "$1/dev/ptmx"
mount --bind "$1$2" "$2"
cp "$3" "$2/"`

/**
 * Makes the directory of one of our tests below `base`, on a tmpfs of the machine. Throws
 * HostError.
 */
export function makeOwnTestDirectory(
  machine: Host,
  base: string,
  { program }: PlannedTest,
): Promise<TestDirectory> {
  const [directory, root, hosts] = [`${base}/dir`, `${base}/root`, `${base}/hosts`]
  const made = {
    directory,
    root,
    hosts,
    program: `${directory}/${basename(program)}`,
    pidFile: `${directory}/pid`,
    outFile: `${directory}/out`,
    remove: () => removeTestDirectory(machine, base, [directory, root]),
  }
  return madeOrRemoved(made, () => shell(machine, MAKE, [root, directory, program, hosts]))
}
