import { type Host, run } from '../../harness/hosts/host.ts'

/** The directory of one test, and the root directory of flavors ns and uns. */
export interface TestDirectory {
  /** The directory itself: program, PID file, output and the test's own files. */
  directory: string
  /** Root of flavors ns and uns. */
  root: string
  program: string
  /** The test's hook, if it has one. */
  hook?: string
  pidFile: string
  outFile: string
  /** The directory for files of the hosts. */
  hosts: string
  remove(): Promise<void>
}

/** Makes a directory and returns it; removes it, and throws, if making it fails. */
export async function madeOrRemoved(
  directory: TestDirectory,
  make: () => Promise<unknown>,
): Promise<TestDirectory> {
  try {
    await make()
    return directory
  } catch (thrown) {
    await directory.remove()
    throw thrown
  }
}

const REMOVE = 'base=$1; shift; umount -l "$@"; rm -rf "$base"'

export async function removeTestDirectory(
  machine: Host,
  base: string,
  mounts: readonly string[],
): Promise<void> {
  await run(machine, ['sh', '-c', REMOVE, 'sh', base, ...mounts])
}
