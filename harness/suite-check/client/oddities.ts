import type { SourceMutant } from '../built-program.ts'

/** Changes of the small client that no clause forbids. */
export const oddities: readonly SourceMutant[] = [
  {
    id: 'request-in-pieces',
    clauses: ['K2'],
    about: 'It sends a request in two pieces.',
    changes: [
      {
        file: 'wire.c',
        find: '\treturn write_all(socket, frame, size);',
        put: `\tif (write_all(socket, frame, 3))
\t\treturn -1;
\tusleep(1000);
\treturn write_all(socket, frame + 3, size - 3);`,
      },
    ],
  },
  {
    id: 'fields-in-another-order',
    clauses: ['K2'],
    about: 'The open mode is the first field of its requests.',
    changes: [
      {
        file: 'wire.c',
        find: `\tsize += put_string(frame + size, 1, name);
\tsize += put_string(frame + size, 2, id);
\tframe[size++] = 3 << 3;
\tsize += put_varint(frame + size, mode);`,
        put: `\tframe[size++] = 3 << 3;
\tsize += put_varint(frame + size, mode);
\tsize += put_string(frame + size, 2, id);
\tsize += put_string(frame + size, 1, name);`,
      },
    ],
  },
  {
    id: 'half-close-after-a-request',
    clauses: ['K3'],
    about: 'It closes its sending side after the request of a read.',
    changes: [
      {
        file: 'image.c',
        find: '\tint error = read_reply(fd);',
        put: `\tshutdown(fd, SHUT_WR);
\tint error = read_reply(fd);`,
      },
    ],
  },
  {
    id: 'pages-opened-twice',
    clauses: ['K1', 'K3'],
    about: 'A restore opens each image of pages a second time and reads nothing, as CRIU 3.6 does.',
    changes: [
      {
        file: 'restore.c',
        find: `\tint fd = open_image(id, name);
\tif (fd < 0)
\t\treturn -1;
\tfor (int page`,
        put: `\tint fd = open_image(id, name);
\tif (fd < 0 || open_image(id, name) < 0)
\t\treturn -1;
\tfor (int page`,
      },
    ],
  },
  {
    id: 'list-read-twice',
    clauses: ['K9'],
    about: 'It reads the list twice.',
    changes: [
      {
        file: 'dump.c',
        find: '|| pull_list() ||',
        put: '|| pull_list() || (list.count = 0, pull_list()) ||',
      },
    ],
  },
  {
    id: 'parent-that-can-not-be-read',
    clauses: ['K6'],
    about: 'A dump writes all pages if the parent cannot be read.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (fd == MISSING)
\t\treturn 0;
\tif (fd < 0 || read_exactly(fd, &pagemap, sizeof(pagemap)))
\t\treturn -1;`,
        put: `\tif (fd < 0 || read_exactly(fd, &pagemap, sizeof(pagemap)))
\t\treturn 0;`,
      },
    ],
  },
]
