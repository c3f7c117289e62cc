import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBench } from './bench.ts'
import { addCases } from './cases.ts'
import { addConform } from './conform.ts'
import { addDaemons } from './daemons.ts'
import { addDoctor } from './doctor.ts'
import { report } from './failure.ts'
import { addMatrix } from './matrix.ts'
import { addMigrate } from './migrate.ts'
import { addMount } from './mount.ts'
import { addZdtm } from './zdtm.ts'

const { version, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Record<string, string>

const program = new Command('criu-remote').description(`${description}.`).version(version as string)
addDaemons(program)
addMount(program)
addConform(program)
addCases(program)
addMatrix(program)
addBench(program)
addMigrate(program)
addZdtm(program)
addDoctor(program)
for (const command of program.commands) for (const each of [command, ...command.commands]) each.exitOverride()

try {
  await program.exitOverride().parseAsync()
} catch (thrown) {
  process.exitCode = report(thrown)
}
