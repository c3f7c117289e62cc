import {
  type ClientRequest,
  type ClientUnderTest,
  demand,
  demandOfAll,
  describeRequest,
  show,
} from '../../harness/conformance/index.ts'
import {
  type ClientCase,
  dumped,
  dumpedTwice,
  dumpFails,
  imageOf,
  isCore,
  isInventory,
  isPages,
  once,
  restored,
} from '../model/client.ts'

/* The requests of a client: their connections, their form, and the server that they go to. */

/** Children of the target in cases with many tasks. */
const MANY = 30

/** More bytes than the path of a UNIX socket may have, and than one byte of a length counts. */
const LONG = 'long-'.repeat(40)

export const cases: readonly ClientCase[] = [
  {
    id: 'client-dump',
    clauses: ['K12', 'K16'],
    role: 'client',
    about: 'A dump exits 0, its inventory is at the proxy, and the process is gone at the source.',
    async run(client) {
      await dumped(client, 'K16')
      const permitted = { outcome: 'inventory.img under the id of the dump', clause: 'K12' }
      const inventory = imageOf(client, '2', isInventory)
      demand(inventory !== undefined, 'the images at the proxy', permitted, namesAt(client))
      await client.targetIsGone()
    },
  },
  {
    id: 'client-migration',
    clauses: ['K18', 'K5'],
    role: 'client',
    about: 'A restore after a dump exits 0, and the process runs.',
    async run(client) {
      await dumped(client, 'K16')
      await client.targetIsGone()
      await restored(client, 'K18')
    },
  },
  {
    id: 'client-one-request-per-connection',
    clauses: ['K1'],
    role: 'client',
    about: 'Each connection of a dump and a restore has one request, and no image has another.',
    async run(client) {
      await dumped(client, 'K16')
      await restored(client, 'K18')
      oneRequestEach(client)
    },
  },
  {
    id: 'client-many-tasks',
    clauses: ['K1', 'K18'],
    role: 'client',
    children: MANY,
    about: 'A tree of 31 processes is dumped and restored, each image by a connection of its own.',
    async run(client) {
      const { length } = client.target.pids
      await dumped(client, 'K16')
      await restored(client, 'K18')
      oneRequestEach(client)
      for (const [side, requests] of Object.entries(bySide(client.images.filter(isCore)))) {
        const names = new Set(requests.map(({ name }) => name))
        const permitted = { outcome: `those of ${length} processes`, clause: 'K1' }
        demand(names.size >= length, `core images at the ${side}`, permitted, `${names.size}`)
      }
    },
  },
  {
    id: 'client-request-form',
    clauses: ['K2'],
    role: 'client',
    about:
      'Each connection of a pre-dump, a dump and a restore begins with one whole request, of open ' +
      'mode 0, 1 or 1024.',
    async run(client) {
      await dumped(client, 'K16')
      await restored(client, 'K18')
      wellFormed(client)
    },
  },
  {
    id: 'client-request-of-long-names',
    clauses: ['K2', 'K12'],
    role: 'client',
    about: 'A snapshot id of more than 200 bytes is sent whole; its images are found by it.',
    async run(client) {
      client.succeeded(await client.dump(LONG), 'dump', 'K2')
      client.succeeded(await client.restore(LONG), 'restore', 'K2')
      wellFormed(client)
      ownIdOnly(client, client.images, LONG)
    },
  },
  {
    id: 'client-dump-needs-no-cache',
    clauses: ['K12'],
    role: 'client',
    about: 'A pre-dump and a dump open nothing at the cache, which is not there at the source.',
    async run(client) {
      client.cache.vanish()
      await dumpedTwice(client, 'K12')
      onlyAt(client.requests, 'proxy')
    },
  },
  {
    id: 'client-restore-needs-no-proxy',
    clauses: ['K12'],
    role: 'client',
    about: 'A restore only reads, and at the cache: no proxy is there at the destination.',
    async run(client) {
      await dumped(client, 'K16')
      const before = client.requests.length
      await restored(client, 'K12')
      onlyAt(client.requests.slice(before), 'cache')
    },
  },
  {
    id: 'client-writes-under-its-own-id',
    clauses: ['K12'],
    role: 'client',
    about: 'A pre-dump and a dump write every image under their own snapshot id.',
    async run(client) {
      client.succeeded(await client.preDump('1'), 'pre-dump', 'K12')
      const count = client.images.length
      ownIdOnly(client, client.images.filter(isWrite), '1')
      await dumped(client, 'K12')
      ownIdOnly(client, client.images.slice(count).filter(isWrite), '2')
    },
  },
  {
    id: 'client-no-image-in-a-file',
    clauses: ['K13'],
    role: 'client',
    about: 'After a dump and a restore no file of their directories has bytes of an image.',
    async run(client) {
      await dumped(client, 'K16')
      noFiles(client)
      await restored(client, 'K18')
      noFiles(client)
    },
  },
  {
    id: 'client-no-image-in-a-file-after-a-failure',
    clauses: ['K13', 'K15'],
    role: 'client',
    about: 'A dump whose proxy hangs up does not write its images into files in place of it.',
    async run(client) {
      client.proxy.rule(once(isPages, { hangsUp: true }))
      await dumpFails(client, 'K15')
      noFiles(client)
    },
  },
]

/** Demands that each connection has a request, and that no image has the request of another. */
function oneRequestEach(client: ClientUnderTest): void {
  const permitted = { outcome: 'one request', clause: 'K1' }
  const isEmpty = ({ isKnown }: ClientRequest) => isKnown
  demandOfAll(client.requests, isEmpty, permitted, ({ malformed }) => malformed ?? 'no request')
  const mixed = (request: ClientRequest) =>
    isWrite(request) && request.bytes.includes(client.id('2'))
  demandOfAll(
    client.images,
    (request) => request.unasked === 0 && !mixed(request),
    permitted,
    (request) => `another one after it: ${describeRequest(request)}`,
  )
}

function wellFormed(client: ClientUnderTest): void {
  const permitted = { outcome: 'a local_image_entry frame with mode 0, 1 or 1024', clause: 'K2' }
  const isWell = ({ isKnown, openMode }: ClientRequest) =>
    isKnown && [0, 1, 1024].includes(openMode)
  demandOfAll(client.requests, isWell, permitted, (request) =>
    request.isKnown ? describeRequest(request) : (request.malformed ?? 'no request'),
  )
}

function onlyAt(requests: readonly ClientRequest[], side: 'proxy' | 'cache'): void {
  const permitted = { outcome: `requests at the ${side} only`, clause: 'K12' }
  demandOfAll(requests, (request) => request.side === side, permitted, describeRequest)
  if (side === 'proxy') return
  const reads = { outcome: 'reads only', clause: 'K12' }
  demandOfAll(requests, ({ isRead }) => isRead, reads, describeRequest)
}

function ownIdOnly(
  client: ClientUnderTest,
  requests: readonly ClientRequest[],
  snapshot: string,
): void {
  const id = client.id(snapshot)
  const permitted = { outcome: `images of ${show(id, '...')}`, clause: 'K12' }
  demandOfAll(requests, ({ snapshotId }) => snapshotId === id, permitted, describeRequest)
}

function noFiles(client: ClientUnderTest): void {
  const files = client.filesWithImages('2')
  const permitted = { outcome: 'no bytes of an image', clause: 'K13' }
  demand(files.length === 0, 'the files of its directories', permitted, files.join(', '))
}

function bySide(requests: readonly ClientRequest[]): Record<string, ClientRequest[]> {
  const at = (side: string) => requests.filter((each) => each.side === side)
  return { proxy: at('proxy'), cache: at('cache') }
}

function namesAt(client: ClientUnderTest): string {
  const names = client.images.map(({ name }) => name)
  return names.length === 0 ? 'no image' : names.join(', ')
}

const isWrite = ({ isRead }: ClientRequest) => !isRead
