import type { Mutant } from '../mutant.ts'

/* Faults at the end of a dump or a restore (clauses E). */

export const end: readonly Mutant[] = [
  {
    id: 'finish-drops-queue',
    clauses: ['E1'],
    about: 'Drops the images that are still queued at the end of the dump.',
    file: 'reference/transport/forwarder.ts',
    find: 'async finish(): Promise<void> {',
    put: 'async finish(): Promise<void> {\n    this.#queue.length = 0',
  },
  {
    id: 'finish-exits-1',
    clauses: ['E1'],
    about: 'Exits with 1 at the end of a dump.',
    file: 'reference/proxy.ts',
    find: 'await unlessLost(this.#forwarder.finish())',
    put: "await unlessLost(this.#forwarder.finish())\n    throw new Error('finished')",
  },
  {
    id: 'finish-is-an-image',
    clauses: ['E1'],
    about: 'Stores the write that announces the end of the dump as an image.',
    file: 'reference/dialect.ts',
    find: 'names.dumpFinish === name',
    put: "name === 'no'",
  },
  {
    id: 'serves-after-finish',
    clauses: ['E1'],
    about: 'Takes new connections after the end of the dump while a client is connected.',
    file: 'reference/transport/local-server.ts',
    find: 'this.#finishing = true\n    this.#server?.close()',
    put: 'this.#finishing = true',
  },
  {
    id: 'stays-after-restore',
    clauses: ['E2'],
    about: 'Does not exit when the restore is finished.',
    file: 'reference/cache.ts',
    find: 'this.#restoreFinished.resolve()',
    put: '',
  },
  {
    id: 'exits-before-the-link',
    clauses: ['E2'],
    about: 'Exits when the restore is finished, although the link is open.',
    file: 'reference/cache.ts',
    find: 'const failure = await unlessStopped(this.#receiveAll())',
    put: 'const failure = await unlessStopped(\n      Promise.race([this.#receiveAll(), this.#restoreFinished.promise.then(() => undefined)]),\n    )',
  },
  {
    id: 'exits-after-one-snapshot',
    clauses: ['E3'],
    about: 'Exits when a second snapshot begins.',
    file: 'reference/proxy.ts',
    find: 'const replaces =',
    put: "if (key === '' && this.#store.get(key, name)) process.exit(0)\n    const replaces =",
  },
  {
    id: 'finish-forgets-workers',
    clauses: ['E1', 'W5'],
    about: 'Completes images in a worker for which the end of the dump does not wait.',
    file: 'reference/proxy.ts',
    find: '    this.#complete(open, content)\n',
    put: '    setTimeout(() => this.#complete(open, content), 50)\n',
  },
]
