import fc from 'fast-check'
import t from 'tap'
import { RemoteError } from './error.ts'
import { FrameDecoder } from './frame.ts'
import {
  localImage,
  localReply,
  NAME_LIMIT,
  O_APPEND,
  purpose,
  remoteImage,
  snapshotEntry,
} from './messages.ts'

const name = fc.string({ unit: 'binary', maxLength: 60 })
const openMode = fc.integer({ min: 0, max: 0xffff_ffff })
const size = fc.maxSafeNat()

t.test('F3 F5: decoding reverses encoding', async () => {
  fc.assert(
    fc.property(fc.record({ name, snapshotId: name, openMode }), (image) =>
      same(localImage.decode(sent(localImage.encode(image))), image),
    ),
  )
  fc.assert(
    fc.property(fc.record({ name, snapshotId: name, openMode, size }), (image) =>
      same(remoteImage.decode(sent(remoteImage.encode(image))), image),
    ),
  )
  fc.assert(
    fc.property(openMode, (error) => localReply.decode(sent(localReply.encode(error))) === error),
  )
  fc.assert(fc.property(name, (id) => snapshotEntry.decode(sent(snapshotEntry.encode(id))) === id))
})

t.test('F5: sizes around 2^32 and 2^53 are exact', async (t) => {
  for (const size of [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER]) {
    t.equal(
      remoteImage.decode(
        sent(remoteImage.encode({ name: 'a', snapshotId: 'b', openMode: 1, size })),
      ).size,
      size,
    )
  }
})

t.test('F5: a name or id of 4095 bytes is accepted, of 4096 bytes refused', async (t) => {
  for (const unit of ['a', '\u00e4', '\u20ac', '\u{1f600}', '\0']) {
    const longest = unit.repeat(Math.floor(NAME_LIMIT / Buffer.byteLength(unit)))
    const filled = longest + 'x'.repeat(NAME_LIMIT - Buffer.byteLength(longest))
    const image = { name: filled, snapshotId: filled, openMode: 0 }
    t.strictSame(localImage.decode(sent(localImage.encode(image))), image)
    t.equal(snapshotEntry.decode(sent(snapshotEntry.encode(filled))), filled)
    for (const long of [
      { ...image, name: `${filled}y` },
      { ...image, snapshotId: `${filled}y` },
    ]) {
      t.throws(() => localImage.encode(long), {
        code: 'name-too-long',
        message: /expected at most 4095 bytes, got 4096$/,
      })
      t.throws(() => remoteImage.encode({ ...long, size: 1 }), { code: 'name-too-long' })
    }
    t.throws(() => snapshotEntry.encode(`${filled}y`), { code: 'name-too-long' })
  }
})

t.test('F6: arbitrary bytes decode to a message or throw a RemoteError', async () => {
  const decodes: ((payload: Buffer) => unknown)[] = [
    localImage.decode,
    localReply.decode,
    remoteImage.decode,
    snapshotEntry.decode,
  ]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...decodes), (bytes, decode) => {
      try {
        decode(Buffer.from(bytes))
        return true
      } catch (thrown) {
        return thrown instanceof RemoteError && !thrown.message.includes('\n')
      }
    }),
    { numRuns: 1000 },
  )
})

t.test('F6: a message that is cut at any byte is refused', async (t) => {
  const payload = sent(
    remoteImage.encode({
      name: 'core-1.img',
      snapshotId: '/d/1',
      openMode: O_APPEND,
      size: 2 ** 33,
    }),
  )
  for (let length = 0; length < payload.length; length++) {
    t.throws(
      () => remoteImage.decode(payload.subarray(0, length)),
      { code: 'message-invalid' },
      `${length} bytes`,
    )
  }
})

t.test('F6: unknown fields are skipped at any position', async () => {
  const image = { name: 'core-1.img', snapshotId: '/d/1', openMode: 0 }
  const fields = ['0a0a636f72652d312e696d67', '12042f642f31', '1800']
  const unknown = fc.constantFrom(
    '2007',
    '8201036869ff',
    '3501020304',
    '290102030405060708',
    '7b08017c',
  )
  fc.assert(
    fc.property(fc.array(unknown, { minLength: 4, maxLength: 4 }), (between) => {
      const hex = between.map((field, index) => field + (fields[index] ?? '')).join('')
      return same(localImage.decode(Buffer.from(hex, 'hex')), image)
    }),
  )
})

t.test('F6: deeply nested groups do not exhaust the stack', async (t) => {
  t.throws(() => localImage.decode(Buffer.from(`0a01611201621800${'7b'.repeat(65_000)}`, 'hex')), {
    code: 'message-invalid',
  })
})

t.test('F4: an open mode is a read, a write or an append', async (t) => {
  const [O_RDWR, O_CREAT, O_TRUNC] = [2, 0o100, 0o1000]
  for (const mode of [0, O_CREAT]) t.equal(purpose(mode), 'read')
  for (const mode of [1, 1 | O_CREAT | O_TRUNC]) t.equal(purpose(mode), 'write')
  for (const mode of [O_APPEND, O_APPEND | 1, O_APPEND | 1 | O_CREAT])
    t.equal(purpose(mode), 'append')
  for (const mode of [O_RDWR, 3, O_RDWR | O_APPEND, 0xffff_ffff]) t.equal(purpose(mode), undefined)
})

t.test('F3: a remote header without an open mode is a write', async (t) => {
  t.equal(purpose(remoteImage.decode(Buffer.from('0a01611201622005', 'hex')).openMode), 'write')
})

function sent(frame: Buffer): Buffer {
  const decoded = new FrameDecoder().push(frame)
  if (decoded === undefined || decoded.rest.length > 0)
    throw new Error(`expected one frame, got ${frame.toString('hex')}`)
  return decoded.payload
}

function same(one: object, other: object): boolean {
  return JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort())
}
