import type { SourceMutant } from '../../built-program.ts'

/** Faults in its reading of answers. */
export const faults: readonly SourceMutant[] = [
  {
    id: 'reply-with-more',
    clauses: ['K3'],
    about: 'It reads 64 bytes for a reply, and drops the bytes after the frame.',
    changes: [
      {
        file: 'wire.c',
        find: `\tint got = read_frame(socket, message, &length);
\tif (got == 0)
\t\tfprintf`,
        put: `\tint got = read(socket, message, 64) > 4;
\tmemcpy(&length, message, 4);
\tmemmove(message, message + 4, 60);
\tif (got == 0)
\t\tfprintf`,
      },
    ],
  },
  {
    id: 'reply-is-acknowledged',
    clauses: ['K3'],
    about: 'It answers a reply with a byte.',
    changes: [
      {
        file: 'image.c',
        find: `\tint error = read_reply(fd);
\tif (error == 0)
\t\treturn fd;`,
        put: `\tint error = read_reply(fd);
\tif (write(fd, "", 1) == 1 && error == 0)
\t\treturn fd;`,
      },
    ],
  },
  {
    id: 'request-twice',
    clauses: ['K3', 'K1'],
    about: 'It sends the request of a read twice.',
    changes: [
      {
        file: 'image.c',
        find: '\tif (fd < 0 || send_request(fd, id, name, MODE_READ))',
        put: '\tif (fd < 0 || send_request(fd, id, name, MODE_READ) || send_request(fd, id, name, MODE_READ))',
      },
    ],
  },
  {
    id: 'frame-read-once',
    clauses: ['K4'],
    about: 'It reads the length and the body of a frame with one call each.',
    changes: [
      {
        file: 'wire.c',
        find: '\tssize_t got = read_up_to(socket, length, sizeof(*length));',
        put: '\tssize_t got = read(socket, length, sizeof(*length));',
      },
      {
        file: 'wire.c',
        find: '\treturn read_exactly(socket, message, *length) ? -1 : 1;',
        put: '\treturn read(socket, message, *length) != *length ? -1 : 1;',
      },
    ],
  },
  {
    id: 'magic-read-once',
    clauses: ['K4'],
    about: 'It reads the magic number of an image with one call.',
    changes: [
      {
        file: 'image.c',
        find: '\tif (read_exactly(fd, &magic, sizeof(magic)) || magic != MAGIC) {',
        put: '\tif (read(fd, &magic, sizeof(magic)) != sizeof(magic) || magic != MAGIC) {',
      },
    ],
  },
  {
    id: 'optional-images-are-needed',
    clauses: ['K5'],
    about: 'A restore fails without an image that the tree may lack.',
    changes: [
      {
        file: 'restore.c',
        find: `\tif (fd == MISSING)
\t\treturn 0;
\tif (fd < 0)`,
        put: '\tif (fd < 0)',
      },
    ],
  },
  {
    id: 'needed-images-are-optional',
    clauses: ['K5', 'K6', 'K7', 'K8', 'K18'],
    about: 'A restore goes on without an image that it could not read.',
    changes: [
      {
        file: 'restore.c',
        find: `\tif (fd < 0 || read_exactly(fd, record, size))
\t\treturn -1;
\treturn close(fd);`,
        put: `\tif (fd >= 0 && read_exactly(fd, record, size) == 0)
\t\treturn close(fd);
\tmemset(record, 0, size);
\treturn 0;`,
      },
      {
        file: 'restore.c',
        find: '\tif (hash_of(memory) == core.hash)',
        put: '\tif (hash_of(memory) == core.hash || core.hash == 0)',
      },
      {
        file: 'restore.c',
        find: `\tif (inventory.tasks < 1 || inventory.tasks > TASKS)
\t\treturn -1;`,
        put: `\tif (inventory.tasks < 1)
\t\treturn 0;`,
      },
    ],
  },
  {
    id: 'list-that-can-not-be-read-is-empty',
    clauses: ['K5', 'K6', 'K7', 'K9'],
    about: 'A dump that cannot read the list takes its own id for the only one.',
    changes: [
      {
        file: 'image.c',
        find: `\tif (fd < 0) {
\t\tfprintf(stderr, "client: there is no list of snapshots\\n");
\t\treturn -1;
\t}`,
        put: `\tif (fd < 0) {
\t\tlist.count = 1;
\t\tstrcpy(list.ids[0], options.directory);
\t\treturn 0;
\t}`,
      },
    ],
  },
  {
    id: 'any-error-is-missing',
    clauses: ['K6'],
    about: 'It takes any error of a reply for ENOENT.',
    changes: [
      {
        file: 'image.c',
        find: `\tif (error == ENOENT)
`,
        put: `\tif (error > 0)
`,
      },
    ],
  },
  {
    id: 'stale-errno',
    clauses: ['K6'],
    about: 'After one ENOENT it takes any later error for ENOENT.',
    changes: [
      {
        file: 'image.c',
        find: `\tif (error == ENOENT)
`,
        put: `\tstatic int stale;
\tstale |= error == ENOENT;
\tif (stale)
`,
      },
    ],
  },
  {
    id: 'end-is-a-reply',
    clauses: ['K7'],
    about: 'It takes the end of a connection for a reply of 0.',
    changes: [
      {
        file: 'wire.c',
        find: '\tif (got <= 0 || find_field(message, length, 0, &error, &bytes))',
        put: `\tif (got == 0)
\t\treturn 0;
\tif (got < 0 || find_field(message, length, 0, &error, &bytes))`,
      },
    ],
  },
  {
    id: 'end-is-missing',
    clauses: ['K7'],
    about: 'It takes a connection that ends without a reply for ENOENT.',
    changes: [
      {
        file: 'wire.c',
        find: '\tif (got <= 0 || find_field(message, length, 0, &error, &bytes))',
        put: `\tif (got == 0)
\t\treturn 2;
\tif (got < 0 || find_field(message, length, 0, &error, &bytes))`,
      },
    ],
  },
  {
    id: 'part-of-a-reply-is-whole',
    clauses: ['K7'],
    about: 'It takes a reply that is cut for a reply of 0.',
    changes: [
      {
        file: 'wire.c',
        find: '\tif (got <= 0 || find_field(message, length, 0, &error, &bytes))',
        put: `\tif (got < 0)
\t\treturn 0;
\tif (got == 0 || find_field(message, length, 0, &error, &bytes))`,
      },
    ],
  },
  {
    id: 'cut-image-is-whole',
    clauses: ['K8'],
    about: 'It takes an image that is cut for a whole one.',
    changes: [
      {
        file: 'wire.c',
        find: `\tif (got == (ssize_t)size)
\t\treturn 0;
\tif (got >= 0)`,
        put: `\tif (got > 0)
\t\treturn 0;
\tif (got == 0)`,
      },
      {
        file: 'restore.c',
        find: '\tif (hash_of(memory) == core.hash)',
        put: '\tif (core.pid == pid)',
      },
    ],
  },
  {
    id: 'cut-pages-are-empty',
    clauses: ['K8'],
    about: 'It takes pages after the end of an image for empty ones.',
    changes: [
      {
        file: 'restore.c',
        find: '\t\tif (!pagemap->in_parent[page] && read_exactly(fd, pages[page], PAGE))',
        put: '\t\tif (!pagemap->in_parent[page] && read_up_to(fd, pages[page], PAGE) < 0)',
      },
      {
        file: 'restore.c',
        find: '\tif (hash_of(memory) == core.hash)',
        put: '\tif (core.pid == pid)',
      },
    ],
  },
  {
    id: 'cut-page-spins',
    clauses: ['K8'],
    about: 'It reads for ever if an image ends inside its pages.',
    changes: [
      {
        file: 'restore.c',
        find: `\t\tif (!pagemap->in_parent[page] && read_exactly(fd, pages[page], PAGE))
\t\t\treturn -1;`,
        put: `\t\twhile (!pagemap->in_parent[page] && read_up_to(fd, pages[page], PAGE) != PAGE)
\t\t\t;`,
      },
    ],
  },
  {
    id: 'list-that-is-cut-has-the-own-id',
    clauses: ['K8', 'K9'],
    about: 'It takes its own id for the last of a list that does not have it.',
    changes: [
      {
        file: 'image.c',
        find: `\tif (got == 0 && list.own >= 0)
\t\treturn 0;`,
        put: `\tif (list.own < 0)
\t\tstrcpy(list.ids[list.own = list.count++], options.directory);
\tif (list.own >= 0)
\t\treturn 0;`,
      },
    ],
  },
  {
    id: 'reply-with-a-deadline',
    clauses: ['K19'],
    about: 'It waits for a reply for 100 ms at most.',
    changes: [
      {
        file: 'image.c',
        find: `\treturn fd;
}

static int connect_to_proxy`,
        put: `\tstruct timeval limit = { .tv_usec = 100000 };
\tsetsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
\treturn fd;
}

static int connect_to_proxy`,
      },
      {
        file: 'image.c',
        find: '#include <sys/socket.h>',
        put: `#include <sys/socket.h>
#include <sys/time.h>`,
      },
    ],
  },
  {
    id: 'restore-does-not-wait',
    clauses: ['K19'],
    about: 'A restore whose list does not come at once fails.',
    changes: [
      {
        file: 'image.c',
        find: '\tint error = read_reply(fd);',
        put: `\tif (restoring) {
\t\tstruct pollfd comes = { .fd = fd, .events = POLLIN };
\t\tif (poll(&comes, 1, 100) != 1)
\t\t\treturn -1;
\t}
\tint error = read_reply(fd);`,
      },
      {
        file: 'image.c',
        find: '#include <sys/socket.h>',
        put: `#include <poll.h>
#include <sys/socket.h>`,
      },
    ],
  },
]
