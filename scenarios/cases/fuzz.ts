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

/*
 * Fuzz cases for all connections: nonsense ends at most its own connection, and a valid message is
 * understood in all of its forms.
 */

const held = Buffer.from('held before the nonsense came')

export const cases: readonly Case[] = [
  {
    id: 'fuzz-cache-local-nonsense',
    clauses: ['F6', 'L2'],
    role: 'cache',
    about:
      'Clients send arbitrary bytes, frames of arbitrary fields, and damaged headers, cut ' +
      'anywhere, and leave. After each of them an image is served.',
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
      'Clients send arbitrary bytes, frames of arbitrary fields, and damaged headers, cut ' +
      'anywhere, and leave. After each of them an image is served, and at the end images are ' +
      'forwarded.',
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
      'Headers of reads have their fields in any order with unknown ones between them, and are ' +
      'cut anywhere. Each read gets the image.',
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
      'Headers of writes have their fields in any order with unknown ones between them, and are ' +
      'cut anywhere together with the image bytes. Each image is forwarded whole and read back.',
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
      'Headers on the link have their fields in any order with unknown ones between them, and ' +
      'are cut anywhere. Each image is served whole, and the next header is found after it.',
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

/** Sends nonsense on one connection after the other. After each the image is still served. */
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
      expectImage(await daemon.read('held', 'a.img'), held, 'F6', 'an image after nonsense')
      client.reset()
    },
  })
}

/**
 * Returns a case with one piece of nonsense: it ends the link, so each needs a cache of its own.
 */
function cacheLinkNonsense(nth: number): Case {
  return {
    id: `fuzz-cache-link-nonsense-${nth}`,
    clauses: ['F6', 'W7', 'C1'],
    role: 'cache',
    about:
      'The proxy sends an image, then arbitrary or damaged bytes, and is gone. The image is ' +
      'served, a missing one is ENOENT, and after the restore the cache exits without a crash.',
    async run(cache) {
      const [stream] = some(nonsense, 1, cache.seed) as [Stream]
      await cache.link.send(imageOnLink('held', 'a.img', held))
      await cache.serves('held', 'a.img', held, 'C1')
      // The header of another image follows, which damaged bytes may take for their own.
      await cache.link.sendPieces([
        ...pieces(stream),
        header({ snapshotId: 'fuzz', name: 'next.img', openMode: O_WRONLY, size: 9 }),
      ])
      if (stream.ends) cache.closeLink()
      else cache.resetLink()
      const missing = await cache.read('held', 'missing.img')
      demand(
        missing.error === 2,
        'a read of a missing image',
        { outcome: 'error 2', clause: 'C3' },
        `error ${missing.error}`,
      )
      await cache.serves('held', 'a.img', held, 'C1')
      await cache.finishRestore()
      await noCrash(cache)
    },
  }
}

/**
 * Returns a case with nonsense from the cache. The link is one-way: a proxy may ignore the bytes or
 * take them for a failure, but it may not crash.
 */
function proxyLinkNonsense(nth: number): Case {
  return {
    id: `fuzz-proxy-link-nonsense-${nth}`,
    clauses: ['W2', 'F6'],
    role: 'proxy',
    about:
      'A cache sends arbitrary bytes on the one-way link. The proxy goes on serving or exits as ' +
      'failed, but does not crash.',
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

/** Waits for the exit of the daemon. Throws Violation if it is a crash. */
async function noCrash(daemon: CacheUnderTest | ProxyUnderTest): Promise<void> {
  const { code } = await daemon.exit({ clause: daemon.role === 'cache' ? 'E2' : 'E4' })
  demand(
    code <= 128,
    `the exit of the ${daemon.role}`,
    { outcome: 'an exit code up to 128', clause: 'F6' },
    `exit ${code}`,
  )
}
