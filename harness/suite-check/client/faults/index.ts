import type { SourceMutant } from '../../built-program.ts'
import { faults as end } from './end.ts'
import { faults as replies } from './replies.ts'
import { faults as requests } from './requests.ts'
import { faults as snapshots } from './snapshots.ts'

/** All faults of the small client. */
export const clientFaults: readonly SourceMutant[] = [...requests, ...replies, ...snapshots, ...end]
