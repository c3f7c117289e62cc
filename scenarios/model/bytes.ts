import fc from 'fast-check'
import { encodeFrame, localImage, names2017, names2019 } from '../../harness/conformance/index.ts'
import {
  frameOf,
  NAME,
  numberField,
  OPEN_MODE,
  SIZE,
  SNAPSHOT_ID,
  textField,
  unknownFields,
} from './message.ts'

/*
 * Inputs of the fuzz cases: random bytes, frames of random fields, damaged frames, and valid frames
 * in odd forms.
 */

/** The bytes of one connection. */
export interface Stream {
  bytes: Buffer
  /** Places where the bytes are cut into segments. */
  cuts: readonly number[]
  /** Whether this side ends the connection; otherwise it is broken off. */
  ends: boolean
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const modes = fc.constantFrom(0, 1, 1024)
const text = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })

/** A field of any number, type and length. */
const field = fc.oneof(
  fc
    .tuple(fc.nat(6), fc.bigInt(0n, 2n ** 64n - 1n))
    .map(([number, value]) => numberField(number, value)),
  fc.tuple(fc.nat(6), bytes(20)).map(([number, value]) => textField(number, value)),
  bytes(6),
)

/** A valid frame of a client or proxy, followed by some bytes. */
const validFrame = fc
  .record({ name: text, id: text, mode: modes, size: fc.nat(30), after: bytes(40) })
  .map(({ name, id, mode, size, after }) =>
    Buffer.concat([
      frameOf(
        textField(NAME, name),
        textField(SNAPSHOT_ID, `fuzz-${id}`),
        numberField(OPEN_MODE, mode),
        numberField(SIZE, size),
      ),
      after,
    ]),
  )

/** A change of a frame: another byte or bit, a removal, an insertion, or a repetition. */
const fault = fc.record({
  kind: fc.constantFrom('byte', 'bit', 'remove', 'insert', 'repeat'),
  at: fc.nat(80),
  value: fc.nat(255),
})

function damage(
  whole: Buffer,
  { kind, at, value }: { kind: string; at: number; value: number },
): Buffer {
  const place = whole.length === 0 ? 0 : at % whole.length
  const [head, tail] = [whole.subarray(0, place), whole.subarray(place)]
  if (kind === 'byte') return Buffer.concat([head, Buffer.from([value]), tail.subarray(1)])
  if (kind === 'bit')
    return Buffer.concat([
      head,
      Buffer.from([(tail[0] ?? 0) ^ (1 << (value % 8))]),
      tail.subarray(1),
    ])
  if (kind === 'remove') return Buffer.concat([head, tail.subarray(1 + (value % 5))])
  if (kind === 'insert') return Buffer.concat([head, Buffer.alloc(1 + (value % 5), value), tail])
  return Buffer.concat([head, tail.subarray(0, 8), tail])
}

const damaged = fc
  .tuple(validFrame, fc.array(fault, { minLength: 1, maxLength: 4 }))
  .map(([whole, faults]) => faults.reduce(damage, whole))

const anything = fc.oneof(
  bytes(120),
  bytes(60).map((payload) => encodeFrame(payload)),
  fc.array(field, { maxLength: 6 }).map((fields) => frameOf(...fields)),
  damaged,
  fc.array(damaged, { minLength: 2, maxLength: 4 }).map((frames) => Buffer.concat(frames)),
)

/** Arbitrary and damaged bytes. Control requests are left out: they would end the daemon. */
export const nonsense: fc.Arbitrary<Stream> = fc
  .record({ bytes: anything, cuts: fc.array(fc.nat(120), { maxLength: 5 }), ends: fc.boolean() })
  .filter((stream) => !isControl(stream.bytes))

function isControl(stream: Buffer): boolean {
  try {
    const { snapshotId } = localImage.decode(stream.subarray(4, 4 + stream.readUInt32LE(0)))
    return [names2017.nullId, names2019.nullId].includes(snapshotId)
  } catch {
    return false
  }
}

/** Cuts a stream into its pieces. */
export function pieces({ bytes: whole, cuts }: Pick<Stream, 'bytes' | 'cuts'>): Buffer[] {
  const places = [
    ...new Set([0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length]),
  ].sort((one, other) => one - other)
  return places.slice(1).map((place, at) => whole.subarray(places[at], place))
}

/** Returns a stream as lines for people. */
export const streamScript = (to: string, stream: Stream): string[] => [
  `connect to ${to}`,
  ...pieces(stream).map((piece) => `send ${piece.toString('hex')}`),
  stream.ends ? 'end' : 'break off',
]

/** An image whose header is valid: its fields are in any order, with unknown ones between them. */
export interface OddImage {
  order: readonly number[]
  unknown: readonly number[]
  body: Buffer
  cuts: readonly number[]
}

export const oddImage: fc.Arbitrary<OddImage> = fc.record({
  order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 }),
  unknown: fc.array(fc.nat(unknownFields.length - 1), { maxLength: 4 }),
  body: fc.oneof(
    { weight: 4, arbitrary: bytes(200) },
    { weight: 1, arbitrary: fc.nat(200_000).map((size) => Buffer.alloc(size, `${size}`)) },
  ),
  cuts: fc.array(fc.nat(150), { maxLength: 8 }),
})

/** Returns the header of an odd image: that of a local open, or with a size that of the link. */
export function oddHeader(
  { order, unknown }: OddImage,
  image: { snapshotId: string; name: string; openMode: number; size?: number },
): Buffer {
  const known = [
    textField(NAME, image.name),
    textField(SNAPSHOT_ID, image.snapshotId),
    numberField(OPEN_MODE, image.openMode),
    image.size === undefined ? Buffer.alloc(0) : numberField(SIZE, image.size),
  ]
  const between = (at: number) => unknownFields[unknown[at] ?? -1] ?? Buffer.alloc(0)
  return frameOf(...order.flatMap((which, at) => [between(at), known[which] as Buffer]))
}
