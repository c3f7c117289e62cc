import {
  type ClientRequest,
  type ClientUnderTest,
  demand,
  demandOfAll,
  describeRequest,
  NotApplicable,
  O_APPEND,
  snapshotEntry,
} from '../../harness/conformance/index.ts'
import {
  always,
  type ClientCase,
  dumped,
  dumpedTwice,
  dumpFails,
  failsAndLeavesNothing,
  imageOf,
  isList,
  isListRead,
  isPagemap,
  restored,
} from '../model/client.ts'

/* The list of snapshots, their parents, and processes that come and go between them. */

export const cases: readonly ClientCase[] = [
  {
    id: 'client-appends-its-id-first',
    clauses: ['K9'],
    role: 'client',
    about:
      'A pre-dump and a dump begin with an append of one record, their images directory, to the ' +
      'list.',
    async run(client) {
      client.succeeded(await client.preDump('1'), 'pre-dump', 'K9')
      beginsWithAppend(client.requests[0], client, '1')
      const { length } = client.requests
      await dumped(client, 'K9')
      beginsWithAppend(client.requests[length], client, '2')
    },
  },
  {
    id: 'client-appends-its-id-once',
    clauses: ['K9'],
    role: 'client',
    about: 'The list of a pre-dump, a dump and a restore has two records, in their order.',
    async run(client) {
      await dumpedTwice(client, 'K9')
      await restored(client, 'K18')
      const appends = client.requests.filter((each) => isList(each) && !each.isRead)
      const permitted = { outcome: 'two: of the pre-dump and of the dump', clause: 'K9' }
      demand(appends.length === 2, 'the appends to the list', permitted, `${appends.length}`)
      const bytes = Buffer.concat(appends.map((each) => each.bytes))
      const list = client.store.get(client.names.nullId, 'parent') ?? Buffer.alloc(0)
      demand(bytes.equals(list), 'the list', { ...permitted }, `${list.length} bytes`)
    },
  },
  {
    id: 'client-own-id-not-in-the-list',
    clauses: ['K9', 'K15'],
    role: 'client',
    about: 'A list without the id of the dump makes it fail, and the process runs on.',
    async run(client) {
      const others = snapshotEntry.encode('/of/another/dump')
      client.proxy.rule(always(isListRead, { bytes: others }))
      await dumpFails(client, 'K9')
    },
  },
  {
    id: 'client-own-id-not-in-the-list-at-restore',
    clauses: ['K9', 'K18'],
    role: 'client',
    about: 'A list without the id of the restore makes it fail, and no process is restored.',
    async run(client) {
      await dumped(client, 'K16')
      const others = snapshotEntry.encode('/of/another/dump')
      client.cache.rule(always(isListRead, { bytes: others }))
      await failsAndLeavesNothing(client, 'K9')
    },
  },
  {
    id: 'client-parent-by-its-id',
    clauses: ['K10'],
    role: 'client',
    about:
      "A dump reads its parent's images at the proxy under the id of the pre-dump, and a restore " +
      'reads them at the cache.',
    async run(client) {
      await dumpedTwice(client, 'K10')
      const ofDump = client.images.filter(({ isRead }) => isRead)
      parentsOnly(client, ofDump, ['1'])
      if (ofDump.length === 0) throw new NotApplicable('its dumps read no parent')
      const { length } = client.images
      await restored(client, 'K10')
      const ofRestore = client.images.slice(length)
      parentsOnly(client, ofRestore, ['1', '2'])
      const fromParent = ofRestore.filter(({ snapshotId }) => snapshotId === client.id('1'))
      const permitted = { outcome: 'pages that only the pre-dump has', clause: 'K10' }
      demand(fromParent.length > 0, 'the reads of the restore', permitted, 'no read of the parent')
    },
  },
  {
    id: 'client-first-snapshot-has-no-parent',
    clauses: ['K10'],
    role: 'client',
    about: 'A dump without a pre-dump, and its restore, ask for images of their own id only.',
    async run(client) {
      await dumped(client, 'K10')
      await restored(client, 'K10')
      parentsOnly(client, client.images, ['2'])
    },
  },
  {
    id: 'client-two-pre-dumps',
    clauses: ['K10'],
    role: 'client',
    about: 'After two pre-dumps the parent of the dump is the second; the restore takes all three.',
    async run(client) {
      client.succeeded(await client.preDump('0'), 'pre-dump', 'K10')
      client.succeeded(await client.preDump('1'), 'pre-dump', 'K10')
      const { length } = client.images
      await dumped(client, 'K10')
      const reads = client.images.slice(length).filter(({ isRead }) => isRead)
      if (reads.length > 0) {
        const permitted = { outcome: `the second pre-dump, ${client.id('1')}`, clause: 'K10' }
        const [first] = reads as [ClientRequest]
        demand(first.snapshotId === client.id('1'), 'the parent', permitted, first.snapshotId)
      }
      await restored(client, 'K10')
    },
  },
  {
    id: 'client-vanished-subprocess',
    clauses: ['K11'],
    role: 'client',
    about: 'A process of the pre-dump is gone at the dump: dump and restore succeed without it.',
    async run(client) {
      client.succeeded(await client.preDump('1'), 'pre-dump', 'K11')
      const pid = await client.target.endChild()
      await dumped(client, 'K11')
      const { length } = client.images
      await restored(client, 'K11')
      const asked = client.images.slice(length).filter(({ name }) => name.includes(`-${pid}.`))
      const permitted = { outcome: 'none of the process that is gone', clause: 'K11' }
      demand(asked.length === 0, 'the reads of the restore', permitted, `${asked.length} of ${pid}`)
    },
  },
  {
    id: 'client-new-subprocess',
    clauses: ['K11', 'K5'],
    role: 'client',
    about:
      'ENOENT for the pagemap of the parent, as of a new process: the dump has all of its pages, ' +
      'and the restore succeeds.',
    async run(client) {
      client.succeeded(await client.preDump('1'), 'pre-dump', 'K11')
      const pagemap = imageOf(client, '1', isPagemap)
      if (pagemap === undefined) throw new NotApplicable('its pre-dumps have no pagemap')
      client.store.remove(client.id('1'), pagemap.name)
      await dumped(client, 'K11')
      await restored(client, 'K11')
    },
  },
]

/** Demands that the first request of a command appends the record of a snapshot. */
function beginsWithAppend(
  first: ClientRequest | undefined,
  client: ClientUnderTest,
  snapshot: string,
): void {
  const permitted = { outcome: 'an append of its id to the list, and a close', clause: 'K9' }
  const record = snapshotEntry.encode(client.id(snapshot))
  const holds =
    first !== undefined &&
    isList(first) &&
    first.side === 'proxy' &&
    first.snapshotId === client.names.nullId &&
    first.openMode === O_APPEND &&
    first.bytes.equals(record)
  const actual =
    first === undefined
      ? 'no request'
      : `${describeRequest(first)}, ${first.bytes.length} bytes (${first.bytes.toString('hex')})`
  demand(holds, `the first request for snapshot ${snapshot}`, permitted, actual)
}

function parentsOnly(
  client: ClientUnderTest,
  requests: readonly ClientRequest[],
  snapshots: readonly string[],
): void {
  const ids = snapshots.map((snapshot) => client.id(snapshot))
  const isIn = ({ snapshotId }: ClientRequest) => ids.includes(snapshotId)
  const permitted = { outcome: `images of ${ids.join(' or ')}`, clause: 'K10' }
  demandOfAll(requests, isIn, permitted, describeRequest)
}
