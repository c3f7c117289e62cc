import { encodeFrame } from '../../harness/conformance/index.ts'

/*
 * Protobuf messages by hand, for fields that no encoder makes: missing, unknown, in another order,
 * or broken.
 */

function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

const tag = (number: number, wireType: number) => varint(number * 8 + wireType)

/** Returns a field with a number, as open_mode, error and size are. */
export const numberField = (number: number, value: number | bigint): Buffer =>
  Buffer.concat([tag(number, 0), varint(value)])

/** Returns a field with a text or bytes, as names and ids are. */
export function textField(number: number, text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string)
  return Buffer.concat([tag(number, 2), varint(bytes.length), bytes])
}

/**
 * Unknown fields, one of each wire type but groups. The tag of field 15 has one byte, that of field
 * 16 has two.
 */
export const unknownFields: readonly Buffer[] = [
  numberField(15, 2n ** 64n - 1n),
  textField(16, 'from a later version'),
  Buffer.concat([tag(1000, 1), Buffer.from('8 bytes.')]),
  Buffer.concat([tag(536_870_911, 5), Buffer.from('four')]),
]

/** Returns an unknown field that is a group, `depth` groups deep, around a number. */
export function groupField(number: number, depth = 1): Buffer {
  const inner = depth === 1 ? numberField(1, 7) : groupField(number, depth - 1)
  return Buffer.concat([tag(number, 3), inner, tag(number, 4)])
}

/** Returns unknown groups, each inside the one before, `depth` of them; with their ends or not. */
export const deepGroups = (number: number, depth: number, closed: boolean): Buffer =>
  Buffer.concat([
    Buffer.alloc(depth * tag(number, 3).length, tag(number, 3)),
    Buffer.alloc(closed ? depth * tag(number, 4).length : 0, tag(number, 4)),
  ])

/** Returns a frame with these fields. */
export const frameOf = (...fields: readonly Buffer[]): Buffer => encodeFrame(Buffer.concat(fields))

export const NAME = 1
export const SNAPSHOT_ID = 2
export const OPEN_MODE = 3
export const SIZE = 4

/** Returns the length of a frame that is too long. */
export const oversized = (length: number): Buffer => {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32LE(length)
  return prefix
}

/** Bytes that are no protobuf message, by their fault. */
export const malformed: Record<string, Buffer> = {
  'a field that is longer than the message': Buffer.from([0x0a, 0x7f, 0x61]),
  'field number 0': Buffer.from([0x00, 0x01]),
  'a wire type that does not exist': Buffer.from([0x0f, 0x01]),
  'a number without an end': Buffer.from([0x18, 0xff]),
  'a number of more than ten bytes': Buffer.concat([
    Buffer.from([0x18]),
    Buffer.alloc(11, 0xff),
    Buffer.from([0x01]),
  ]),
}
