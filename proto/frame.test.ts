import fc from 'fast-check'
import t from 'tap'
import { encodeFrame, FRAME_LIMIT, FrameDecoder } from './frame.ts'

const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 })

t.test('F1: decoding reverses encoding and returns the bytes after the frame', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 5000 }),
      fc.uint8Array({ maxLength: 50 }),
      (payload, after) => {
        const frame = new FrameDecoder().push(Buffer.concat([encodeFrame(payload), after]))
        return frame?.payload.equals(payload) === true && frame.rest.equals(after)
      },
    ),
  )
})

t.test('F1: the length is a 32-bit little-endian number', async (t) => {
  t.equal(encodeFrame(Buffer.alloc(0x010203)).subarray(0, 4).toString('hex'), '03020100')
})

t.test('F2: every split of the byte stream gives the same frames', async () => {
  fc.assert(
    fc.property(payloads, fc.array(fc.nat()), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(encodeFrame))
      const received = decodeAll(split(stream, cuts))
      return (
        received.length === sent.length &&
        received.every((payload, index) => payload.equals(sent[index] as Uint8Array))
      )
    }),
  )
})

t.test('F2: the stream may arrive one byte at a time, with empty pieces between', async (t) => {
  const stream = Buffer.concat([
    encodeFrame(Buffer.from('first')),
    encodeFrame(Buffer.alloc(0)),
    encodeFrame(Buffer.from('third')),
  ])
  const pieces = [...stream].flatMap((byte) => [Buffer.alloc(0), Buffer.from([byte])])
  t.strictSame(decodeAll(pieces).map(String), ['first', '', 'third'])
})

t.test('F2: a frame is complete at its last byte and not before', async (t) => {
  const frame = encodeFrame(Buffer.from('abc'))
  const decoder = new FrameDecoder()
  t.equal(decoder.push(frame.subarray(0, -1)), undefined)
  t.strictSame(decoder.push(frame.subarray(-1)), {
    payload: Buffer.from('abc'),
    rest: Buffer.alloc(0),
  })
})

t.test('F6: a frame of exactly the limit is accepted', async (t) => {
  t.equal(
    new FrameDecoder().push(encodeFrame(Buffer.alloc(FRAME_LIMIT)))?.payload.length,
    FRAME_LIMIT,
  )
  t.equal(new FrameDecoder(10).push(encodeFrame(Buffer.alloc(10)))?.payload.length, 10)
})

t.test('F6: a length over the limit is refused at its fourth byte', async (t) => {
  for (const hex of ['01000100', 'ffffff7f', '00000080', 'ffffffff']) {
    const length = Buffer.from(hex, 'hex')
    const decoder = new FrameDecoder()
    decoder.push(length.subarray(0, 3))
    t.throws(() => decoder.push(length.subarray(3)), { code: 'frame-too-large' }, hex)
  }
  t.throws(() => new FrameDecoder().push(Buffer.from('ffffffff', 'hex')), {
    message: 'reading a frame: expected at most 65536 bytes, got a length of 4294967295',
  })
})

t.test('F6: a length alone costs no memory, whether over the limit or within it', async (t) => {
  const before = process.memoryUsage().arrayBuffers
  const decoders = Array.from({ length: 2000 }, () => new FrameDecoder())
  const refused = decoders.filter(
    (decoder) => code(() => decoder.push(Buffer.from('ffffffff', 'hex'))) === 'frame-too-large',
  )
  const waiting = decoders.map(() => new FrameDecoder())
  for (const decoder of waiting) decoder.push(Buffer.from('00000100', 'hex'))
  const growth = process.memoryUsage().arrayBuffers - before
  t.equal(refused.length, decoders.length)
  t.ok(growth < 1_000_000, `4000 decoders grew by ${growth} bytes`)
})

t.test('F6: an end between two frames is no error', async (t) => {
  const decoder = new FrameDecoder()
  t.doesNotThrow(() => decoder.end())
  decoder.push(encodeFrame(Buffer.from('abc')))
  t.doesNotThrow(() => decoder.end())
})

t.test('F6: an end inside a frame is an error that says how many bytes arrived', async (t) => {
  const frame = encodeFrame(Buffer.from('abc'))
  const got = ['1/4 bytes of the length', '2/4 bytes of the length', '3/4 bytes of the length']
  got.push('0/3 bytes of the message', '1/3 bytes of the message', '2/3 bytes of the message')
  for (const [index, text] of got.entries()) {
    const decoder = new FrameDecoder()
    decoder.push(frame.subarray(0, index + 1))
    t.throws(() => decoder.end(), {
      code: 'frame-truncated',
      message: `reading a frame: the stream ended after ${text}`,
    })
  }
})

t.test('F6: a frame that is cut anywhere is an error', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.nat(),
      fc.array(fc.nat()),
      (payload, cut, cuts) => {
        const frame = encodeFrame(payload)
        const decoder = new FrameDecoder()
        for (const piece of split(frame.subarray(0, 1 + (cut % (frame.length - 1))), cuts))
          decoder.push(piece)
        return code(() => decoder.end()) === 'frame-truncated'
      },
    ),
  )
})

function split(stream: Buffer, cuts: number[]): Buffer[] {
  const places = [
    0,
    ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b),
    stream.length,
  ]
  return places.slice(1).map((place, index) => stream.subarray(places[index], place))
}

function decodeAll(pieces: Buffer[]): Buffer[] {
  const decoder = new FrameDecoder()
  const received: Buffer[] = []
  for (const piece of pieces) {
    let frame = decoder.push(piece)
    for (; frame !== undefined; frame = decoder.push(frame.rest)) received.push(frame.payload)
  }
  decoder.end()
  return received
}

function code(attempt: () => unknown): unknown {
  try {
    attempt()
  } catch (thrown) {
    return (thrown as { code: unknown }).code
  }
  return undefined
}
