import type { TraceEvent } from '../../harness/conformance/trace.ts'
import { ENOENT, localReply } from '../../proto/index.ts'

/**
 * The number of events in the trace of a passed test, refused opens not counted: more fill a
 * report.
 */
const LONGEST = 400

const REFUSED = localReply.encode(ENOENT).toString('hex')

/** Returns the events of refused opens and, of the other events, the first ones. */
export function shortenTrace(events: readonly TraceEvent[]): readonly TraceEvent[] {
  const refused = new Set(
    events
      .filter(({ direction, hex }) => direction === 'out' && hex === REFUSED)
      .map(({ connection }) => connection),
  )
  let others = 0
  return events.filter(({ connection }) => refused.has(connection) || ++others <= LONGEST)
}
