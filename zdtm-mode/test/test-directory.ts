import { basename } from 'node:path'
import { type Host, run, shell } from '../../harness/hosts/host.ts'
import type { PlannedTest } from '../plan.ts'
import { makeCriuPlace } from './criu-test-directory.ts'

/*
 * Where one test lives: a directory of its own, and the root directory that flavors ns and uns make theirs.
 *
 * The test's directory must have the same path inside that root as outside, and CRIU must not meet it as a mount of its own: so it
 * is a plain directory of the root, a tmpfs, and bound to its path outside. Both hosts of a test inherit the mounts.
 */

export interface Place {
  /** The test's directory: program, PID file, output and the test's own files. */
  directory: string
  /** Root of flavors ns and uns. */
  root: string
  program: string
  /** Its hook, if it has one. */
  hook?: string
  pidFile: string
  outFile: string
  /** For whatever the hosts need. */
  hosts: string
  remove(): Promise<void>
}

const MAKE = `set -e
mkdir -p "$1" "$2" "$4"
mount -t tmpfs -o mode=755 zdtm "$1"
mkdir -p "$1/proc" "$1/dev/pts" "$1/tmp" "$1$2"
chmod 1777 "$1/tmp"; chmod 777 "$1$2"
mknod -m 666 "$1/dev/null" c 1 3; mknod -m 666 "$1/dev/zero" c 1 5; ln -s pts/ptmx "$1/dev/ptmx"
mount --bind "$1$2" "$2"
cp "$3" "$2/"`

/** Makes the place of a test below `base`, which is on a tmpfs of the machine. Throws HostError. */
export async function makePlace(machine: Host, base: string, test: PlannedTest): Promise<Place> {
  if (test.parameters !== undefined) return makeCriuPlace(machine, base, test)
  const { program } = test
  const [directory, root, hosts] = [`${base}/dir`, `${base}/root`, `${base}/hosts`]
  const place = {
    directory,
    root,
    hosts,
    program: `${directory}/${basename(program)}`,
    pidFile: `${directory}/pid`,
    outFile: `${directory}/out`,
  }
  return made({ ...place, remove: () => removePlace(machine, base, [directory, root]) }, () =>
    shell(machine, MAKE, [root, directory, program, hosts]),
  )
}

/** The place, once it is made; removed if that fails. */
export async function made(place: Place, make: () => Promise<unknown>): Promise<Place> {
  try {
    await make()
    return place
  } catch (thrown) {
    await place.remove()
    throw thrown
  }
}

const REMOVE = 'base=$1; shift; umount -l "$@"; rm -rf "$base"'

export async function removePlace(
  machine: Host,
  base: string,
  mounts: readonly string[],
): Promise<void> {
  await run(machine, ['sh', '-c', REMOVE, 'sh', base, ...mounts])
}
