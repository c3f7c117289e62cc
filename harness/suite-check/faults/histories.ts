import type { Mutant } from '../mutant.ts'

/*
 * Faults that need several clients at one image, or an order that a reader sees: lost races of
 * threads, copies that are taken too early or too late, and queues that are tidied up too much.
 */

/** The end of the reception of an image in the proxy. */
const COMPLETES = '    this.#complete(open, content)\n'

export const histories: readonly Mutant[] = [
  {
    id: 'append-loses-a-race',
    clauses: ['L6', 'L10'],
    about: 'Reads the image, lets another thread run, and appends to its old copy.',
    file: 'reference/proxy.ts',
    find: COMPLETES,
    put: `    const key = snapshotKey(this.#dialect, open.image.snapshotId)
    const old = this.#store.get(key, open.image.name)
    if (open.purpose === 'append' && old !== undefined) {
      await new Promise((resolve) => setImmediate(resolve))
      this.#store.put(key, open.image.name, old)
    }
${COMPLETES}`,
  },
  {
    id: 'append-to-the-image-at-its-open',
    clauses: ['L6', 'L10'],
    about: 'Copies the image when an append is opened, and appends to that copy at the close.',
    file: 'reference/proxy.ts',
    find: '    const content = await receiveImage(this.#store, open.image, (sink) =>\n      open.reader.rest(sink),\n    ).catch((thrown) => this.#throwDropped(thrown))\n',
    put: `    const key = snapshotKey(this.#dialect, open.image.snapshotId)
    const copy = this.#store.get(key, open.image.name)
    const content = await receiveImage(this.#store, open.image, (sink) =>
      open.reader.rest(sink),
    ).catch((thrown) => this.#throwDropped(thrown))
    if (open.purpose === 'append' && copy !== undefined)
      this.#store.put(key, open.image.name, copy)
`,
  },
  {
    id: 'last-opened-write-wins',
    clauses: ['L5', 'L10'],
    about: 'Drops a write if one of the same image that was opened later is complete already.',
    file: 'reference/proxy.ts',
    find: '    const content = await receiveImage(this.#store, open.image, (sink) =>\n      open.reader.rest(sink),\n    ).catch((thrown) => this.#throwDropped(thrown))\n',
    put: `    const all = globalThis as { tickets?: number; last?: Map<string, number> }
    all.last ??= new Map()
    const ticket = (all.tickets ?? 0) + 1
    all.tickets = ticket
    const content = await receiveImage(this.#store, open.image, (sink) =>
      open.reader.rest(sink),
    ).catch((thrown) => this.#throwDropped(thrown))
    const identity = JSON.stringify([open.image.snapshotId, open.image.name])
    if (open.purpose === 'write' && (all.last.get(identity) ?? 0) > ticket) return
    all.last.set(identity, ticket)
`,
  },
  {
    id: 'last-thread-first',
    clauses: ['L10', 'W5'],
    about: 'Completes images that are closed at the same time in the order of a stack.',
    file: 'reference/proxy.ts',
    find: COMPLETES,
    put: `    const all = globalThis as { done?: (() => void)[] }
    if (all.done === undefined)
      setImmediate(() => {
        const done = all.done ?? []
        delete all.done
        for (const complete of done.reverse()) complete()
      })
    all.done ??= []
    const { done } = all
    await new Promise<void>((resolve) => {
      done.push(() => {
        this.#complete(open, content)
        resolve()
      })
    })
`,
  },
  {
    id: 'reader-opens-the-file-late',
    clauses: ['L7'],
    about: 'Opens an image 20 ms after the reply to its read, when another version may be there.',
    file: 'reference/proxy.ts',
    find: '    await answer(open, content)\n',
    put: `    if (content === undefined) return answer(open, content)
    await answer(open, { chunks: [], size: 0 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    const now = this.#store.get(snapshotKey(this.#dialect, snapshotId), name) as Content
    open.socket.write(Buffer.concat(now.chunks).subarray(0, now.size))
`,
  },
  {
    id: 'cache-worker-is-late',
    clauses: ['C1'],
    about: 'Stores an old version over a new one for 30 ms, by a worker of the cache that is late.',
    file: 'reference/cache.ts',
    find: 'else this.#store.put(key, header.name, content)\n',
    put: `else {
      const old = this.#store.get(key, header.name)
      this.#store.put(key, header.name, content)
      const put = (later: Content) => this.#store.put(key, header.name, later)
      const isLast = () => this.#store.get(key, header.name)?.size === content.size
      if (old !== undefined) setTimeout(() => isLast() && (put(old), setTimeout(put, 30, content)), 2)
    }
`,
  },
  {
    id: 'cache-stores-last-first',
    clauses: ['C1', 'L5'],
    about: 'Stores the images that come in one piece of the link in the order of a stack.',
    file: 'reference/cache.ts',
    find: '    this.#complete(header, content)\n',
    put: `    const all = globalThis as { done?: (() => void)[] }
    if (all.done === undefined)
      setImmediate(() => {
        const done = all.done ?? []
        delete all.done
        for (const complete of done.reverse()) complete()
      })
    all.done ??= []
    all.done.push(() => this.#complete(header, content))
`,
  },
  {
    id: 'waiter-registers-late',
    clauses: ['C2'],
    about: 'Registers a waiting read 5 ms after its look at the store; an image between is missed.',
    file: 'reference/memory/image-store.ts',
    find: '      getOrMake(names, name, () => new Set()).add(resolve)\n',
    put: `      setTimeout(
        () =>
        getOrMake(
          getOrMake(this.#waiters, snapshotId, () => new Map<string, Set<Waiter>>()),
          name,
          () => new Set(),
        ).add(resolve),
        5,
      )
`,
  },
  {
    id: 'rewrite-replaces-the-queued',
    clauses: ['W5'],
    about: 'Forwards only the last of several writes of an image that wait one after the other.',
    file: 'reference/transport/forwarder.ts',
    find: 'this.#queue.push({ header, body })',
    put: `const last = this.#queue.at(-1)?.header
    if (last?.name === header.name && last.snapshotId === header.snapshotId) this.#queue.pop()
    this.#queue.push({ header, body })`,
  },
  {
    id: 'append-overtaken-by-its-next',
    clauses: ['W5'],
    about: 'Drops a queued append for a later one, although another image is between them.',
    file: 'reference/transport/forwarder.ts',
    find: '    const last = this.#queue.at(-1)?.header\n    if (last?.name === header.name && last.snapshotId === header.snapshotId) this.#queue.pop()\n',
    put: `    const at = this.#queue.findIndex(
      (each) => each.header.name === header.name && each.header.snapshotId === header.snapshotId,
    )
    if (at >= 0) this.#queue.splice(at, 1)
`,
  },
  {
    id: 'finish-drops-open-appends',
    clauses: ['E1a'],
    about: 'Drops appends that are open at the finish, and exits with 0.',
    file: 'reference/proxy.ts',
    find: COMPLETES,
    put: `    if (open.purpose === 'append' && this.#finishing) return
${COMPLETES}`,
  },
]
