import { copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { execa } from 'execa'
import { HostError } from '../harness/hosts/host.ts'
import { makeCriuPlace } from './criu-place.ts'
import type { PlannedTest } from './plan.ts'

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
  pidFile: string
  outFile: string
  /** For whatever the hosts need. */
  hosts: string
  remove(): Promise<void>
}

const MAKE_ROOT = `set -e
mount -t tmpfs -o mode=755 zdtm "$1"
mkdir -p "$1/proc" "$1/dev/pts" "$1/tmp" "$1$2"
chmod 1777 "$1/tmp"; chmod 777 "$1$2"
mknod -m 666 "$1/dev/null" c 1 3; mknod -m 666 "$1/dev/zero" c 1 5; ln -s pts/ptmx "$1/dev/ptmx"
mount --bind "$1$2" "$2"`

/** Makes the place of a test below `base`, which is on a tmpfs. */
export async function makePlace(base: string, test: PlannedTest): Promise<Place> {
  if (test.parameters !== undefined) return makeCriuPlace(base, test)
  const { program, name } = test
  const [directory, root, hosts] = [`${base}/dir`, `${base}/root`, `${base}/hosts`]
  for (const each of [directory, root, hosts]) await mkdir(each, { recursive: true })
  const remove = async () => {
    await execa('umount', ['-l', directory, root], { reject: false })
    await rm(base, { recursive: true, force: true })
  }
  try {
    await execa('sh', ['-c', MAKE_ROOT, 'sh', root, directory])
    const copy = `${directory}/${name.split('/').at(-1)}`
    await copyFile(program, copy)
    return { directory, root, hosts, program: copy, pidFile: `${directory}/pid`, outFile: `${directory}/out`, remove }
  } catch (thrown) {
    await remove()
    throw HostError.from(thrown, `making a place for ${name} in ${dirname(base)}`)
  }
}
