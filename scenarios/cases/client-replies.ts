import { setTimeout as pause } from 'node:timers/promises'
import {
  type ClientUnderTest,
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
  isCore,
  isInventory,
  isListRead,
  isPages,
  leavesNothing,
  once,
  restored,
} from '../model/client.ts'

/* The answers to a client: sound ones in odd pieces, errors, and answers that never come. */

const EIO = 5
const EACCES = 13
/** How late a late reply is, in ms. */
const LATE = 250
const PAGE = 4096

export const cases: readonly ClientCase[] = [
  {
    id: 'client-nothing-after-a-request',
    clauses: ['K3'],
    role: 'client',
    about: 'While its replies are late, a client sends nothing after the request of a read.',
    async run(client) {
      client.proxy.rule(always(isAny, { after: pause(LATE) }))
      await dumped(client, 'K16')
      client.cache.rule(always(isAny, { after: pause(LATE) }))
      await restored(client, 'K18')
      const permitted = { outcome: 'nothing after the request of a read', clause: 'K3' }
      const reads = client.requests.filter(({ isKnown, isRead }) => isKnown && isRead)
      demandOfAll(
        reads,
        ({ unasked }) => unasked === 0,
        permitted,
        (request) => {
          return `${request.unasked} bytes after the ${describeRequest(request)}`
        },
      )
    },
  },
  {
    id: 'client-reply-and-image-in-one-piece',
    clauses: ['K3'],
    role: 'client',
    about: 'Replies of the cache come in one piece with the image: a restore loses no byte of it.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(always(isAny, { reply: 'with image' }))
      await restored(client, 'K3')
    },
  },
  {
    id: 'client-list-in-one-piece-with-its-reply',
    clauses: ['K3', 'K9'],
    role: 'client',
    about: 'The reply of the proxy comes in one piece with the list: a dump finds its id in it.',
    async run(client) {
      client.proxy.rule(always(isAny, { reply: 'with image' }))
      await dumpedTwice(client, 'K3')
    },
  },
  {
    id: 'client-replies-in-pieces',
    clauses: ['K4'],
    role: 'client',
    about: 'Replies of the cache and the begins of images come byte by byte: a restore takes them.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(always(isAny, { reply: 'pieces' }))
      await restored(client, 'K4')
    },
  },
  {
    id: 'client-list-in-pieces',
    clauses: ['K4'],
    role: 'client',
    about: 'The reply to a read of the list and its first record come byte by byte at a dump.',
    async run(client) {
      client.proxy.rule(always(isAny, { reply: 'pieces' }))
      await dumped(client, 'K4')
    },
  },
  {
    id: 'client-optional-images-missing',
    clauses: ['K5'],
    role: 'client',
    about: 'A restore goes on after each ENOENT for an image that the dump did not write.',
    async run(client) {
      await dumped(client, 'K16')
      await restored(client, 'K5')
      const missing = client.requests.filter(({ replied }) => replied === ENOENT)
      if (missing.length === 0) throw new NotApplicable('it asks for no image that is not there')
    },
  },
  {
    id: 'client-needed-image-missing',
    clauses: ['K5', 'K18'],
    role: 'client',
    about: 'ENOENT for core-PID.img makes the restore fail; with the image it is restored.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isCore, { error: ENOENT }))
      await failsAndCanBeRepeated(client, 'K5')
    },
  },
  {
    id: 'client-inventory-missing',
    clauses: ['K5', 'K17'],
    role: 'client',
    about: 'ENOENT for inventory.img makes the restore fail, as after a dump that failed.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isInventory, { error: ENOENT }))
      await failsAndCanBeRepeated(client, 'K5')
    },
  },
  {
    id: 'client-list-missing-at-dump',
    clauses: ['K5', 'K9', 'K15'],
    role: 'client',
    about: 'ENOENT for the list makes a dump fail, and the process runs on.',
    async run(client) {
      client.proxy.rule(always(isListRead, { error: ENOENT }))
      await dumpFails(client, 'K5')
    },
  },
  {
    id: 'client-error-for-a-needed-image',
    clauses: ['K6'],
    role: 'client',
    about: 'EIO for core-PID.img makes the restore fail; with the image it is restored.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isCore, { error: EIO }))
      await failsAndCanBeRepeated(client, 'K6')
    },
  },
  {
    id: 'client-error-for-an-optional-image',
    clauses: ['K6'],
    role: 'client',
    about: 'EACCES for an optional image makes the restore fail: it does not count as missing.',
    async run(client) {
      await dumped(client, 'K16')
      await failsIfAsked(client, 1, { error: EACCES }, 'K6')
    },
  },
  {
    id: 'client-error-after-a-missing-image',
    clauses: ['K6'],
    role: 'client',
    about:
      'EIO for an optional image makes the restore fail, also after ENOENT was the answer for ' +
      'another one.',
    async run(client) {
      await dumped(client, 'K16')
      await failsIfAsked(client, 2, { error: EIO }, 'K6')
    },
  },
  {
    id: 'client-error-for-the-list-at-dump',
    clauses: ['K6', 'K15'],
    role: 'client',
    about: 'EIO for the list makes a dump fail, and the process runs on.',
    async run(client) {
      client.proxy.rule(always(isListRead, { error: EIO }))
      await dumpFails(client, 'K6')
    },
  },
  {
    id: 'client-close-without-a-reply',
    clauses: ['K7'],
    role: 'client',
    about: 'A close in place of the reply for core-PID.img makes the restore fail.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isCore, { reply: 'none' }))
      await failsAndCanBeRepeated(client, 'K7')
    },
  },
  {
    id: 'client-close-without-a-reply-for-an-optional-image',
    clauses: ['K7'],
    role: 'client',
    about: 'A close in place of the reply for an optional image makes the restore fail.',
    async run(client) {
      await dumped(client, 'K16')
      await failsIfAsked(client, 1, { reply: 'none' }, 'K7')
    },
  },
  {
    id: 'client-part-of-a-reply',
    clauses: ['K7'],
    role: 'client',
    about: 'Three bytes of a reply and a close make the restore fail, for an optional image too.',
    async run(client) {
      await dumped(client, 'K16')
      await failsIfAsked(client, 1, { reply: 'part' }, 'K7')
    },
  },
  {
    id: 'client-list-without-a-reply-at-dump',
    clauses: ['K7', 'K15'],
    role: 'client',
    about: 'A close in place of the reply for the list makes a dump fail, and the process runs on.',
    async run(client) {
      client.proxy.rule(always(isListRead, { reply: 'none' }))
      await dumpFails(client, 'K7')
    },
  },
  {
    id: 'client-image-cut-in-a-record',
    clauses: ['K8', 'K18'],
    role: 'client',
    about: 'core-PID.img ends inside its record: the restore fails; with all bytes it succeeds.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isCore, { cut: 10 }))
      await failsAndCanBeRepeated(client, 'K8')
    },
  },
  {
    id: 'client-image-cut-in-a-page',
    clauses: ['K8'],
    role: 'client',
    about: 'pages-N.img ends inside its second page: the restore fails, and does not spin.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isPages, { cut: PAGE + 100 }))
      await failsAndCanBeRepeated(client, 'K8')
    },
  },
  {
    id: 'client-image-cut-between-pages',
    clauses: ['K8'],
    role: 'client',
    about: 'pages-N.img ends after its first page: the restore fails.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isPages, { cut: PAGE }))
      await failsAndCanBeRepeated(client, 'K8')
    },
  },
  {
    id: 'client-image-without-bytes',
    clauses: ['K8'],
    role: 'client',
    about: 'inventory.img ends before its first byte: the restore fails.',
    async run(client) {
      await dumped(client, 'K16')
      client.cache.rule(once(isInventory, { cut: 0 }))
      await failsAndCanBeRepeated(client, 'K8')
    },
  },
  {
    id: 'client-list-cut-in-a-record',
    clauses: ['K8', 'K9'],
    role: 'client',
    about: 'The list of a dump ends inside its only record: the dump fails, the process runs on.',
    async run(client) {
      client.proxy.rule(always(isListRead, { cut: 9 }))
      await dumpFails(client, 'K8')
    },
  },
  {
    id: 'client-late-replies',
    clauses: ['K19'],
    role: 'client',
    about: 'Replies that come late are waited for, at a dump and at a restore.',
    async run(client) {
      client.proxy.rule(always(isListRead, { after: pause(LATE) }))
      await dumped(client, 'K19')
      client.cache.rule(once(isCore, { after: pause(LATE) }))
      await restored(client, 'K19')
    },
  },
  {
    id: 'client-restore-before-the-dump',
    clauses: ['K19'],
    role: 'client',
    about:
      'A restore that begins before the dump waits for its images, and succeeds when they have ' +
      'come.',
    async run(client) {
      const gone = Promise.withResolvers<void>()
      // On one machine a process is restored only after the dump has ended the same pids.
      client.cache.rule(always(isInventory, { after: gone.promise }))
      const restore = await client.start('restore', '2')
      const permitted = { outcome: 'its first read at the cache', clause: 'K19' }
      await client.request(({ side, isKnown }) => side === 'cache' && isKnown, permitted)
      await dumped(client, 'K16')
      await client.targetIsGone()
      gone.resolve()
      client.succeeded(await restore.exit, 'restore', 'K19')
      client.restoredLives('2', 'K19')
    },
  },
]

const isAny = () => true

/**
 * Restores snapshot `2` with the nth request for an image that does not exist treated in some way,
 * and demands that the restore fails. Throws NotApplicable if there is no such request.
 */
async function failsIfAsked(
  client: ClientUnderTest,
  nth: number,
  behaviour: { error?: number; reply?: 'none' | 'part' },
  clause: string,
): Promise<void> {
  let asked = 0
  client.cache.rule((request) => {
    const isThere = client.store.get(request.snapshotId, request.name) !== undefined
    const isFinish = request.name === client.names.restoreFinish
    if (isThere || isFinish || ++asked < nth) return undefined
    return behaviour
  })
  const completed = await client.restore('2')
  if (asked < nth && completed.code === 0)
    throw new NotApplicable(`it asks for ${asked} images that are not there`)
  await leavesNothing(client, completed, clause)
}
