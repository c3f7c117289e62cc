import t from 'tap'
import {
  append,
  cacheAlone,
  onLink,
  proxyAlone,
  read,
  write,
} from '../harness/testing/reference.ts'
import { ENOENT, O_APPEND, O_WRONLY } from '../proto/messages.ts'
import { finishRestore } from './client.ts'
import { type DialectName, dialect } from './dialect.ts'

const dialects: DialectName[] = ['auto', 'ours', 'criu-2017', 'criu-2019']

/** Opens at the proxy, and the forwarded image of each: open mode, size, body. */
const steps: [typeof write, string][] = [
  [write, 'abc'],
  [append, 'de'],
  [append, ''],
  [write, 'f'],
  [append, 'gh'],
]
const forwards: Record<DialectName, [number, number, string][]> = {
  ours: [
    [O_WRONLY, 3, 'abc'],
    [O_APPEND, 5, 'abcde'],
    [O_APPEND, 5, 'abcde'],
    [O_WRONLY, 1, 'f'],
    [O_APPEND, 3, 'fgh'],
  ],
  auto: [
    [O_WRONLY, 3, 'abc'],
    [O_APPEND, 5, 'abcde'],
    [O_APPEND, 5, 'abcde'],
    [O_WRONLY, 1, 'f'],
    [O_APPEND, 3, 'fgh'],
  ],
  'criu-2017': [
    [O_APPEND, 3, 'abc'],
    [O_APPEND, 5, 'de'],
    [O_APPEND, 5, ''],
    [O_WRONLY, 1, 'f'],
    [O_APPEND, 3, 'gh'],
  ],
  'criu-2019': [
    [O_WRONLY, 3, 'abc'],
    [O_APPEND, 5, 'de'],
    [O_APPEND, 5, ''],
    [O_WRONLY, 1, 'f'],
    [O_APPEND, 3, 'gh'],
  ],
}

for (const name of dialects) {
  t.test(
    `W4: ${name}: an append and a rewrite are forwarded as the dialect requires`,
    async (t) => {
      const { socket, link } = await proxyAlone(t, { dialect: name })
      for (const [step, bytes] of steps) await step(t, socket, {}, bytes)
      for (const [openMode, size, body] of forwards[name]) {
        const { header, body: sent } = await link.forwarded(body.length)
        t.strictSame([header.openMode, header.size, String(sent)], [openMode, size, body])
      }
      t.equal(link.received, 0)
    },
  )

  t.test(`W4: ${name}: a cache understands a proxy of its dialect`, async (t) => {
    const { socket, linkUp } = await cacheAlone(t, { dialect: name })
    const link = await linkUp()
    for (const [index, whole] of ['abc', 'abcde', 'abcde', 'f', 'fgh'].entries()) {
      const [openMode, size, body] = forwards[name][index] as [number, number, string]
      link.send(onLink({ openMode, size }, body), onLink({ name: `${index}`, size: 0 }))
      await read(t, socket, { name: `${index}` })
      t.equal(await read(t, socket, {}), whole)
    }
  })
}

for (const name of ['criu-2017', 'criu-2019'] as const) {
  t.test(
    `W7: ${name}: an append whose size is below that of its image fails the migration`,
    async (t) => {
      const { socket, linkUp, daemon } = await cacheAlone(t, { dialect: name })
      ;(await linkUp()).send(
        onLink({ openMode: O_APPEND }, 'abc'),
        onLink({ openMode: O_APPEND, size: 2 }),
      )
      t.equal(await read(t, socket, { name: 'b' }), ENOENT)
      t.equal(await read(t, socket, {}), 'abc')
      await finishRestore(socket, dialect(name))
      await t.rejects(daemon.finished, {
        code: 'message-invalid',
        message:
          'receiving s:a: expected a size of at least 3, since bytes are appended to it, got 2',
      })
    },
  )
}
