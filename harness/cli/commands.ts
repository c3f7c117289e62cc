import type { Command } from 'commander'
import { addBench } from './bench.ts'
import { addCases } from './cases.ts'
import { addConform } from './conform.ts'
import { addDoctor } from './doctor.ts'
import { addMatrix } from './matrix.ts'
import { addMigrate } from './migrate.ts'
import { addMount } from './mount.ts'
import { addZdtm } from './zdtm.ts'

/** Adds every command except the daemons, `proxy` and `cache`. */
export function addCommands(program: Command): void {
  for (const add of [
    addMount,
    addConform,
    addCases,
    addMatrix,
    addBench,
    addMigrate,
    addZdtm,
    addDoctor,
  ])
    add(program)
}
