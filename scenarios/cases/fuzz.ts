import {
  type CacheUnderTest,
  type Case,
  demand,
  expectImage,
  header,
  O_RDONLY,
  O_WRONLY,
  type ProxyUnderTest,
  Violation,
} from '../../harness/conformance/index.ts'
import {
  nonsense,
  type OddImage,
  oddHeader,
  oddImage,
  pieces,
  type Stream,
  streamScript,
} from '../model/bytes.ts'
import { imageOnLink } from '../model/cache.ts'
import { forAll, some } from '../model/property.ts'

/* Fuzz on every seam: nonsense ends its own connection at most, and whatever is valid is understood in any form. */

const held = Buffer.from('held before the nonsense came')

export const cases: readonly Case[] = [
  {
    id: 'fuzz-cache-local-nonsense',
    clauses: ['F6', 'L2'],
    role: 'cache',
    about:
      'Clients send arbitrary bytes, frames of arbitrary fields, and damaged headers, cut anywhere, and leave: after each of them an image is served.',
    async run(cache) {
      await cache.forward('held', 'a.img', held)
      await localNonsense(cache)
      await cache.stillServes('F6')
    },
  },
  {
    id: 'fuzz-proxy-local-nonsense',
    clauses: ['F6', 'L2'],
    role: 'proxy',
    about:
      'Clients send arbitrary bytes, frames of arbitrary fields, and damaged headers, cut anywhere, and leave: after each of them an image is served, and forwarding goes on.',
    async run(proxy) {
      await proxy.store('held', 'a.img', held)
      await localNonsense(proxy)
      await proxy.stillServes('F6')
    },
  },
  {
    id: 'fuzz-cache-local-odd-headers',
    clauses: ['F2', 'F3', 'F6'],
    role: 'cache',
    about:
      'Reads whose headers have their fields in any order, unknown ones between them, and come cut anywhere, are all answered with the image.',
    async run(cache) {
      await cache.forward('held', 'a.img', held)
      await forAll({
        ...common(cache, 100),
        inputs: oddImage,
        script: (odd) => [`read with ${readOf(odd).toString('hex')}, cut at ${odd.cuts.join(' ')}`],
        async check(odd) {
          const client = await cache.connect()
          await client.sendPieces(pieces({ bytes: readOf(odd), cuts: odd.cuts }))
          expectImage(await cache.answer(client), held, 'F6')
        },
      })
    },
  },
  {
    id: 'fuzz-proxy-local-odd-headers',
    clauses: ['F2', 'F3', 'F6', 'W4'],
    role: 'proxy',
    about:
      'Writes whose headers have their fields in any order, unknown ones between them, and come cut anywhere together with the bytes, are forwarded whole and read back.',
    async run(proxy) {
      let count = 0
      await forAll({
        ...common(proxy, 60),
        inputs: oddImage,
        script: (odd) =>
          oddScript(odd, oddHeader(odd, { snapshotId: 'odd', name: 'x', openMode: O_WRONLY })),
        async check(odd) {
          const name = `odd-${count++}`
          const client = await proxy.connect()
          const bytes = Buffer.concat([
            oddHeader(odd, { snapshotId: 'odd', name, openMode: O_WRONLY }),
            odd.body,
          ])
          await client.sendPieces(pieces({ bytes, cuts: odd.cuts }))
          await client.end()
          const forwarded = await proxy.forwarded(name)
          const whole = { outcome: `${odd.body.length} bytes`, clause: 'F2' }
          demand(
            forwarded.bytes.equals(odd.body),
            `the forwarded ${name}`,
            whole,
            `${forwarded.size} bytes, or others`,
          )
          expectImage(await proxy.read('odd', name), odd.body, 'L3')
        },
      })
    },
  },
  {
    id: 'fuzz-cache-link-odd-headers',
    clauses: ['F2', 'F3', 'F6', 'W4'],
    role: 'cache',
    about:
      'Images with headers of fields in any order and unknown ones between them come on the link, cut anywhere: each is served whole, and the next is found behind it.',
    async run(cache) {
      let count = 0
      await forAll({
        ...common(cache, 100),
        inputs: oddImage,
        script: (odd) =>
          oddScript(
            odd,
            oddHeader(odd, {
              snapshotId: 'odd',
              name: 'x',
              openMode: O_WRONLY,
              size: odd.body.length,
            }),
          ),
        async check(odd) {
          const image = {
            snapshotId: 'odd',
            name: `odd-${count++}`,
            openMode: O_WRONLY,
            size: odd.body.length,
          }
          await cache.link.sendPieces(
            pieces({ bytes: Buffer.concat([oddHeader(odd, image), odd.body]), cuts: odd.cuts }),
          )
          expectImage(await cache.read('odd', image.name), odd.body, 'W4')
        },
      })
    },
  },
  ...[1, 2, 3, 4].map(cacheLinkNonsense),
  ...[1, 2, 3].map(proxyLinkNonsense),
]

const readOf = (odd: OddImage) =>
  oddHeader(odd, { snapshotId: 'held', name: 'a.img', openMode: O_RDONLY })

const oddScript = (odd: OddImage, frame: Buffer) => [
  `send ${frame.toString('hex')}`,
  `and ${odd.body.length} bytes, cut at ${odd.cuts.join(' ')}`,
]

const common = (daemon: CacheUnderTest | ProxyUnderTest, runs: number) => ({
  runs,
  seed: daemon.seed,
  alive: () =>
    daemon.connect().then(
      (client) => {
        client.reset()
        return true
      },
      () => false,
    ),
})

/** One connection after the other with nonsense; the image is still served after each. */
async function localNonsense(daemon: CacheUnderTest | ProxyUnderTest): Promise<void> {
  await forAll({
    ...common(daemon, 150),
    inputs: nonsense,
    script: (stream) => streamScript('the UNIX socket', stream),
    async check(stream) {
      const client = await daemon.connect()
      await client.sendPieces(pieces(stream))
      if (stream.ends) await client.end()
      else client.reset()
      expectImage(await daemon.read('held', 'a.img'), held, 'F6', 'an image, after nonsense')
      client.reset()
    },
  })
}

/** Nonsense ends the link, so each needs a cache of its own. */
function cacheLinkNonsense(nth: number): Case {
  return {
    id: `fuzz-cache-link-nonsense-${nth}`,
    clauses: ['F6', 'W7', 'C1'],
    role: 'cache',
    about:
      'The proxy sends a good image, then arbitrary or damaged bytes, and is gone: the image is served, what is missing is ENOENT, and it ends without a crash when the restore is finished.',
    async run(cache) {
      const [stream] = some(nonsense, 1, cache.seed) as [Stream]
      await cache.link.send(imageOnLink('held', 'a.img', held))
      await cache.serves('held', 'a.img', held, 'C1')
      // Behind it, an image that damaged bytes may take for their own.
      await cache.link.sendPieces([
        ...pieces(stream),
        header({ snapshotId: 'fuzz', name: 'behind', openMode: O_WRONLY, size: 9 }),
      ])
      if (stream.ends) cache.closeLink()
      else cache.resetLink()
      const missing = await cache.read('held', 'missing.img')
      demand(
        missing.error === 2,
        'a read of what is missing',
        { outcome: 'error 2', clause: 'C3' },
        `error ${missing.error}`,
      )
      await cache.serves('held', 'a.img', held, 'C1')
      await cache.finishRestore()
      await noCrash(cache)
    },
  }
}

/** The connection is one-way: a proxy may ignore what a cache sends, or take it for a failure, but not crash. */
function proxyLinkNonsense(nth: number): Case {
  return {
    id: `fuzz-proxy-link-nonsense-${nth}`,
    clauses: ['W2', 'F6'],
    role: 'proxy',
    about:
      'A cache sends arbitrary bytes on the one-way connection: the proxy goes on serving, or ends with a failure; it does not crash.',
    async run(proxy) {
      await proxy.store('held', 'a.img', held)
      proxy.life.allowExit('its cache sends nonsense')
      for (const stream of some(nonsense, 5, proxy.seed))
        for (const piece of pieces(stream)) proxy.fakeCache.socket.write(piece)
      try {
        await proxy.stillServes('W2')
      } catch (thrown) {
        if (!(thrown instanceof Violation)) throw thrown
        await noCrash(proxy)
      }
    },
  }
}

async function noCrash(daemon: CacheUnderTest | ProxyUnderTest): Promise<void> {
  const { code } = await daemon.exit('F6')
  demand(
    code <= 128,
    `the exit of the ${daemon.role}`,
    { outcome: 'an exit code up to 128', clause: 'F6' },
    `exit ${code}`,
  )
}
