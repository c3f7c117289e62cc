import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addDaemons } from './daemons.ts'
import { parse } from './parse.ts'

const { version, description } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as Record<string, string>

const program = new Command('criu-remote').description(`${description}.`).version(version as string)
addDaemons(program)
// Daemons are started by the hundred: they do not load what they can't be asked for.
if (!['proxy', 'cache'].includes(process.argv[2] ?? ''))
  (await import('./commands.ts')).addCommands(program)
await parse(program)
