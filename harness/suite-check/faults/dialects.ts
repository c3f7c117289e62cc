import type { Mutant } from '../mutant.ts'

/* Faults that show in some dialects (clauses D). */

export const dialects: readonly Mutant[] = [
  {
    id: 'one-null-name',
    clauses: ['D1'],
    about: 'Does not accept the control names of CRIU 2019, and no null snapshot id of 2017.',
    file: 'reference/dialect.ts',
    find: 'auto: {\n    client: names2017,\n    server: [names2017, names2019]',
    put: "auto: {\n    client: names2017,\n    server: [{ ...names2017, nullSnapshotId: 'none' }]",
  },
  {
    id: 'append-forwards-new-bytes',
    clauses: ['D2'],
    about: 'Forwards only the new bytes of an append, as if they were the whole image.',
    file: 'reference/proxy.ts',
    find: "if (kind === 'append' && body === whole) this.#forwarder.supersede(header, body)",
    put: "if (kind === 'append') this.#forwarder.queue({ ...header, size: content.size }, content)",
  },
  {
    id: 'criu-2017-mode-of-the-writer',
    clauses: ['D2'],
    dialect: 'criu-2017',
    about: "Forwards a new image with its writer's open mode; a CRIU of 2017 sends O_APPEND.",
    file: 'reference/dialect.ts',
    find: 'alwaysAppend: true',
    put: 'alwaysAppend: false',
  },
  {
    id: 'criu-2017-finish-unanswered',
    clauses: ['D3'],
    dialect: 'criu-2017',
    about: 'Closes the read that ends a restore without a reply; a CRIU of 2017 waits for one.',
    file: 'reference/cache.ts',
    find: 'await answer(open, { chunks: [], size: 0 })',
    put: '',
  },
  {
    id: 'criu-2017-other-finish-name',
    clauses: ['D1'],
    dialect: 'criu-2017',
    about: 'Accepts the finish name of 2019 as well as that of 2017.',
    file: 'reference/dialect.ts',
    find: "'criu-2017': {\n    client: names2017,\n    server: [names2017]",
    put: "'criu-2017': {\n    client: names2017,\n    server: [names2017, names2019]",
  },
  {
    id: 'criu-2019-append-forwarded-whole',
    clauses: ['D2'],
    dialect: 'criu-2019',
    about: 'Forwards the whole image after an append; a CRIU of 2019 sends only the new bytes.',
    file: 'reference/proxy.ts',
    find: "this.#dialect.appendForwardedAs === 'whole image' ? whole : content",
    put: 'whole',
  },
  {
    id: 'criu-2019-append-replaces',
    clauses: ['D2'],
    dialect: 'criu-2019',
    about: 'Replaces an image in the cache with the new bytes of an append.',
    file: 'reference/cache.ts',
    find: 'if (adds) this.#store.append(',
    put: 'if (adds) this.#store.put(',
  },
]
