import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { FrameDecoder } from './frame.ts'
import { localImage, localReply, remoteImage, snapshotEntry } from './messages.ts'

/*
 * Compares the codec with frames that were worked out by hand: fixtures/golden/frames.yaml explains
 * how.
 */

interface Codec {
  encode(value: unknown): Buffer
  decode(payload: Buffer): unknown
}

interface Golden {
  name: string
  message: 'local' | 'reply' | 'remote' | 'snapshot'
  bytes: string
}

interface GoldenFile {
  canonical: (Golden & { value: unknown })[]
  decoded: (Golden & { value: unknown })[]
  refused: (Golden & { code: string })[]
}

const codecs = {
  local: localImage,
  reply: localReply,
  remote: remoteImage,
  snapshot: snapshotEntry,
} as Record<Golden['message'], Codec>
const { canonical, decoded, refused } = parse(
  readFileSync(new URL('../fixtures/golden/frames.yaml', import.meta.url), 'utf8'),
  repeated,
) as GoldenFile

t.test('F1 F3 F4 F5: a message is encoded to the golden bytes', async (t) => {
  for (const { name, message, value, bytes } of canonical)
    t.equal(codecs[message].encode(value).toString('hex'), hex(bytes), name)
})

t.test('F1 F3 F4 F5 F6: golden bytes are decoded to the message', async (t) => {
  for (const { name, message, value, bytes } of [...canonical, ...decoded]) {
    t.strictSame(codecs[message].decode(payload(bytes)), value, name)
  }
})

t.test('F5 F6: golden bytes that break the contract are refused', async (t) => {
  for (const { name, message, code, bytes } of refused)
    t.throws(() => codecs[message].decode(payload(bytes)), { code }, name)
})

/** Expands `61*128`, which is 128 times the byte 61, in values as well. */
function repeated(_key: unknown, value: unknown): unknown {
  return typeof value === 'string' && /^\w\w\*\d+$/.test(value)
    ? Buffer.from(hex(value), 'hex').toString()
    : value
}

function hex(bytes: string): string {
  return bytes
    .replaceAll(/#.*/g, '')
    .replaceAll(/(\w\w)\*(\d+)/g, (_, byte: string, count: string) => byte.repeat(Number(count)))
    .replaceAll(/\s/g, '')
}

function payload(bytes: string): Buffer {
  const frame = new FrameDecoder().push(Buffer.from(hex(bytes), 'hex'))
  if (frame === undefined || frame.rest.length > 0)
    throw new Error(`the golden bytes are not one frame: ${bytes}`)
  return frame.payload
}
