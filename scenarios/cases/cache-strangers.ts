import { setTimeout as pause } from 'node:timers/promises'
import {
  type CacheUnderTest,
  type Case,
  type Connection,
  demand,
  expectImage,
  expectMissing,
  expectOneOf,
  times,
} from '../../harness/conformance/index.ts'
import { imageOnLink, letItSee } from '../model/cache.ts'
import { rounds } from '../model/stops.ts'

/*
 * Cases for the cache: connections to its port beside and after the link (W9), and a restore that
 * is finished before a proxy comes (C4, E2).
 */

const own = Buffer.from('of the proxy')
const foreign = Buffer.from('of a stranger')
/** How long a cache may take to exit too early, in ms. */
const TAKES_NOTICE = 300

const READ_OF_A_STRANGER = 'a read of an image that came on a second connection only'

/** Sends images as a stranger: one under a new name, one under the name of the proxy's image. */
async function sendAsStranger(stranger: Connection | undefined): Promise<void> {
  for (const name of ['late.img', 'a.img'])
    await stranger?.send(imageOnLink('1', name, foreign), 'an image of a stranger')
}

/** Demands that no read gets an image of a stranger, again and again. */
async function servesNoneOfIt(cache: CacheUnderTest): Promise<void> {
  for (const _ of times(20, (index) => index)) {
    expectMissing(await cache.read('1', 'late.img'), 'W9', READ_OF_A_STRANGER)
    expectImage(await cache.read('1', 'a.img'), own, 'W9')
  }
}

export const cases: readonly Case[] = [
  {
    id: 'cache-second-connection-waits-for-the-end',
    clauses: ['W9', 'C3', 'E2'],
    role: 'cache',
    about:
      'While the link is open, another peer connects to the port and sends whole images. Then the ' +
      'link ends. No read ever gets one of those images, and the restore ends with 0.',
    async run(cache) {
      await cache.stillServes('C2')
      await cache.forward('1', 'a.img', own)
      const waiter = await cache.openRead('1', 'late.img')
      const stranger = await cache.connectAnother()
      await sendAsStranger(stranger)
      await cache.stillServes('W9', 'a read of an image of the link, beside a second connection')
      cache.closeLink()
      expectMissing(await cache.answer(waiter, READ_OF_A_STRANGER), 'W9', READ_OF_A_STRANGER)
      await servesNoneOfIt(cache)
      stranger?.reset()
      await cache.finishRestore()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-second-connection-beside-the-end',
    clauses: ['W9', 'C3', 'C2'],
    role: 'cache',
    about:
      'While the cache is stopped, the link brings an image and ends, and another peer connects to ' +
      'the port, sends whole images and closes. Only the image of the link is ever served.',
    async run(cache) {
      await cache.stillServes('C2')
      const readers: Connection[] = []
      await cache.whileStopped(async () => {
        readers.push(await cache.openRead('1', 'late.img'))
        await cache.forward('1', 'a.img', own)
        await cache.link.end()
        const stranger = await cache.connectAnother()
        await sendAsStranger(stranger)
        await stranger?.end()
      })
      const [reader] = readers as [Connection]
      expectMissing(await cache.answer(reader, READ_OF_A_STRANGER), 'W9', READ_OF_A_STRANGER)
      await servesNoneOfIt(cache)
      await cache.finishRestore()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-second-connection-after-a-lost-link',
    clauses: ['W9', 'C3', 'W7'],
    role: 'cache',
    about:
      'The link is reset inside an image. Another peer connects to the port and sends that image ' +
      'and others whole. Reads get ENOENT for them, and the version before of a held image.',
    async run(cache) {
      await cache.stillServes('C2')
      await cache.forward('1', 'a.img', own)
      await cache.drained()
      const waiter = await cache.openRead('1', 'late.img')
      await cache.link.send(imageOnLink('1', 'late.img', Buffer.alloc(5000)).subarray(0, -1))
      cache.resetLink()
      expectMissing(await cache.answer(waiter), 'C3')
      const stranger = await cache.connectAnother()
      await sendAsStranger(stranger)
      await servesNoneOfIt(cache)
      stranger?.reset()
    },
  },
  {
    id: 'cache-many-strangers-beside-the-link',
    clauses: ['W9', 'W1'],
    role: 'cache',
    about:
      'Thirty peers connect to the port beside the link, send images of the name that a client ' +
      'waits for, and close or stay. The client gets the image of the link.',
    async run(cache) {
      await cache.stillServes('C2')
      const strangers: (Connection | undefined)[] = []
      for (const at of times(rounds(cache, 30), (index) => index)) {
        const stranger = await cache.connectAnother()
        strangers.push(stranger)
        await sendAsStranger(stranger)
        if (at % 2 === 0) stranger?.reset()
      }
      const waiter = await cache.openRead('1', 'a.img')
      await cache.stillServes('W9', 'a read of an image of the link, beside other connections')
      await cache.forward('1', 'a.img', own)
      expectImage(await cache.answer(waiter, 'a read of an image of the link'), own, 'W9')
      for (const stranger of strangers) stranger?.reset()
      await cache.stillServes('W9')
    },
  },
  {
    id: 'cache-silent-stranger-before-the-proxy',
    clauses: ['W9', 'C4'],
    level: 'should',
    role: 'cache',
    about:
      'A peer connects to the port, sends nothing and closes. The proxy connects while the peer is ' +
      'still there and sends an image. A client that waits gets the image of the proxy, or ENOENT ' +
      'if the cache takes the close as the end of the link: never anything else.',
    async run(cache) {
      const waiter = await cache.openRead('1', 'a.img')
      await letItSee(cache)
      const proxy = await cache.connectAnother()
      await proxy?.send(imageOnLink('1', 'a.img', own))
      cache.closeLink()
      const what = 'a read that waits while a peer closes without a frame'
      const answer = await cache.answer(waiter, what)
      if (answer.error === 0) expectOneOf(answer, [own], 'W9', what)
      else expectMissing(answer, 'C3', what)
      proxy?.reset()
    },
  },
  {
    id: 'cache-finish-before-any-proxy',
    clauses: ['E2', 'C4'],
    role: 'cache',
    link: 'later',
    about:
      'The restore is finished before any proxy has come, which counts as an open link. The cache ' +
      'runs on: a proxy connects and sends an image, and the cache exits with 0 after the end of ' +
      'the link.',
    async run(cache) {
      await cache.finishRestore()
      // The protocol has no event for a cache that runs on.
      await Promise.race([cache.daemon.process.exited, pause(TAKES_NOTICE)])
      const { exitCode } = cache.life
      demand(
        exitCode === undefined,
        'the cache after the finish of the restore, before any proxy has come',
        [
          { outcome: 'it runs on, since the link counts as open', clause: 'C4' },
          { outcome: 'it exits once the connection of the proxy is closed', clause: 'E2' },
        ],
        `it ended with exit ${exitCode}`,
      )
      await cache.connectLink()
      await cache.forward('1', 'a.img', own)
      cache.closeLink()
      await cache.cleanExit()
    },
  },
]
