import type { Forward, ImageHistory, Moment, Read, Version, Write } from './history.ts'

/*
 * A history as a picture for people: a line for each operation, the time from left to right. The
 * moments are numbered anew, so that the picture is as narrow as the history is short.
 */

/** Widest picture, in columns; later moments share the last one. */
const WIDEST = 60

export type Entry = Write | Read | Forward

/** Returns a line for each operation; the one that no order explains is marked. */
export function timeline(history: ImageHistory, unexplained?: Entry): string[] {
  const entries: Entry[] = [...history.writes, ...history.reads, ...(history.link ?? [])].sort(
    (one, other) => beginOf(one) - beginOf(other),
  )
  const columns = columnsOf(entries.flatMap(momentsOf))
  const width = Math.min(WIDEST, columns.size)
  const lines = entries.map((entry) => {
    const mark = entry === unexplained ? ' <- no order explains it' : ''
    return `${bar(entry, columns, width)}  ${nameOf(entry, history.writes)}${mark}`
  })
  return [
    `${history.name}, from left to right: ( open, [ ] close, ) reply, * on the link`,
    ...lines,
  ]
}

/** Returns an operation in words. */
export function nameOf(entry: Entry, writes: readonly Write[]): string {
  if ('mode' in entry) return `${entry.client} ${entry.mode}s ${label(entry)}, ${entry.size} bytes`
  if ('place' in entry) return `the link brings ${versionText(entry.got, writes)}`
  return `${entry.client} reads at the ${entry.side}: ${versionText(entry.got, writes)}`
}

/** Returns a version in words: the writes and appends that it consists of. */
export function versionText(version: Version | 'missing', writes: readonly Write[]): string {
  if (version === 'missing') return 'ENOENT'
  if (version.length === 0) return 'an empty image'
  const known = (id: number) => writes.find((write) => write.id === id)
  return version.map((id) => (known(id) ? label(known(id) as Write) : 'older bytes')).join(' + ')
}

/** Returns the short name of a write or append. */
export const label = ({ mode, id }: Pick<Write, 'mode' | 'id'>): string =>
  `${mode === 'write' ? 'W' : 'A'}${id}`

function momentsOf(entry: Entry): Moment[] {
  if ('mode' in entry) return [entry.opened, entry.closing, entry.closed]
  return 'place' in entry ? [entry.came] : [entry.opened, entry.answered]
}

const beginOf = (entry: Entry) => momentsOf(entry)[0] as Moment

function columnsOf(moments: readonly Moment[]): ReadonlyMap<Moment, number> {
  const finite = [...new Set(moments)].filter(Number.isFinite).sort((one, other) => one - other)
  return new Map(finite.map((moment, at) => [moment, Math.min(at, WIDEST - 1)]))
}

function bar(entry: Entry, columns: ReadonlyMap<Moment, number>, width: number): string {
  const at = momentsOf(entry).map((moment) => columns.get(moment) ?? width)
  const signs = 'mode' in entry ? '([]' : 'place' in entry ? '*' : '()'
  const first = at[0] as number
  const last = at.at(-1) as number
  return Array.from({ length: width }, (_, column) => {
    const sign = at.indexOf(column)
    if (sign >= 0) return signs[sign]
    return column > first && column < last ? '-' : ' '
  }).join('')
}
