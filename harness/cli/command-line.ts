import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addDaemons } from './daemons.ts'
import { parse } from './parse.ts'

const { version, description } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as Record<string, string>

const program = new Command('criu-remote').description(`${description}.`).version(version as string)
addDaemons(program)
// Tests start hundreds of daemons, so a daemon does not load the other commands.
if (!['proxy', 'cache'].includes(process.argv[2] ?? ''))
  (await import('./commands.ts')).addCommands(program)
await parse(program)
