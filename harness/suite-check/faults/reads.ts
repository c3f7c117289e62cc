import type { Mutant } from '../mutant.ts'

/* Faults of reads at the proxy and the cache (clauses P and C). */

export const reads: readonly Mutant[] = [
  {
    id: 'proxy-waits',
    clauses: ['P1'],
    about: 'Lets a read of a missing image wait at the proxy.',
    file: 'reference/proxy.ts',
    find: 'const content = this.#store.get(snapshotKey(this.#dialect, snapshotId), name)\n',
    put: 'const content = await this.#store.wait(snapshotKey(this.#dialect, snapshotId), name)\n',
  },
  {
    id: 'cache-waits-for-all',
    clauses: ['C1'],
    about: 'Serves no image before the proxy has closed the link.',
    file: 'reference/cache.ts',
    find: 'const content =\n',
    put: 'while (this.#linkIsOpen) await new Promise((resolve) => setTimeout(resolve, 20))\n    const content =\n',
  },
  {
    id: 'cache-forgets-at-close',
    clauses: ['C1'],
    about: 'Drops all images when the proxy closes the link.',
    file: 'reference/cache.ts',
    find: '      this.#store.get(key, name) ??',
    put: '      (this.#linkIsOpen ? this.#store.get(key, name) : undefined) ??',
  },
  {
    id: 'cache-never-waits',
    clauses: ['C2', 'C4'],
    about: 'Answers a read of an image that has not arrived with ENOENT at once.',
    file: 'reference/cache.ts',
    find: '(this.#linkIsOpen ? await this.#store.wait(key, name, untilLeft(open.socket)) : undefined)',
    put: 'undefined',
  },
  {
    id: 'one-waiter',
    clauses: ['C2'],
    about: 'Answers only the first of several reads that wait for the same image.',
    file: 'reference/memory/image-store.ts',
    find: 'for (const answer of waiters) answer(content)',
    put: 'waiters[0]?.(content)',
  },
  {
    id: 'waiters-at-close',
    clauses: ['C2'],
    about:
      'Answers waiting reads only when the link closes, although their image arrived long before.',
    file: 'reference/memory/image-store.ts',
    find: 'this.#answer(snapshotId, name, whole)\n',
    put: '',
  },
  {
    id: 'waiters-forgotten',
    clauses: ['C3'],
    about: 'Leaves reads waiting whose image did not arrive before the link closed.',
    file: 'reference/memory/image-store.ts',
    find: 'for (const answer of all) answer(undefined)',
    put: '',
  },
  {
    id: 'waits-after-close',
    clauses: ['C3'],
    about: 'Lets a read of a missing image wait although the link is closed.',
    file: 'reference/cache.ts',
    find: 'this.#linkIsOpen = false',
    put: 'this.#linkIsOpen = true',
  },
  {
    id: 'no-proxy-no-image',
    clauses: ['C4'],
    about: 'Answers with ENOENT as long as no proxy has connected.',
    file: 'reference/cache.ts',
    find: '(this.#linkIsOpen ? await',
    put: '(this.#linkIsOpen && this.#link !== undefined ? await',
  },
]
