import { execa, type Options } from 'execa'
import { hostCommands } from '../hosts/checkout.ts'

/** The command line of `criu-remote` from the sources of this checkout, as Node and its parameters. */
export const [node, ...main] = hostCommands(process.execPath, {}).criuRemote as [
  string,
  ...string[],
]

/** Runs `criu-remote` as a user does, without standard input; resolves whatever its exit code is. */
export function criuRemote(words: readonly string[], options: Pick<Options, 'timeout'> = {}) {
  return execa(node, [...main, ...words], { ...options, reject: false, stdin: 'ignore' })
}
