import type { AgentLine } from '../agent-line.ts'
import type { TestId } from '../plan.ts'

/** Bytes of a file in one line. */
const PIECE = 192 * 1024

/** Prints a line for the launcher. */
export const printLine = (line: AgentLine) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** Prints a test's images and logs in pieces: standard output is the only way to the launcher. */
export function printSaved({ name, flavor }: TestId, saved: ReadonlyMap<string, Buffer>): void {
  for (const [file, bytes] of saved)
    for (let at = 0; at === 0 || at < bytes.length; at += PIECE) {
      const base64 = bytes.toString('base64', at, Math.min(at + PIECE, bytes.length))
      printLine({ event: 'saved', name, flavor, file, base64 })
    }
}
