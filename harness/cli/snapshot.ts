import { setFlagsFromString, startupSnapshot } from 'node:v8'
import { Command } from 'commander'
import { daemonFlags } from '../implementation/tuning.ts'
import { addDaemons } from './daemons.ts'
import { parse } from './parse.ts'

/* `criu-remote proxy` and `criu-remote cache` for a startup snapshot (see harness/hosts/bundle.ts): all modules have run when it is made. */

const program = new Command('criu-remote')
addDaemons(program)
startupSnapshot.setDeserializeMainFunction(() => {
  setFlagsFromString(daemonFlags)
  void parse(program)
})
