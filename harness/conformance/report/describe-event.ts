import { printableLine } from '../../printable.ts'
import type { TraceEvent } from '../trace.ts'
import { decodeEvent } from './decode.ts'

/** Returns an event of a trace as a line: time, connection, direction, bytes or end. */
export function describeEvent(event: TraceEvent): string {
  const { at, connection, direction, kind, size = 0, hex, meaning: remark = '' } = event
  const arrow = direction === 'in' ? '->' : '<-'
  const decoded = decodeEvent(event)
  const meaning = decoded === undefined ? '' : `(${decoded}) `
  const bytes = `${hex}${size > 64 ? '...' : ''}`
  const act = kind === 'note' ? printableLine(remark) : kind
  const what = kind === 'bytes' ? `${size} bytes ${meaning}${bytes}` : act
  return `${at.toFixed(1).padStart(8)} ms  ${printableLine(connection)} ${arrow} ${what}`
}
