import { fileURLToPath } from 'node:url'

/** The root of this package: containers see it read-only at the same path. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** For what is kept between runs. In the checkout, so that containers, which see it read-only, have it too. */
export const cacheDirectory = `${checkout}/node_modules/.cache/criu-remote`

/** Returns the command line of a Node binary; a script's path goes after it. */
export const nodeCommand = (binary: string): readonly string[] => [
  binary,
  '--disable-warning=ExperimentalWarning',
]

/** Command lines that every host has. */
export interface HostCommands {
  /** Node: the path of a script and its parameters go after it. */
  node: readonly string[]
  /** `criu-remote`. */
  criuRemote: readonly string[]
  /** `criu-remote`, for its commands `proxy` and `cache` only: a startup snapshot where there is one. */
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
