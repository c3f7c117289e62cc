import { rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type ClientRequest,
  type ClientUnderTest,
  demand,
  demandOfAll,
  describeRequest,
  ENOENT,
  NotApplicable,
} from '../../harness/conformance/index.ts'
import {
  always,
  type ClientCase,
  dumped,
  dumpedTwice,
  dumpFails,
  failsAndCanBeRepeated,
  failsAndLeavesNothing,
  isCore,
  isList,
  isPages,
  once,
  restored,
} from '../model/client.ts'

/* The end of a dump and of a restore, and servers that are gone. */

/**
 * How long the proxy does not read an image, in ms: more than a client takes for all that follows.
 * A socket holds less than the image, so a client that awaits its close sends no finish meanwhile.
 */
const UNREAD = 300
const EIO = 5
const CHILDREN = 12

export const cases: readonly ClientCase[] = [
  {
    id: 'client-finish-once',
    clauses: ['K14'],
    role: 'client',
    about: 'A dump writes the finish name under the null id once, with no bytes, and last.',
    async run(client) {
      await dumped(client, 'K14')
      finishedOnce(client)
    },
  },
  {
    id: 'client-pre-dump-sends-no-finish',
    clauses: ['K14'],
    role: 'client',
    about: 'A pre-dump sends no finish, and leaves the process running; the dump sends one.',
    async run(client) {
      client.succeeded(await client.preDump('1'), 'pre-dump', 'K14')
      client.targetLives('a pre-dump')
      noFinish(client, 'after a pre-dump', 'K14')
      await dumped(client, 'K14')
      finishedOnce(client)
    },
  },
  {
    id: 'client-finish-waits-for-images',
    clauses: ['K14'],
    role: 'client',
    about: 'A proxy that reads an image late gets the finish only after the close of the image.',
    async run(client) {
      const read = Promise.withResolvers<void>()
      client.proxy.rule(always(isPages, { after: read.promise }))
      const dump = await client.start('dump', '2')
      const permitted = { outcome: 'a write of pages', clause: 'K14' }
      await client.request(isPages, permitted)
      await pause(UNREAD)
      noFinish(client, 'before the last byte of an image', 'K14')
      read.resolve()
      client.succeeded(await dump.exit, 'dump', 'K14')
      finishedOnce(client)
    },
  },
  {
    id: 'client-proxy-gone-before',
    clauses: ['K15'],
    role: 'client',
    about: 'No proxy is there: a dump fails, the process runs on, and a later dump succeeds.',
    async run(client) {
      client.proxy.vanish()
      await dumpFails(client, 'K15')
      await client.proxy.revive()
      await dumped(client, 'K15')
    },
  },
  {
    id: 'client-proxy-refuses-a-pre-dump',
    clauses: ['K15'],
    role: 'client',
    about: 'A proxy refuses connections: a pre-dump fails, and the process runs on.',
    async run(client) {
      client.proxy.die()
      client.failed(await client.preDump('1'), 'pre-dump', 'K15')
      client.targetLives('a failed pre-dump')
    },
  },
  {
    id: 'client-proxy-gone-in-the-middle',
    clauses: ['K15'],
    role: 'client',
    about: 'The proxy ends while an image is written: the dump fails, and the process runs on.',
    async run(client) {
      const never = Promise.withResolvers<void>()
      client.proxy.rule(always(isPages, { after: never.promise }))
      const dump = await client.start('dump', '2')
      await client.request(isPages, { outcome: 'a write of pages', clause: 'K15' })
      client.proxy.die()
      never.resolve()
      client.failed(await dump.exit, 'dump', 'K15')
      client.targetLives('a failed dump')
    },
  },
  {
    id: 'client-proxy-gone-in-a-pre-dump',
    clauses: ['K15'],
    role: 'client',
    about: 'The proxy ends while a pre-dump writes an image: the process runs on.',
    async run(client) {
      const never = Promise.withResolvers<void>()
      client.proxy.rule(always(isPages, { after: never.promise }))
      const preDump = await client.start('preDump', '1')
      await client.request(isPages, { outcome: 'a write of pages', clause: 'K15' })
      client.proxy.die()
      never.resolve()
      client.failed(await preDump.exit, 'pre-dump', 'K15')
      client.targetLives('a failed pre-dump')
    },
  },
  {
    id: 'client-proxy-hangs-up',
    clauses: ['K15', 'K16'],
    role: 'client',
    about:
      'The proxy closes the connection of one image unread: the dump fails, and harms nothing.',
    async run(client) {
      client.proxy.rule(once(isPages, { hangsUp: true }))
      await dumpFails(client, 'K15')
    },
  },
  {
    id: 'client-proxy-hangs-up-on-others',
    clauses: ['K15'],
    role: 'client',
    about:
      'The proxy closes the connections of images that are open beside one that it does not read: ' +
      'the next write to them fails, and the dump with it. No signal ends the client.',
    async run(client) {
      const read = Promise.withResolvers<void>()
      client.proxy.rule(always(isPages, { after: read.promise }))
      const dump = await client.start('dump', '2')
      await client.request(isPages, { outcome: 'a write of pages', clause: 'K15' })
      await client.settle()
      const others = client.images.filter((each) => !isPages(each) && each.endedAt === undefined)
      if (others.length === 0) throw new NotApplicable('it has no other image open')
      for (const { socket } of others) socket.destroy()
      read.resolve()
      client.failed(await dump.exit, 'dump', 'K15')
      client.targetLives('a failed dump')
    },
  },
  {
    id: 'client-proxy-gone-at-the-end',
    clauses: ['K16', 'K15'],
    role: 'client',
    about:
      'The socket for the finish is gone after the list was read: the dump fails and the process ' +
      'runs on, unless the finish has come all the same.',
    async run(client) {
      client.proxy.rule((request) => {
        if (isList(request) && request.isRead) removeProxy(client)
        return undefined
      })
      const completed = await client.dump('2')
      if (client.finishes.length > 0) {
        client.succeeded(completed, 'dump', 'K16')
        return
      }
      client.targetLives('a dump that could not send its finish', 'K16')
      client.failed(completed, 'dump', 'K15')
    },
  },
  {
    id: 'client-failed-dump-sends-no-finish',
    clauses: ['K15'],
    level: 'should',
    role: 'client',
    about: 'A dump that failed in its middle sends no finish: its images are not whole.',
    async run(client) {
      client.proxy.rule(once(isPages, { hangsUp: true }))
      await dumpFails(client, 'K15')
      noFinish(client, 'after a failed dump', 'K15', 'should')
    },
  },
  {
    id: 'client-kills-the-tree-last',
    clauses: ['K16'],
    role: 'client',
    children: CHILDREN,
    about: 'After a dump, with its finish, no process of a tree of thirteen is left.',
    async run(client) {
      await dumped(client, 'K16')
      finishedOnce(client)
      await client.targetIsGone()
    },
  },
  {
    id: 'client-restore-finish',
    clauses: ['K17'],
    role: 'client',
    about: 'A restore reads the finish name under the null id once, after all reads of images.',
    async run(client) {
      await dumped(client, 'K16')
      await restored(client, 'K17')
      finishedRestore(client)
    },
  },
  {
    id: 'client-restore-finish-is-refused',
    clauses: ['K17'],
    role: 'client',
    about: 'ENOENT for the finish of a restore does not undo it: the process runs.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(always((request) => isFinish(client, request), { error: ENOENT }))
      await restored(client, 'K17')
    },
  },
  {
    id: 'client-restore-finish-without-a-reply',
    clauses: ['K17', 'K18'],
    role: 'client',
    about: 'A cache that ends at the finish of a restore does not undo it: the process runs.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(always((request) => isFinish(client, request), { reply: 'none' }))
      await restored(client, 'K17')
    },
  },
  {
    id: 'client-failed-restore-sends-no-finish',
    clauses: ['K17', 'K18'],
    role: 'client',
    about: 'A restore that fails at a late image sends no finish, and can be repeated.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isPages, { error: EIO }))
      await failsAndCanBeRepeated(client, 'K18')
      finishedRestore(client)
    },
  },
  {
    id: 'client-cache-gone-before',
    clauses: ['K18'],
    role: 'client',
    about: 'No cache is there: the restore fails; when it is there the process is restored.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.vanish()
      await failsAndLeavesNothing(client, 'K18')
      await client.cache.revive()
      await restored(client, 'K18')
    },
  },
  {
    id: 'client-cache-gone-in-the-middle',
    clauses: ['K18'],
    role: 'client',
    about: 'The cache ends at a read of the memory: the restore fails and leaves no process.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule((request) => {
        if (isPages(request)) client.cache.die()
        return undefined
      })
      await failsAndLeavesNothing(client, 'K18')
    },
  },
  {
    id: 'client-restore-fails-as-a-whole',
    clauses: ['K18'],
    role: 'client',
    children: CHILDREN,
    about: 'The image of one of thirteen processes fails: none of them is restored.',
    async run(client) {
      await dumped(client, 'K16')
      const last = `core-${Math.max(...client.target.pids)}.img`
      client.cache.rule(
        always((request) => isCore(request) && request.name === last, { error: EIO }),
      )
      await failsAndCanBeRepeated(client, 'K18')
    },
  },
  {
    id: 'client-migration-with-a-pre-dump',
    clauses: ['K14', 'K17'],
    role: 'client',
    about: 'A pre-dump, a dump and a restore: one finish of the dump, then one of the restore.',
    async run(client) {
      await dumpedTwice(client, 'K14')
      finishedOnce(client)
      await restored(client, 'K17')
      finishedRestore(client)
    },
  },
]

/** Demands one finish of the dump, without bytes, after which nothing is opened at the proxy. */
function finishedOnce(client: ClientUnderTest): void {
  const { finishes } = client
  const permitted = { outcome: 'one, under the null id', clause: 'K14' }
  demand(finishes.length === 1, 'the finishes of the dump', permitted, `${finishes.length}`)
  const [finish] = finishes as [ClientRequest]
  const empty = { outcome: 'no bytes', clause: 'K14' }
  demand(finish.bytes.length === 0, 'the finish', empty, `${finish.bytes.length} bytes`)
  const others = client.requests.filter(({ side }) => side === 'proxy')
  const last = { outcome: 'no open after the finish', clause: 'K14' }
  demandOfAll(others, ({ number }) => number <= finish.number, last, describeRequest)
}

function noFinish(client: ClientUnderTest, when: string, clause: string, level?: 'should'): void {
  const permitted = { outcome: `none ${when}`, clause, ...(level && { level }) }
  const { length } = client.finishes
  demand(length === 0, 'the finishes of the dump', permitted, `${length}`)
}

/** Demands one finish of the restore, after which no image is opened at the cache. */
function finishedRestore(client: ClientUnderTest): void {
  const { restoreFinishes: finishes } = client
  const permitted = { outcome: 'one, under the null id', clause: 'K17' }
  demand(finishes.length === 1, 'the finishes of the restore', permitted, `${finishes.length}`)
  const [finish] = finishes as [ClientRequest]
  const last = { outcome: 'no open after the finish', clause: 'K17' }
  const others = client.requests.filter(({ side }) => side === 'cache')
  demandOfAll(others, ({ number }) => number <= finish.number, last, describeRequest)
}

const isFinish = ({ names }: ClientUnderTest, { snapshotId, name }: ClientRequest) =>
  snapshotId === names.nullId && name === names.restoreFinish

/** Takes away the socket to which a client sends the finish. */
function removeProxy(client: ClientUnderTest): void {
  if (client.findsByName) rmSync(`${client.work('2')}/img-proxy.sock`, { force: true })
  else client.proxy.die()
}
