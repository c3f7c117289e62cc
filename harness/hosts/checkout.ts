import { fileURLToPath } from 'node:url'

/** The root of this package: containers see it read-only at the same path. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** `criu-remote` run by that node binary; a guest has it bundled. */
export function criuRemoteCommand(node: string): readonly string[] {
  return [node, '--disable-warning=ExperimentalWarning', process.env['CRIU_REMOTE_MAIN'] ?? `${checkout}/harness/cli/main.ts`]
}
