import t from 'tap'
import { ENOENT, localImage, localReply, O_APPEND, O_RDONLY, O_WRONLY } from '../../proto/index.ts'
import { remoteImage } from '../../proto/messages.ts'
import { suspectDialect } from './suspect-dialect.ts'
import { Trace } from './trace.ts'

/* Bytes of one dialect, from a daemon that is declared to speak another. */

const image = { snapshotId: '1', name: 'a.img' }

/** Returns the trace of a write and an append of 100 bytes each, as a proxy forwards them. */
function forwarded(firstMode: number, appended: { size: number; bytes: number }): Trace {
  const trace = new Trace()
  trace.add('client 1', 'in', 'bytes', localImage.encode({ ...image, openMode: O_WRONLY }))
  const first = remoteImage.encode({ ...image, openMode: firstMode, size: 100 })
  trace.add('link', 'out', 'bytes', Buffer.concat([first, Buffer.alloc(60)]))
  trace.add('link', 'out', 'bytes', Buffer.alloc(40))
  if (appended.size === 0) return trace
  trace.add('client 2', 'in', 'bytes', localImage.encode({ ...image, openMode: O_APPEND }))
  const second = remoteImage.encode({ ...image, openMode: O_APPEND, size: appended.size })
  trace.add('link', 'out', 'bytes', second.subarray(0, 6))
  trace.add(
    'link',
    'out',
    'bytes',
    Buffer.concat([second.subarray(6), Buffer.alloc(appended.bytes)]),
  )
  return trace
}

const whole = forwarded(O_WRONLY, { size: 200, bytes: 200 })
const newBytesOf2019 = forwarded(O_WRONLY, { size: 200, bytes: 100 })
const newOf2017 = forwarded(O_APPEND, { size: 0, bytes: 0 })
const newOf2019 = forwarded(O_WRONLY, { size: 0, bytes: 0 })

/** Returns the trace of a finish that a daemon takes for the name of an image. */
function finish(role: 'proxy' | 'cache', snapshotId: string, name: string): Trace {
  const trace = new Trace()
  if (role === 'proxy') {
    const header = remoteImage.encode({ snapshotId, name, openMode: O_WRONLY, size: 0 })
    trace.add('link', 'out', 'bytes', header)
    return trace
  }
  const read = localImage.encode({ snapshotId, name, openMode: O_RDONLY })
  trace.add('client 1', 'in', 'bytes', read)
  trace.add('client 1', 'out', 'bytes', localReply.encode(ENOENT))
  return trace
}

for (const [title, trace, declared, suspected] of [
  ['a whole append', whole, 'criu-2017', 'ours'],
  ['a whole append', whole, 'criu-2019', 'ours'],
  ['a whole append', whole, 'ours', undefined],
  ['an append of new bytes', newBytesOf2019, 'ours', 'criu-2019'],
  ['an append of new bytes', newBytesOf2019, 'auto', 'criu-2019'],
  ['an append of new bytes', newBytesOf2019, 'criu-2019', undefined],
  ['a new image with O_APPEND', newOf2017, 'criu-2019', 'criu-2017'],
  ['a new image with O_APPEND', newOf2017, 'criu-2017', undefined],
  ['a new image with O_WRONLY', newOf2019, 'criu-2017', 'ours or criu-2019'],
  ['a new image with O_WRONLY', newOf2019, 'criu-2019', undefined],
  ['a forwarded finish', finish('proxy', 'null', 'DUMP_FINISH'), 'ours', 'criu-2019'],
  ['a forwarded finish', finish('proxy', '', ''), 'criu-2019', 'criu-2017'],
  ['a forwarded finish', finish('proxy', '', ''), 'auto', 'criu-2017'],
  ['an image elsewhere', finish('proxy', '1', 'DUMP_FINISH'), 'ours', undefined],
  ['a refused finish', finish('cache', 'null', 'RESTORE_FINISH'), 'criu-2017', 'criu-2019'],
  ['a refused read', finish('cache', '1', 'a.img'), 'criu-2017', undefined],
  ['nothing', new Trace(), 'ours', undefined],
] as const) {
  t.test(`${title}, declared ${declared}, looks like ${suspected}`, async (t) => {
    const text = suspectDialect(trace.events, declared)
    if (suspected === undefined) t.equal(text, undefined)
    else t.match(text, `this looks like dialect ${suspected}, declared ${declared}: `)
  })
}

t.test('a link that is cut or holds no frames tells no dialect', async (t) => {
  const cut = forwarded(O_WRONLY, { size: 200, bytes: 50 })
  t.equal(suspectDialect(cut.events, 'ours'), undefined)
  const trace = new Trace()
  trace.add('link', 'out', 'bytes', Buffer.alloc(500, 0xff))
  t.equal(suspectDialect(trace.events, 'criu-2017'), undefined)
})
