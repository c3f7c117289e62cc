import { fileURLToPath } from 'node:url'

/** The root of this package: containers see it read-only at the same path. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** For what is kept between runs. In the checkout, so that containers, which see it read-only, have it too. */
export const cacheDirectory = `${checkout}/node_modules/.cache/criu-remote`

/** `criu-remote` run by that node binary. */
export function criuRemoteCommand(
  node: string,
  main = `${checkout}/harness/cli/main.ts`,
): readonly string[] {
  return [node, '--disable-warning=ExperimentalWarning', main]
}

/** The same, bundled where the environment says so: see bundle.ts. */
export function bundledCommand(node: string): readonly string[] {
  return criuRemoteCommand(node, process.env['CRIU_REMOTE_MAIN'])
}

/** The same for proxy and cache only, which may be a snapshot. */
export function daemonCommand(
  node: string,
  snapshot = process.env['CRIU_REMOTE_SNAPSHOT'],
): readonly string[] {
  return snapshot === undefined
    ? bundledCommand(node)
    : [node, '--snapshot-blob', snapshot, 'criu-remote']
}
