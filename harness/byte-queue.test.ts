import fc from 'fast-check'
import t from 'tap'
import { ByteQueue } from './byte-queue.ts'

t.test('bytes come out as they were pushed, whatever the pieces and the amounts', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 12 })
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(12)), (pushed, amounts) => {
      const queue = new ByteQueue()
      for (const piece of pushed) queue.push(Buffer.from(piece))
      const whole = Buffer.concat(pushed)
      let at = 0
      for (const amount of amounts) {
        const size = Math.min(amount, queue.length)
        const expected = whole.subarray(at, at + size)
        if (!queue.take(size).equals(expected)) return false
        at += size
      }
      return queue.length === whole.length - at
    }),
  )
})

t.test('a number that lies across pieces is read in place', async (t) => {
  const queue = new ByteQueue()
  for (const byte of [9, 1, 2, 0]) queue.push(Buffer.from([byte]))
  t.equal(queue.peekUint32LE(), 0x00020109)
  t.equal(queue.peekUint32LE(1), undefined, 'one byte is missing')
  queue.push(Buffer.from([0]))
  t.equal(queue.peekUint32LE(1), 0x0201)
  t.equal(queue.length, 5)
  t.throws(() => queue.take(6), /expected at most 5, got 6/)
})
