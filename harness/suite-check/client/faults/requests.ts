import type { SourceMutant } from '../../built-program.ts'

/** Faults in the requests of the small client. */
export const faults: readonly SourceMutant[] = [
  {
    id: 'two-images-in-one-connection',
    clauses: ['K1'],
    about:
      'It writes the image after mm-PID.img to the same connection, with a request of its own.',
    changes: [
      {
        file: 'dump.c',
        find: `\tint fd = create_image(options.directory, name);

\tif (fd < 0 || write_all(fd, &magic, sizeof(magic)) || write_all(fd, record, size))
\t\treturn -1;
\treturn close(fd);`,
        put: `\tstatic int kept = -1;
\tint fd = kept >= 0 ? kept : create_image(options.directory, name);

\tif (kept >= 0 && send_request(fd, options.directory, name, MODE_WRITE))
\t\treturn -1;
\tkept = strncmp(name, "mm-", 3) == 0 ? fd : -1;
\tif (fd < 0 || write_all(fd, &magic, sizeof(magic)) || write_all(fd, record, size))
\t\treturn -1;
\treturn kept >= 0 ? 0 : close(fd);`,
      },
    ],
  },
  {
    id: 'probes-before-each-open',
    clauses: ['K1', 'K2'],
    about:
      'It connects once without a request before each write, to see whether the proxy is there.',
    changes: [
      {
        file: 'image.c',
        find: `\tint fd = connect_to_proxy(options.directory);

\tif (fd < 0 || send_request(fd, id, name, MODE_WRITE))`,
        put: `\tint fd = connect_to_proxy(options.directory);

\tclose(fd);
\tfd = connect_to_proxy(options.directory);
\tif (fd < 0 || send_request(fd, id, name, MODE_WRITE))`,
      },
    ],
  },
  {
    id: 'sixteen-tasks-at-most',
    clauses: ['K1', 'K18'],
    about: 'It dumps the first sixteen processes of a tree and leaves out the others.',
    changes: [
      {
        file: 'task.h',
        find: 'TASKS = 128',
        put: 'TASKS = 16',
      },
    ],
  },
  {
    id: 'request-without-a-mode',
    clauses: ['K2'],
    about: 'Its requests have no field open_mode.',
    changes: [
      {
        file: 'wire.c',
        find: `\tframe[size++] = 3 << 3;
\tsize += put_varint(frame + size, mode);
`,
        put: `\t(void)mode;
`,
      },
    ],
  },
  {
    id: 'mode-with-more-bits',
    clauses: ['K2'],
    about: 'Its writes have open mode O_WRONLY with O_CREAT.',
    changes: [
      {
        file: 'wire.h',
        find: 'MODE_WRITE = 1,',
        put: 'MODE_WRITE = 65,',
      },
    ],
  },
  {
    id: 'length-in-network-order',
    clauses: ['K2'],
    about: 'It sends the length of a request in network byte order.',
    changes: [
      {
        file: 'wire.c',
        find: '\tuint32_t length = size - sizeof(length);',
        put: '\tuint32_t length = __builtin_bswap32(size - sizeof(length));',
      },
    ],
  },
  {
    id: 'length-of-one-byte',
    clauses: ['K2'],
    about: 'It writes the length of a name in one byte, however long the name is.',
    changes: [
      {
        file: 'wire.c',
        find: `\tfor (; value >= 128; value >>= 7)
\t\tto[size++] = value | 128;
\tto[size++] = value;`,
        put: `\tfor (; value >= 1024; value >>= 7)
\t\tto[size++] = value | 128;
\tto[size++] = value;`,
      },
    ],
  },
  {
    id: 'dump-reads-at-the-cache',
    clauses: ['K12'],
    about: 'A dump reads the list and its parents at the cache.',
    changes: [
      {
        file: 'image.c',
        find: 'restoring ? connect_to_cache(options.directory) : connect_to_proxy(options.directory)',
        put: 'connect_to_cache(options.directory)',
      },
    ],
  },
  {
    id: 'restore-reads-at-the-proxy',
    clauses: ['K12'],
    about: 'A restore reads its images at the proxy.',
    changes: [
      {
        file: 'image.c',
        find: 'restoring ? connect_to_cache(options.directory) : connect_to_proxy(options.directory)',
        put: 'connect_to_proxy(options.directory)',
      },
    ],
  },
  {
    id: 'restore-writes',
    clauses: ['K12'],
    about: 'A restore writes its statistics as an image at the proxy.',
    changes: [
      {
        file: 'restore.c',
        find: `\trestoring = 1;
`,
        put: `\trestoring = 1;
\tclose(create_image(options.directory, "stats-restore"));
`,
      },
    ],
  },
  {
    id: 'image-under-the-null-id',
    clauses: ['K12'],
    about: 'It writes inventory.img under the null snapshot id.',
    changes: [
      {
        file: 'image.c',
        find: `\tif (fd < 0 || send_request(fd, id, name, MODE_WRITE))
\t\treturn -1;
\treturn fd;`,
        put: `\tif (strcmp(name, "inventory.img") == 0)
\t\tid = options.names.null_id;
\tif (fd < 0 || send_request(fd, id, name, MODE_WRITE))
\t\treturn -1;
\treturn fd;`,
      },
    ],
  },
  {
    id: 'pre-dump-under-the-id-of-the-dump',
    clauses: ['K12', 'K10'],
    about: 'It writes pagemaps under the id of the previous snapshot.',
    changes: [
      {
        file: 'dump.c',
        find: `\tint fd = create_image(options.directory, name);

\tif (fd < 0 || write_all(fd, &magic, sizeof(magic)) ||`,
        put: `\tconst int is_pagemap = strncmp(name, "pagemap", 7) == 0 && list.own > 0;
\tint fd = create_image(is_pagemap ? list.ids[list.own - 1] : options.directory, name);

\tif (fd < 0 || write_all(fd, &magic, sizeof(magic)) ||`,
      },
    ],
  },
  {
    id: 'pages-in-a-file',
    clauses: ['K13'],
    about: 'It keeps a copy of the pages in a file of the images directory.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (fd < 0)
\t\treturn -1;
\tfor (int page = 0; page < PAGES; page++)
\t\tif (!pagemap->in_parent[page] && write_all`,
        put: `\tFILE *copy = fopen(name, "w");
\tfwrite(memory, PAGE, PAGES, copy);
\tfclose(copy);
\tif (fd < 0)
\t\treturn -1;
\tfor (int page = 0; page < PAGES; page++)
\t\tif (!pagemap->in_parent[page] && write_all`,
      },
    ],
  },
  {
    id: 'file-in-place-of-the-proxy',
    clauses: ['K13'],
    about: 'If the proxy does not take the pages, it writes them into a file.',
    changes: [
      {
        file: 'dump.c',
        find: `\t\tif (!pagemap->in_parent[page] && write_all(fd, memory[page], PAGE))
\t\t\treturn -1;`,
        put: `\t\tif (!pagemap->in_parent[page] && write_all(fd, memory[page], PAGE)) {
\t\t\tFILE *copy = fopen(name, "w");
\t\t\tfwrite(memory, PAGE, PAGES, copy);
\t\t\tfclose(copy);
\t\t\treturn -1;
\t\t}`,
      },
    ],
  },
]
