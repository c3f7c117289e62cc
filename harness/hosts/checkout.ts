import { fileURLToPath } from 'node:url'

/** The root of this package. Containers see it read-only at the same path. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/**
 * Directory of files that are kept between runs. It is in the checkout, so that containers can read
 * it as well.
 */
export const cacheDirectory = `${checkout}/node_modules/.cache/criu-remote`

/** Returns the command line of a Node binary, to be followed by a script's path. */
const nodeCommand = (binary: string): readonly string[] => [
  binary,
  '--disable-warning=ExperimentalWarning',
]

/** Command lines that every host has. */
export interface HostCommands {
  /** Node, to be followed by the path of a script and its parameters. */
  node: readonly string[]
  /** `criu-remote`. */
  criuRemote: readonly string[]
  /**
   * `criu-remote` for its commands `proxy` and `cache` only: the startup snapshot, if one exists.
   */
  daemons: readonly string[]
}

/**
 * Returns the command lines of a host whose Node binary is at `binary`. They use the bundle and the
 * snapshot that CRIU_REMOTE_MAIN and CRIU_REMOTE_SNAPSHOT name, where these are set: see bundle.ts.
 */
export function hostCommands(
  binary: string,
  { CRIU_REMOTE_MAIN: main, CRIU_REMOTE_SNAPSHOT: snapshot }: NodeJS.ProcessEnv = process.env,
): HostCommands {
  const node = nodeCommand(binary)
  const criuRemote = [...node, main ?? `${checkout}/harness/cli/main.ts`]
  const daemons =
    snapshot === undefined ? criuRemote : [binary, '--snapshot-blob', snapshot, 'criu-remote']
  return { node, criuRemote, daemons }
}
