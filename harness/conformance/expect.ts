import { createCipheriv, createHash } from 'node:crypto'
import { ENOENT } from '../../proto/index.ts'
import { type Permitted, Violation } from '../violation.ts'
import type { Answer } from './connection.ts'
import type { Forwarded } from './forwarded-images.ts'
import { levelOfDemand } from './register.ts'
import { describe } from './texts.ts'

/* The demands of cases. Each throws a Violation with all outcomes that the clauses permit. */

/**
 * Throws Violation unless the condition holds. Throws Error if an outcome cites no known clause, or
 * a level that its clause does not have.
 */
export function demand(
  holds: boolean,
  what: string,
  permitted: Permitted | readonly Permitted[],
  actual: string,
): void {
  levelOfDemand([permitted].flat())
  if (!holds) throw new Violation(what, [permitted].flat(), actual)
}

/** Demands error 0, exactly these bytes, and a close. */
export function expectImage(
  answer: Answer,
  bytes: Buffer,
  clause: string,
  what = 'the answer to a read',
): void {
  const permitted = [
    { outcome: `error 0, ${bytes.length} bytes (${brief(bytes)}), and a close`, clause },
  ]
  if (answer.error !== 0 || answer.size !== bytes.length || answer.end !== 'end')
    throw new Violation(what, permitted, describe(answer))
  if (answer.hash !== sha256(bytes))
    throw new Violation(
      what,
      permitted,
      `${describe(answer)}, of other bytes (${brief(answer.bytes)})`,
    )
}

/** Demands error 0, the bytes of one of several versions, and a close. */
export function expectOneOf(
  answer: Answer,
  versions: readonly Buffer[],
  clause: string,
  what = 'the answer to a read',
): void {
  const permitted = versions.map((bytes) => ({
    outcome: `error 0, ${bytes.length} bytes (${brief(bytes)}), and a close`,
    clause,
  }))
  const matches = versions.some(
    (bytes) => answer.size === bytes.length && answer.hash === sha256(bytes),
  )
  if (answer.error !== 0 || answer.end !== 'end' || !matches)
    throw new Violation(what, permitted, describe(answer))
}

/** Demands ENOENT and no bytes. A reset after the reply is as good as a close. */
export function expectMissing(
  answer: Answer,
  clause: string,
  what = 'the answer to a read of a missing image',
): void {
  if (answer.error !== ENOENT || answer.size !== 0)
    throw new Violation(
      what,
      [{ outcome: 'error 2 (ENOENT), no bytes, and a close', clause }],
      describe(answer),
    )
}

/** Demands a refusal: an error reply other than 0 or no reply, and no bytes. */
export function expectRefused(
  answer: Answer,
  clause: string,
  what = 'the answer to a request that cannot be served',
): void {
  const permitted = [
    { outcome: 'a close or reset without a reply', clause },
    { outcome: 'an error reply and a close', clause: 'L4' },
  ]
  if (answer.error === 0 || answer.size !== 0)
    throw new Violation(what, permitted, describe(answer))
}

/**
 * Demands the rest of a version that a reader began to read: all of its bytes and a close, or a
 * reset if the version is not to be had any more (L7). A clean close before the last byte is none
 * of them.
 */
export function expectVersion(answer: Answer, version: Buffer, what: string): void {
  const permitted = [
    { outcome: `error 0, ${version.length} bytes (${brief(version)}), and a close`, clause: 'L7' },
    { outcome: 'a reset before the last byte', clause: 'L7' },
  ]
  const { error, size, bytes, hash, end } = answer
  const isWhole = end === 'end' && size === version.length && hash === sha256(version)
  const isPart = end === 'reset' && bytes.equals(version.subarray(0, bytes.length))
  demand(error === 0 && (isWhole || isPart), what, permitted, describe(answer))
}

/** Demands the size and the bytes of a forwarded image. */
export function expectForwarded(image: Forwarded, bytes: Buffer, clause: string): void {
  const permitted = [{ outcome: `size ${bytes.length} and its bytes (${brief(bytes)})`, clause }]
  if (image.size !== bytes.length || image.hash !== sha256(bytes)) {
    throw new Violation(
      `the forwarded image ${image.name}`,
      permitted,
      `size ${image.size} (${brief(image.bytes)})`,
    )
  }
}

/**
 * Decodes the fields of a protobuf message by hand, in their order. The value is that of a varint,
 * or the length of a text.
 */
export function messageFields(message: Buffer): { field: number; wire: number; value: bigint }[] {
  const found = []
  for (let at = 0; at < message.length; ) {
    let value = 0n
    const varint = () => {
      value = 0n
      for (let shift = 0n, more = true; more; shift += 7n) {
        const byte = message[at++] ?? 0
        value |= BigInt(byte & 0x7f) << shift
        more = byte > 0x7f
      }
      return value
    }
    const tag = Number(varint())
    varint()
    if ((tag & 7) === 2) at += Number(value)
    found.push({ field: tag >> 3, wire: tag & 7, value })
  }
  return found
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

export const MEGABYTE = 1024 * 1024

/** Returns `make(0)`, `make(1)` and so on, `count` values in all. */
export const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at))

/**
 * Returns pseudo-random bytes, the same for the same seed. They are the output of a cipher: a loop
 * in JavaScript takes ten times as long.
 */
export function someBytes(size: number, seed = 1): Buffer {
  const key = createHash('sha256').update(`${seed}`).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

const brief = (bytes: Buffer) =>
  bytes.length <= 24
    ? JSON.stringify(bytes.toString('latin1'))
    : `SHA-256 ${sha256(bytes).slice(0, 12)}...`
