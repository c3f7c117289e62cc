import type { Mutant } from '../mutant.ts'
import { dialects } from './dialects.ts'
import { end } from './end.ts'
import { forwarding } from './forwarding.ts'
import { framing } from './framing.ts'
import { histories } from './histories.ts'
import { local } from './local.ts'
import { order } from './order.ts'
import { reads } from './reads.ts'
import { resources } from './resources.ts'
import { snapshots } from './snapshots.ts'

/** Faults that an implementation of the protocol has, or could have: at least one for each MUST. */
export const faults: readonly Mutant[] = [
  ...framing,
  ...local,
  ...snapshots,
  ...forwarding,
  ...reads,
  ...order,
  ...end,
  ...histories,
  ...resources,
  ...dialects,
]
