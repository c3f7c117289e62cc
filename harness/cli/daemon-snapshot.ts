import { startupSnapshot } from 'node:v8'
import { Command } from 'commander'
import { addDaemons } from './daemons.ts'
import { parse } from './parse.ts'

/*
 * `criu-remote proxy` and `criu-remote cache` as a startup snapshot (see harness/hosts/bundle.ts).
 * Node writes the snapshot after all modules have run.
 */

const program = new Command('criu-remote')
addDaemons(program)
startupSnapshot.setDeserializeMainFunction(() => void parse(program))
