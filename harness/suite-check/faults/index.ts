import type { Mutant } from '../mutant.ts'
import { dialects } from './dialects.ts'
import { end } from './end.ts'
import { forwarding } from './forwarding.ts'
import { framing } from './framing.ts'
import { local } from './local.ts'
import { reads } from './reads.ts'
import { snapshots } from './snapshots.ts'

/** Faults that an implementation of the protocol has, or could have: at least one for each MUST. */
export const faults: readonly Mutant[] = [
  ...framing,
  ...local,
  ...snapshots,
  ...forwarding,
  ...reads,
  ...end,
  ...dialects,
]
