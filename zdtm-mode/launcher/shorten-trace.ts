import type { TraceEvent } from '../../harness/conformance/trace.ts'
import { ENOENT, localReply } from '../../proto/index.ts'

/** Events of a test that passed that a report keeps, beside those of opens that were refused. */
const KEPT = 400

const REFUSED = localReply.encode(ENOENT).toString('hex')

/** The events of a passed test that are kept: what was asked for and never existed, and of the rest the beginning. */
export function keptTrace(events: readonly TraceEvent[]): readonly TraceEvent[] {
  const refused = new Set(
    events
      .filter(({ direction, hex }) => direction === 'out' && hex === REFUSED)
      .map(({ connection }) => connection),
  )
  let others = 0
  return events.filter(({ connection }) => refused.has(connection) || ++others <= KEPT)
}
