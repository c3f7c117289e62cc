import { execa, type Options } from 'execa'
import { hostCommands } from '../hosts/checkout.ts'

/** The command line of `criu-remote` from this checkout's sources: Node and its parameters. */
export const [node, ...main] = hostCommands(process.execPath, {}).criuRemote as [
  string,
  ...string[],
]

/** Runs `criu-remote` as a user does, without standard input. Never rejects for an exit code. */
export function criuRemote(words: readonly string[], options: Pick<Options, 'timeout'> = {}) {
  return execa(node, [...main, ...words], { ...options, reject: false, stdin: 'ignore' })
}
