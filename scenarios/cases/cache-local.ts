import { stat } from 'node:fs/promises'
import {
  type CacheUnderTest,
  type Case,
  demand,
  encodeFrame,
  expectImage,
  localImage,
  MEGABYTE,
  NAME_LIMIT,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { refusedAlone } from '../model/cache.ts'
import {
  frameOf,
  malformed,
  NAME,
  numberField,
  OPEN_MODE,
  oversized,
  SNAPSHOT_ID,
  textField,
} from '../model/message.ts'

/* Cases for the cache: many clients at its UNIX socket, and clients that misbehave (L, F6). */

const header = localImage.encode({ snapshotId: '1', name: 'wanted.img', openMode: O_RDONLY })
const fields = {
  name: textField(NAME, 'a.img'),
  'snapshot id': textField(SNAPSHOT_ID, '1'),
  'open mode': numberField(OPEN_MODE, O_RDONLY),
}

export const cases: readonly Case[] = [
  {
    id: 'cache-socket',
    clauses: ['L1'],
    role: 'cache',
    about:
      'A UNIX socket is at the path that the cache was given, and the cache serves one client ' +
      'after the other there.',
    async run(cache) {
      const { socket } = cache.daemon
      const found = await stat(socket)
      demand(
        found.isSocket(),
        socket,
        { outcome: 'a UNIX socket', clause: 'L1' },
        'a file of another kind',
      )
      for (const _ of times(20, () => 0)) await cache.stillServes('L1')
    },
  },
  {
    id: 'cache-clients-come-and-go',
    clauses: ['L1', 'L2', 'L8'],
    role: 'cache',
    about:
      'Two hundred clients connect and leave, without a byte, inside a header, or after one. The ' +
      'cache goes on serving.',
    async run(cache) {
      const clients = await Promise.all(times(200, () => cache.connect()))
      for (const [at, client] of clients.entries()) {
        const bytes = header.subarray(0, (at * 3) % (header.length + 1))
        if (bytes.length > 0) await client.send(bytes)
        if (at % 2 === 0) await client.end()
        client.reset()
      }
      await cache.stillServes('L2')
    },
  },
  {
    id: 'cache-half-headers-delay-nobody',
    clauses: ['L2', 'F2'],
    role: 'cache',
    about:
      'Clients stay connected without a byte, inside the length, and inside the message. Others ' +
      'are served in the meantime. The first clients finish their headers later and are served ' +
      'too.',
    async run(cache) {
      const cuts = [0, 1, 3, 4, 5, header.length - 1]
      const slow = await Promise.all(cuts.map(() => cache.connect()))
      for (const [at, client] of slow.entries())
        if (cuts[at] !== 0) await client.send(header.subarray(0, cuts[at]))
      const bytes = someBytes(100_000)
      await cache.forward('1', 'wanted.img', bytes)
      for (const _ of times(10, () => 0))
        expectImage(await cache.read('1', 'wanted.img'), bytes, 'L2')
      for (const [at, client] of slow.entries()) await client.send(header.subarray(cuts[at]))
      for (const client of slow) expectImage(await cache.answer(client), bytes, 'L2')
    },
  },
  {
    id: 'cache-1000-connections',
    clauses: ['L2', 'C2'],
    role: 'cache',
    about:
      'A thousand clients wait at once, each for an image of its own. The images come in another ' +
      'order, and each client gets its own.',
    async run(cache) {
      const clients = await Promise.all(times(1000, (at) => cache.openRead('1', `${at}.img`)))
      for (let at = 999; at >= 0; at--)
        await cache.forward('1', `${at}.img`, Buffer.from(`image ${at}`))
      const answers = await cache.answers(clients, 'the answers to 1000 clients', 'L2')
      for (const [at, answer] of answers.entries())
        expectImage(answer, Buffer.from(`image ${at}`), 'L2')
    },
  },
  {
    id: 'cache-stalled-reader-delays-nobody',
    clauses: ['L2', 'L3'],
    role: 'cache',
    about:
      'A client stops reading inside an image of 8 MiB. Other clients read that image, and new ' +
      'ones are served. The first client reads on and gets every byte.',
    async run(cache) {
      const bytes = someBytes(8 * MEGABYTE, cache.seed)
      await cache.forward('1', 'big.img', bytes)
      const stalled = await cache.openRead('1', 'big.img')
      await cache.waitFor('the reply', { outcome: 'error 0', clause: 'L3' }, stalled.reply())
      stalled.socket.pause()
      const other = await cache.openRead('1', 'big.img')
      const what = 'the answer to a read while another client has stopped reading'
      const undelayed = { outcome: 'its image, not delayed by the other', clause: 'L2' }
      expectImage(await cache.answer(other, what, undelayed), bytes, 'L2', what)
      for (const _ of times(5, () => 0)) await cache.stillServes('L2')
      stalled.socket.resume()
      expectImage(await cache.answer(stalled), bytes, 'L3')
    },
  },
  {
    id: 'cache-reader-leaves-half-way',
    clauses: ['L8'],
    role: 'cache',
    about:
      'Ten clients break off inside an image of 4 MiB that another client reads as well. That ' +
      'client and later ones get all of it.',
    async run(cache) {
      const bytes = someBytes(4 * MEGABYTE, cache.seed)
      await cache.forward('1', 'big.img', bytes)
      const [stays, ...leave] = await Promise.all(times(11, () => cache.openRead('1', 'big.img')))
      for (const client of leave) {
        await cache.waitFor('the reply', { outcome: 'error 0', clause: 'L3' }, client.reply())
        client.reset()
      }
      expectImage(await cache.answer(stays as (typeof leave)[0]), bytes, 'L8')
      expectImage(await cache.read('1', 'big.img'), bytes, 'L8')
      await cache.stillServes('L8')
    },
  },
  {
    id: 'cache-local-truncated-header',
    clauses: ['F6'],
    role: 'cache',
    about:
      'A client ends its side inside the length or inside the message. Its connection ends, and ' +
      'no other.',
    async run(cache) {
      for (const cut of [1, 3, 4, header.length - 1])
        await refusedAlone(cache, header.subarray(0, cut), {
          close: true,
          what: `${cut} bytes of a header`,
        })
    },
  },
  {
    id: 'cache-local-oversized-length',
    clauses: ['F6'],
    role: 'cache',
    about:
      'A client announces a header of 4 GiB less one byte and begins to send it. Its connection ' +
      'ends, and no other.',
    async run(cache) {
      await refusedAlone(cache, oversized(0xffffffff), { what: 'a length of 4 GiB' })
      await refusedAlone(cache, Buffer.concat([oversized(0xffffffff), Buffer.alloc(300_000)]), {
        what: 'a length of 4 GiB and bytes',
      })
    },
  },
  {
    id: 'cache-local-other-protocol',
    clauses: ['F6', 'F1'],
    role: 'cache',
    about:
      'A client speaks HTTP or TLS, or sends a length in network byte order, and ends its side. ' +
      'Its connection ends without image bytes, and no other ends.',
    async run(cache) {
      const swapped = Buffer.concat([
        Buffer.from(header.subarray(0, 4)).reverse(),
        header.subarray(4),
      ])
      const tls = Buffer.concat([
        Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        someBytes(500, cache.seed),
      ])
      await refusedAlone(cache, Buffer.from('GET /1/a.img HTTP/1.1\r\nHost: cache\r\n\r\n'), {
        close: true,
        what: 'HTTP',
      })
      await refusedAlone(cache, tls, { close: true, what: 'TLS' })
      await refusedAlone(cache, swapped, { close: true, what: 'a length in network byte order' })
    },
  },
  {
    id: 'cache-local-missing-field',
    clauses: ['F6', 'F3'],
    role: 'cache',
    about: 'A header is empty or lacks one of its three fields. Its connection ends, and no other.',
    async run(cache) {
      await refusedAlone(cache, frameOf(), { what: 'an empty message' })
      for (const lacks of Object.keys(fields)) {
        const rest = Object.entries(fields).filter(([field]) => field !== lacks)
        await refusedAlone(cache, frameOf(...rest.map(([, bytes]) => bytes)), {
          what: `a header without ${lacks}`,
        })
      }
    },
  },
  {
    id: 'cache-local-invalid-utf-8',
    clauses: ['F6'],
    role: 'cache',
    about:
      'A name or an id is not UTF-8: a lone byte, a cut letter, an overlong NUL, a surrogate. ' +
      'Its connection ends, and no other.',
    async run(cache) {
      for (const hex of ['61ff', '61e282', 'c080', 'eda080']) {
        const text = Buffer.from(hex, 'hex')
        await refusedAlone(
          cache,
          frameOf(textField(NAME, text), fields['snapshot id'], fields['open mode']),
          { what: `the name ${hex}` },
        )
        await refusedAlone(
          cache,
          frameOf(fields.name, textField(SNAPSHOT_ID, text), fields['open mode']),
          { what: `the id ${hex}` },
        )
      }
    },
  },
  {
    id: 'cache-local-malformed-message',
    clauses: ['F6', 'F1'],
    role: 'cache',
    about:
      'A frame of the right length holds no protobuf message, or a number as the name. Its ' +
      'connection ends, and no other.',
    async run(cache) {
      const good = Object.values(fields)
      for (const [what, bytes] of Object.entries(malformed))
        await refusedAlone(cache, frameOf(...good, bytes), { what })
      await refusedAlone(
        cache,
        frameOf(numberField(NAME, 7), fields['snapshot id'], fields['open mode']),
        { what: 'a number as name' },
      )
    },
  },
  {
    id: 'cache-local-name-over-the-limit',
    clauses: ['F6', 'F5'],
    role: 'cache',
    about:
      'Clients ask for names of 4096 bytes, of 60,000 bytes, and of 1 MiB. The cache may do ' +
      'anything with them, but it serves other clients.',
    async run(cache) {
      for (const length of [NAME_LIMIT + 1, 60_000, MEGABYTE]) {
        const client = await cache.connect()
        await client.send(
          frameOf(textField(NAME, 'n'.repeat(length)), fields['snapshot id'], fields['open mode']),
        )
        await cache.stillServes('F6')
        client.reset()
      }
    },
  },
  {
    id: 'cache-local-many-bad-clients',
    clauses: ['F6', 'L2'],
    role: 'cache',
    about:
      'A hundred clients send nonsense at once while an image arrives that another client waits ' +
      'for. That client gets its image.',
    async run(cache) {
      const bytes = someBytes(MEGABYTE, cache.seed)
      const waiter = await cache.openRead('1', 'a.img')
      const bad = [
        frameOf(),
        oversized(0x7fffffff),
        encodeFrame(Buffer.from('nonsense')),
        header.subarray(0, 5),
      ]
      await Promise.all([
        cache.forward('1', 'a.img', bytes),
        ...times(100, (at) => misbehave(cache, bad[at % bad.length] as Buffer)),
      ])
      expectImage(await cache.answer(waiter), bytes, 'F6')
      await cache.stillServes('F6')
    },
  },
  {
    id: 'cache-local-write-harms-nothing',
    clauses: ['L2', 'C1'],
    role: 'cache',
    about:
      'A client opens images at the cache for writing and appending, which CRIU never does. The ' +
      'cache may do anything with them, but an image from the proxy stays intact.',
    async run(cache) {
      const bytes = Buffer.from('from the proxy')
      await cache.forward('1', 'a.img', bytes)
      await cache.serves('1', 'a.img', bytes, 'C1')
      for (const openMode of [O_WRONLY, O_APPEND, 2, 3, 0xffffffff]) {
        await cache.write('2', 'a.img', Buffer.from('from a client'), openMode)
        await cache.stillServes('L2')
      }
      await cache.serves('1', 'a.img', bytes, 'C1')
    },
  },
]

/** Connects, sends the bytes, and breaks off. */
async function misbehave(cache: CacheUnderTest, bytes: Buffer): Promise<void> {
  const client = await cache.connect()
  await client.send(bytes)
  client.reset()
}
