import { isExplained } from './explain.ts'
import {
  type Forward,
  type ImageHistory,
  type Moment,
  type Read,
  seenBy,
  type Write,
} from './history.ts'
import { label, nameOf, timeline, versionText } from './timeline.ts'

/*
 * The judgement of a history: the first operation, by the clock, that no order explains, the clause
 * that it breaks, and the fewest operations that show it.
 */

/** A breach that a history shows. */
export interface Finding {
  what: string
  permitted: { outcome: string; clause: string }
  actual: string
  /** The operations that show it, as a picture. */
  picture: string[]
}

/** Returns the first breach in these histories, which share a clock and a link. */
export function judge(histories: readonly ImageHistory[]): Finding | undefined {
  for (const history of histories) {
    if (!isExplained(history)) return findingOf(history)
  }
  return outOfOrder(histories)
}

/** An operation that can be the one that no order explains. */
type Seen = Read | Forward

function findingOf(history: ImageHistory): Finding {
  const culprit = firstUnexplained(history)
  if (culprit === undefined) return lost(history)
  const core = smallest(until(history, endOf(culprit)), culprit)
  const { writes } = history
  const [clause, why] = 'place' in culprit ? reasonOfLink(culprit, core) : reasonOf(culprit, core)
  const what =
    'place' in culprit
      ? `the versions of ${history.name} on the link`
      : `a read of ${history.name} at the ${culprit.side}`
  return {
    what,
    permitted: { outcome: 'an answer that some order of the operations explains', clause },
    actual: `${versionText(culprit.got, writes)}: ${why}`,
    picture: timeline(core, culprit),
  }
}

function firstUnexplained(history: ImageHistory): Seen | undefined {
  const seen: Seen[] = [...history.reads, ...(history.link ?? [])]
  return seen
    .sort((one, other) => endOf(one) - endOf(other))
    .find((each) => !isExplained(until(history, endOf(each))))
}

const endOf = (seen: Seen): Moment => ('place' in seen ? seen.came : seen.answered)

/** Returns the part of a history that has happened at a moment. */
function until(history: ImageHistory, moment: Moment): ImageHistory {
  const reads = history.reads.filter(({ answered }) => answered <= moment)
  const link = history.link?.filter(({ came }) => came <= moment)
  const isSeen = (id: number) =>
    [...reads, ...(link ?? [])].some(({ got }) => got !== 'missing' && got.includes(id))
  const begun = history.writes.filter(({ id, closing }) => closing < moment || isSeen(id))
  // A close that has not ended may have its effect later.
  const writes = begun.map((write) =>
    write.closed <= moment ? write : { ...write, optional: true },
  )
  return { ...history, writes, reads, link, linkIsWhole: false }
}

/** Leaves out operations as long as no order explains the rest. */
function smallest(history: ImageHistory, culprit: Seen): ImageHistory {
  let core = history
  const attempt = (smaller: ImageHistory) => {
    if (isWellFormed(smaller) && !isExplained(smaller)) core = smaller
  }
  for (const read of history.reads)
    if (read !== culprit) attempt({ ...core, reads: core.reads.filter((each) => each !== read) })
  // A write without bytes stays: no version tells whether it is needed.
  for (const write of history.writes.filter(({ size }) => size > 0))
    attempt({
      ...core,
      writes: core.writes.filter((each) => each !== write),
      link: core.link?.filter((each) => each === culprit || each.got.at(-1) !== write.id),
    })
  // The versions on the link matter only where one of them is the culprit.
  if (!('place' in culprit)) attempt({ ...core, link: undefined })
  return core
}

/** Returns whether each version consists of writes and appends of the history. */
function isWellFormed({ initial, writes, reads, link }: ImageHistory): boolean {
  const known = new Set([...(initial === 'missing' ? [] : initial), ...writes.map(({ id }) => id)])
  return [...reads, ...(link ?? [])].every(
    ({ got }) => got === 'missing' || got.every((id) => known.has(id)),
  )
}

/** Returns the clause that a read breaks, and the reason in words. */
function reasonOf(read: Read, history: ImageHistory): [clause: string, why: string] {
  const { writes, reads, barriers, linkEnds } = history
  const ids = read.got === 'missing' ? [] : read.got
  const early = writes.find(({ id, closing }) => ids.includes(id) && closing > read.answered)
  if (early !== undefined)
    return ['L7', `it was answered before the close of ${label(early)} had begun`]
  // The versions on the link are left out unless the breach needs them.
  if ((history.link ?? []).length > 0)
    return ['W5', 'no order explains this answer and the versions on the link at once']
  const unseen = writes.filter(
    (write) => seenBy(write, read, barriers) && write.size > 0 && !ids.includes(write.id),
  )
  const last = unseen.at(-1)
  if (read.side === 'cache') return reasonAtCache(read, last, reads, linkEnds)
  if (read.got === 'missing')
    return ['L10', `${label(last ?? (writes[0] as Write))} was closed before the read was opened`]
  if (last !== undefined && writes.every(({ id, mode }) => mode === 'append' || !ids.includes(id)))
    return ['L10', `${label(last)} was closed before the read was opened, and its bytes lack`]
  if (last !== undefined)
    return ['L10', `${label(last)} was closed before the read was opened, and is not in its place`]
  return ['L10', 'no order of the writes and appends, and of the reads before, leads to it']
}

function reasonAtCache(
  read: Read,
  last: Write | undefined,
  reads: readonly Read[],
  linkEnds: Moment,
): [clause: string, why: string] {
  if (read.got === 'missing')
    return read.answered > linkEnds
      ? ['C3', 'the image was complete before the link ended']
      : ['C3', 'the link was open, so the read had to wait']
  if (last !== undefined)
    return ['C1', `${label(last)} had come: the read was opened after an image that came later`]
  const before = reads.findLast(
    (each) => each !== read && each.side === 'cache' && each.answered < read.opened,
  )
  if (before !== undefined) return ['C1', `${before.client} had read another version before`]
  return ['C2', 'no order of the writes and appends leads to it']
}

function reasonOfLink(version: Forward, history: ImageHistory): [clause: string, why: string] {
  const { writes, link = [] } = history
  const early = writes.find(({ id, closing }) => version.got.includes(id) && closing > version.came)
  if (early !== undefined) return ['W3', `it came before the close of ${label(early)} had begun`]
  const missing = writes.find(
    ({ id, size, closed }) =>
      size > 0 && closed < version.came && !link.some(({ got }) => got.includes(id)),
  )
  if (missing !== undefined)
    return ['W5', `${label(missing)} was closed before, and has not come on the link`]
  return ['W5', 'no order of the writes and appends leads to it after the versions before it']
}

/** Returns the finding of a history whose link lacks a version at its end. */
function lost(history: ImageHistory): Finding {
  const { name, writes, link = [], linkEnds } = history
  const missing =
    writes.find(({ id, size, optional }) => {
      return size > 0 && optional !== true && !link.some(({ got }) => got.includes(id))
    }) ?? writes.find(({ optional }) => optional !== true)
  const number = missing === undefined ? 0 : writes.indexOf(missing) + 1
  const subject = missing === undefined ? 'a version' : nameOf(missing, writes)
  const finish = !Number.isFinite(linkEnds)
    ? ''
    : missing !== undefined && missing.closed < linkEnds
      ? ', closed before the finish was sent,'
      : ', whose header came before the finish,'
  return {
    what: `the versions of ${name} on the link`,
    permitted: {
      outcome: 'each version that a client completed',
      clause: finish === '' ? 'W5' : 'E1a',
    },
    actual:
      `${link.length} versions at the end: write ${number} of ${writes.length} (${subject})` +
      `${finish} was not forwarded`,
    picture: timeline(history, missing),
  }
}

/** Returns two writes that came in the wrong order on the link, though a client ordered them. */
function outOfOrder(histories: readonly ImageHistory[]): Finding | undefined {
  const placed = histories.flatMap((history) =>
    history.writes.flatMap((write) => {
      const place = history.link?.find(({ got }) => got.includes(write.id))?.place
      return place === undefined ? [] : [{ history, write, place }]
    }),
  )
  for (const first of placed) {
    const second = placed.find(
      ({ write, place }) => first.write.closed < write.opened && place < first.place,
    )
    if (second !== undefined)
      return {
        what: 'the order of images on the link',
        permitted: {
          outcome: 'an image before those that were opened after its close',
          clause: 'W5',
        },
        actual:
          `${label(first.write)} of ${first.history.name} in place ${first.place}, after ` +
          `${label(second.write)} of ${second.history.name} in place ${second.place}, ` +
          'which was opened after the close of the first',
        picture: [...new Set([first.history, second.history])].flatMap((each) => timeline(each)),
      }
  }
  return undefined
}
