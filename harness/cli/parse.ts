import type { Command } from 'commander'
import { report } from './failure.ts'

/** Runs the command line's command, and sets the exit code of the process. */
export async function parse(program: Command): Promise<void> {
  for (const command of program.commands)
    for (const each of [command, ...command.commands]) each.exitOverride()
  try {
    await program.exitOverride().parseAsync()
  } catch (thrown) {
    process.exitCode = report(thrown)
  }
}
