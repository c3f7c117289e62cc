import { ENOENT, localImage, localReply, O_APPEND, O_RDONLY, O_WRONLY } from '../../proto/index.ts'
import { type ControlNames, names2017, names2019 } from './control-names.ts'
import type { TraceEvent } from './trace-event.ts'
import { readFrame, readLink, type TracedHeader } from './traced-frames.ts'

/*
 * A descriptor with the wrong dialect makes an implementation fail in many cases, and no text of
 * them names the cause. Four things on the wire tell dialects apart: the finish names that a daemon
 * takes for those of images (D1), how much of an append is forwarded, and the open mode of a new
 * image (D2). Each is a suspicion only, for the text of a failure: it changes no verdict.
 */

/** Dialects with an append's new bytes on the link, under the size of all. */
const NEW_BYTES = ['criu-2017', 'criu-2019', 'criu-2020']

/**
 * Returns a sentence with the dialect that the bytes of a failed case look like; undefined if they
 * fit the declared one, or do not tell.
 */
export function suspectDialect(trace: readonly TraceEvent[], declared: string): string | undefined {
  const suspicion =
    suspectNames(trace, declared) ??
    suspectAppends(trace, declared) ??
    suspectModes(trace, declared)
  if (suspicion === undefined) return undefined
  const { dialect, evidence } = suspicion
  return `this looks like dialect ${dialect}, declared ${declared}: ${evidence}`
}

interface Suspicion {
  dialect: string
  evidence: string
}

/** The control names that a declared dialect understands, and the dialect that does not. */
const understood: Record<string, readonly { names: ControlNames; otherwise: string }[]> = {
  ours: [{ names: names2017, otherwise: 'criu-2019' }],
  'criu-2017': [{ names: names2017, otherwise: 'criu-2019' }],
  'criu-2019': [{ names: names2019, otherwise: 'criu-2017' }],
  'criu-2020': [{ names: names2019, otherwise: 'criu-2017' }],
  auto: [
    { names: names2017, otherwise: 'criu-2019' },
    { names: names2019, otherwise: 'criu-2017' },
  ],
}

/** Suspects a daemon that takes the finish of the declared dialect for an ordinary image. */
function suspectNames(trace: readonly TraceEvent[], declared: string): Suspicion | undefined {
  const forwarded = readLink(trace, 'whole').headers
  const missing = readsOfMissing(trace)
  for (const { names, otherwise } of understood[declared] ?? []) {
    const { nullId, dumpFinish, restoreFinish } = names
    const isFinish = (name: string) => (image: { snapshotId: string; name: string }) =>
      image.snapshotId === nullId && image.name === name
    if (forwarded.some(isFinish(dumpFinish)))
      return { dialect: otherwise, evidence: 'the finish of a dump is forwarded as an image' }
    if (missing.some(isFinish(restoreFinish)))
      return { dialect: otherwise, evidence: 'the finish of a restore gets ENOENT' }
  }
  return undefined
}

/** Suspects a proxy whose link is in step only if appends are counted in another way. */
function suspectAppends(trace: readonly TraceEvent[], declared: string): Suspicion | undefined {
  const whole = readLink(trace, 'whole')
  const newBytes = readLink(trace, 'new bytes')
  if (whole.inStep === newBytes.inStep) return undefined
  const declaresNewBytes = NEW_BYTES.includes(declared)
  if (declaresNewBytes && whole.inStep)
    return { dialect: 'ours', evidence: 'an append is forwarded as the whole image' }
  if (!declaresNewBytes && newBytes.inStep)
    return {
      dialect: isOf2017(newBytes.headers, opens(trace)) ? 'criu-2017' : 'criu-2019',
      evidence: 'an append is forwarded as its new bytes, under the size of all',
    }
  return undefined
}

/** Suspects a proxy that forwards new images with the open mode of another dialect. */
function suspectModes(trace: readonly TraceEvent[], declared: string): Suspicion | undefined {
  const { headers } = readLink(trace, NEW_BYTES.includes(declared) ? 'new bytes' : 'whole')
  const written = newlyWritten(headers, opens(trace))
  if (written.length === 0) return undefined
  if (declared === 'criu-2017' && written.every(({ openMode }) => openMode === O_WRONLY))
    return { dialect: 'ours or criu-2019', evidence: 'a new image is forwarded with O_WRONLY' }
  if (declared !== 'criu-2017' && isOf2017(headers, opens(trace)))
    return { dialect: 'criu-2017', evidence: 'a new image is forwarded with O_APPEND' }
  return undefined
}

/** Returns whether images that a client opened with O_WRONLY are forwarded with O_APPEND. */
function isOf2017(headers: readonly TracedHeader[], opened: readonly Open[]): boolean {
  const written = newlyWritten(headers, opened)
  return written.length > 0 && written.every(({ openMode }) => openMode === O_APPEND)
}

/** An open of an image by a client. */
interface Open {
  connection: string
  snapshotId: string
  name: string
  openMode: number
}

/** Returns the headers of images that were opened once, with O_WRONLY. */
function newlyWritten(headers: readonly TracedHeader[], opened: readonly Open[]): TracedHeader[] {
  return headers.filter((header) => {
    const own = opened.filter(
      (each) =>
        each.openMode !== O_RDONLY &&
        each.snapshotId === header.snapshotId &&
        each.name === header.name,
    )
    return own.length === 1 && own[0]?.openMode === O_WRONLY
  })
}

function opens(trace: readonly TraceEvent[]): Open[] {
  return firstOfClients(trace, 'in').flatMap(({ connection, hex = '' }) => {
    const image = readFrame(hex, (payload) => localImage.decode(payload))
    return image === undefined ? [] : [{ connection, ...image }]
  })
}

/** Returns the reads that were answered with ENOENT. */
function readsOfMissing(trace: readonly TraceEvent[]): Open[] {
  const refused = firstOfClients(trace, 'out')
    .filter(({ hex = '' }) => readFrame(hex, (payload) => localReply.decode(payload)) === ENOENT)
    .map(({ connection }) => connection)
  return opens(trace).filter(
    ({ openMode, connection }) => openMode === O_RDONLY && refused.includes(connection),
  )
}

/** Returns the first bytes of each client's connection, in one direction. */
function firstOfClients(trace: readonly TraceEvent[], direction: 'in' | 'out'): TraceEvent[] {
  const bytes = trace.filter(
    (event) =>
      event.kind === 'bytes' && event.direction === direction && !event.connection.includes('link'),
  )
  return [...Map.groupBy(bytes, ({ connection }) => connection).values()].flatMap(
    ([first]) => first ?? [],
  )
}
