import type { ArchitectureFault } from './architecture.ts'

/* The faults of the implementation with processes. A file of fixtures/c-processes/ has the text. */

export const cProcessesFaults: readonly ArchitectureFault[] = [
  {
    id: 'read-overtakes-writes',
    kind: 'order',
    clauses: ['L10'],
    about: 'The parent answers a read although children of earlier writes have not reported yet.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tif (connection->number >= barrier)\n\t\treturn false;\n\tif (connection->request->kind == READ)\n\t\treturn true;\n',
        put: '\tif (connection->request->kind == READ)\n\t\treturn true;\n\tif (connection->number >= barrier)\n\t\treturn false;\n',
      },
    ],
    finder: 'proxy-read-waits-for-a-sleeping-writer',
  },
  {
    id: 'write-overtakes-write',
    kind: 'order',
    clauses: ['L10', 'W5'],
    about: 'Only reads wait for earlier writes. Images are stored as their children report.',
    changes: [
      {
        file: 'daemon.c',
        find: 'if (connection->number >= barrier)',
        put: 'if (connection->number >= barrier && connection->request->kind == READ)',
      },
    ],
    finder: 'proxy-write-waits-for-a-sleeping-writer',
  },
  {
    id: 'forwards-as-children-end',
    kind: 'order',
    clauses: ['W5', 'L10'],
    about: 'Images are stored in order, but go into the queue of the link as children report.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tforward(connection, image);\n\tconnection_settle(connection);\n\tconnection_tell(connection, (struct message){ .kind = KEPT });\n',
        put: '\tconnection_settle(connection);\n\tconnection_tell(connection, (struct message){ .kind = KEPT });\n',
      },
      {
        file: 'daemon.c',
        find: '\tcase READ:\n\tcase PUBLISH:\n\t\tkeep_request(connection, message);\n',
        put: '\tcase PUBLISH:\n\t\tif (message->header.open_mode == MODE_WRITE)\n\t\t\tqueue_add(&message->header, region_new(connection->number));\n\t\tkeep_request(connection, message);\n\t\tbreak;\n\tcase READ:\n\t\tkeep_request(connection, message);\n',
      },
      {
        file: 'daemon.c',
        find: 'store_put(&header->image, region_new(connection->number), header->size);',
        put: 'store_put(&header->image, region_hold(region_new(connection->number)), header->size);',
      },
    ],
    finder: 'proxy-write-waits-for-a-sleeping-writer',
  },
  {
    id: 'appends-without-lock',
    kind: 'order',
    clauses: ['L6', 'L10'],
    about: 'Two appends that end at once are both written at the old end of the image.',
    changes: [
      {
        file: 'daemon.c',
        find: '\treturn image == NULL || !image->is_locked;',
        put: '\treturn image == NULL || image != NULL;',
      },
    ],
    finder: 'proxy-append-beside-a-sleeping-append',
  },
  {
    id: 'table-of-the-fork',
    kind: 'order',
    clauses: ['L10', 'L6', 'L7'],
    about:
      'A child looks an image up in the table that it has from the fork, and asks the parent only ' +
      'if the image is not there.',
    changes: [
      {
        file: 'client.c',
        find: '\task(client, &message);\n\tawait_image(client, &message);\n\treply(client, message.error);',
        put: '\tstruct image *known = store_find(&header->image);\n\tif (known != NULL) {\n\t\tmessage.region = known->region->number;\n\t\tmessage.header.size = known->size;\n\t} else {\n\t\task(client, &message);\n\t\tawait_image(client, &message);\n\t}\n\treply(client, message.error);',
      },
      {
        file: 'client.c',
        find: '#include "process.h"\n',
        put: '#include "process.h"\n#include "store.h"\n',
      },
    ],
    finder: 'proxy-list-is-read-at-once',
  },
  {
    id: 'finish-skips-backlog',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about: 'At the finish the parent closes its socket with the connections of the backlog.',
    changes: [
      {
        file: 'daemon.c',
        find: '&& !self.is_starved && accept_clients();',
        put: '&& !self.is_starved && (is_ending() || accept_clients());',
      },
    ],
    finder: 'proxy-finish-is-heard-before-the-backlog',
  },
  {
    id: 'finish-drops-unread-headers',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about: 'A child that learns of the finish ends, although a header waits in its socket.',
    changes: [
      {
        file: 'client.c',
        find: '\t\t\tawait(client, POLLIN, 0);\n',
        put: '\t\t\tawait(client, POLLIN, 0);\n\t\t\tif (client->finishing)\n\t\t\t\treturn false;\n',
      },
    ],
    finder: 'proxy-finish-waits-for-a-sleeping-header',
  },
  {
    id: 'finish-drops-younger-connections',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about: 'Connections that were opened after that of the finish count as new work.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tbool is_finished;\n',
        put: '\tbool is_finished;\n\tuint64_t finisher;\n',
      },
      {
        file: 'daemon.c',
        find: '\t\tself.is_finished = true;\n',
        put: '\t\tself.is_finished = true;\n\t\tself.finisher = connection->number;\n',
      },
      {
        file: 'daemon.c',
        find: '\t\tif (!each->is_link)\n\t\t\tconnection_tell(each, (struct message){ .kind = END });\n',
        put: '\t\tif (self.is_proxy && !each->is_settled && each->number > self.finisher) {\n\t\t\tkill(each->process, SIGKILL);\n\t\t\tconnection_settle(each);\n\t\t} else if (!each->is_link)\n\t\t\tconnection_tell(each, (struct message){ .kind = END });\n',
      },
    ],
    finder: 'proxy-older-finish-after-writes-in-the-backlog',
  },
  {
    id: 'finish-does-not-wait-for-children',
    kind: 'end overtakes',
    clauses: ['E1a', 'E1b'],
    about: 'The parent ends when its queue is empty, and ends the children that still work.',
    changes: [
      {
        file: 'daemon.c',
        find: 'if (self.clients < 0 && !has_clients() && ',
        put: 'if (self.clients < 0 && (!self.is_proxy || !has_clients() || self.is_proxy) && ',
      },
    ],
    finder: 'proxy-finish-waits-for-a-sleeping-writer',
  },
  {
    id: 'finish-cuts-readers-cleanly',
    kind: 'cut',
    clauses: ['E1b', 'L7'],
    about: 'Children that serve readers do not hold the exit, and the header is read whole.',
    changes: [
      {
        file: 'daemon.c',
        find: '\t\tif (!each->is_link)\n\t\t\treturn true;\n',
        put: '\t\tif (!each->is_link && !each->is_settled)\n\t\t\treturn true;\n',
      },
      {
        file: 'client.c',
        find: '\tuint64_t sent = 0;\n\n\task(client, &message);\n',
        put: '\tuint64_t sent = 0;\n\n\tdrop_last_header_byte(client);\n\task(client, &message);\n',
      },
    ],
    finder: 'proxy-finish-does-not-cut-readers',
  },
  {
    id: 'restore-finish-cuts-readers-cleanly',
    kind: 'cut',
    clauses: ['E1b', 'L7'],
    about: 'The cache ends the children of readers at its exit, and the header is read whole.',
    changes: [
      {
        file: 'daemon.c',
        find: '\t\tif (!each->is_link)\n\t\t\treturn true;\n',
        put: '\t\tif (!each->is_link && !each->is_settled)\n\t\t\treturn true;\n',
      },
      {
        file: 'client.c',
        find: '\tuint64_t sent = 0;\n\n\task(client, &message);\n',
        put: '\tuint64_t sent = 0;\n\n\tdrop_last_header_byte(client);\n\task(client, &message);\n',
      },
    ],
    finder: 'cache-finish-does-not-cut-readers-of-any-size',
  },
  {
    id: 'reader-children-outlive-the-daemon',
    kind: 'leak',
    clauses: ['R2', 'E1b'],
    about: 'The parent leaves readers to their children, which serve them after its exit.',
    changes: [
      {
        file: 'daemon.c',
        find: '\t\tif (!each->is_link)\n\t\t\treturn true;\n',
        put: '\t\tif (!each->is_link && !each->is_settled)\n\t\t\treturn true;\n',
      },
      { file: 'process.c', find: '\tprctl(PR_SET_PDEATHSIG, SIGKILL);\n', put: '' },
      {
        file: 'daemon.c',
        find: '\tend_processes();\n\tif (stopped',
        put: '\tif (stopped != 0 || !is_kept)\n\t\tend_processes();\n\tif (stopped',
      },
      {
        file: 'client.c',
        find: '\tif (!receive_message(client->control, answer))\n\t\tend(1);\n\tif (answer',
        put: '\tif (!receive_message(client->control, answer))\n\t\tanswer->kind = END;\n\tif (answer',
      },
    ],
    finder: 'proxy-exits-after-its-readers',
  },
  {
    id: 'stalled-reader-holds-the-exit',
    kind: 'stall',
    clauses: ['E1b'],
    about: 'A reader that takes nothing after the finish is waited for without a limit.',
    changes: [{ file: 'client.c', find: '{ STALL_LIMIT = 10500 }', put: '{ STALL_LIMIT = -1 }' }],
    finder: 'proxy-finish-despite-a-reader-that-takes-nothing',
  },
  {
    id: 'size-counted-before-the-bytes',
    kind: 'cut',
    clauses: ['L7', 'L6'],
    about: 'The size of an image grows when an append begins to copy its bytes, not when it ends.',
    changes: [
      {
        file: 'daemon.c',
        find: '\t\t\t.header.size = image->size,\n\t\t});\n',
        put: '\t\t\t.header.size = image->size,\n\t\t});\n\t\timage->size += header->size;\n',
      },
      {
        file: 'daemon.c',
        find: '\timage->size += connection->request->header.size;\n',
        put: '',
      },
    ],
    finder: 'proxy-reader-beside-a-sleeping-append',
  },
  {
    id: 'memory-freed-under-a-reader',
    kind: 'cut',
    clauses: ['L7'],
    about: 'A new version gives the memory of the old one back, which a reader still reads.',
    changes: [
      {
        file: 'daemon.c',
        find: '\t\tconnection->held = region_hold(image->region);\n',
        put: '',
      },
    ],
    finder: 'proxy-reader-keeps-its-version',
  },
  {
    id: 'memory-freed-under-the-link',
    kind: 'cut',
    clauses: ['W5', 'W4', 'L7'],
    about: 'A new version gives the memory of the old one back, which waits for the link.',
    changes: [
      { file: 'queue.c', find: 'region_hold(region)', put: 'region' },
      { file: 'queue.c', find: '\tregion_release(entry->region);\n', put: '' },
    ],
    finder: 'proxy-forwards-the-version-that-waited',
  },
  {
    id: 'rewrites-in-place',
    kind: 'cut',
    clauses: ['L7', 'W5'],
    about: 'The child of a rewrite copies its bytes over those of the old version.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tif (header->open_mode == MODE_APPEND && image != NULL) {\n',
        put: '\tif (image != NULL) {\n\t\tif (header->open_mode == MODE_WRITE)\n\t\t\timage->size = 0;\n',
      },
    ],
    finder: 'proxy-reader-keeps-its-version',
  },
  {
    id: 'partial-image-is-stored',
    kind: 'cut',
    clauses: ['W7', 'C3'],
    about: 'The cache stores an image that the end of the link cuts, with its announced size.',
    changes: [
      {
        file: 'link.c',
        find: '\t\t\tend_link(link, "an end inside an image");\n',
        put: '\t\t\treturn;\n',
      },
    ],
    finder: 'cache-link-ends-inside-an-image',
  },
  {
    id: 'zombie-per-connection',
    kind: 'leak',
    clauses: ['R1'],
    about: 'No process of a connection is waited for before the exit.',
    changes: [
      {
        file: 'connection.c',
        find: '\twhile (waitpid(connection->process, &status, 0) < 0 && errno == EINTR)\n\t\t;\n',
        put: '\t(void)errno;\n',
      },
    ],
    finder: 'proxy-thousand-connections-give-back',
  },
  {
    id: 'one-child-reaped-per-signal',
    kind: 'leak',
    clauses: ['R1'],
    about: 'A handler of SIGCHLD waits for one child, although two may have ended.',
    changes: [
      {
        file: 'connection.c',
        find: '\twhile (waitpid(connection->process, &status, 0) < 0 && errno == EINTR)\n\t\t;\n',
        put: '\t(void)errno;\n',
      },
      {
        file: 'daemon.c',
        find: '/* Forks the process of a connection.',
        put: 'static void reap(int signal)\n{\n\t(void)signal;\n\twaitpid(-1, NULL, WNOHANG);\n}\n\n/* Forks the process of a connection.',
      },
      {
        file: 'daemon.c',
        find: '\tsignal(SIGPIPE, SIG_IGN);\n',
        put: '\tsignal(SIGPIPE, SIG_IGN);\n\tsignal(SIGCHLD, reap);\n',
      },
    ],
    finder: 'proxy-thousand-connections-give-back',
  },
  {
    id: 'descriptor-per-connection',
    kind: 'leak',
    clauses: ['R1'],
    about: "The parent keeps its end of a process's socket open when the process has ended.",
    changes: [{ file: 'connection.c', find: '\tclose(connection->control);\n', put: '' }],
    finder: 'proxy-thousand-connections-give-back',
  },
  {
    id: 'old-versions-keep-their-memory',
    kind: 'leak',
    clauses: ['R1'],
    about: 'The memory of an image that was written again is not given back.',
    changes: [{ file: 'store.c', find: '\theap_free(region->number);\n', put: '' }],
    finder: 'proxy-versions-give-shared-memory-back',
  },
  {
    id: 'children-of-gone-waiters-stay',
    kind: 'leak',
    clauses: ['R1'],
    about: 'A child that waits for an image does not see that its client has left.',
    changes: [
      {
        file: 'client.c',
        find: '\t\tif (poll(polled, 2, -1) < 0)\n',
        put: '\t\tif (poll(polled, 1, -1) < 0)\n',
      },
    ],
    finder: 'cache-waiters-that-leave-give-back',
  },
  {
    id: 'file-left-in-dev-shm',
    kind: 'leak',
    clauses: ['R2'],
    about: 'Images are in a file of /dev/shm that is not removed at the exit.',
    changes: [
      {
        file: 'heap.c',
        find: '\theap = memfd_create("images", MFD_CLOEXEC);\n',
        put: '\tchar path[] = "/dev/shm/c-processes-XXXXXX";\n\n\theap = mkstemp(path);\n',
      },
      {
        file: 'heap.c',
        find: '#include <sys/mman.h>\n',
        put: '#include <stdlib.h>\n#include <sys/mman.h>\n',
      },
    ],
    finder: 'proxy-leaves-nothing',
  },
  {
    id: 'socket-left',
    kind: 'leak',
    clauses: ['R2'],
    about: 'The UNIX socket is closed at the finish, but its name stays.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tself.clients = -1;\n\tunlink(name);\n',
        put: '\tself.clients = -1;\n\t(void)name;\n',
      },
    ],
    finder: 'proxy-leaves-nothing',
  },
  {
    id: 'images-in-a-temporary-file',
    kind: 'leak',
    clauses: ['R3'],
    about: 'Images are in an unnamed file of /tmp, which is a folder of a disk.',
    changes: [
      {
        file: 'heap.c',
        find: '\theap = memfd_create("images", MFD_CLOEXEC);\n',
        put: '\theap = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);\n',
      },
    ],
    finder: 'proxy-image-stays-off-disks',
  },
  {
    id: 'list-sent-like-images',
    kind: 'pieces',
    clauses: ['L11'],
    about: 'The list goes out a page at a time, as images do, which cuts records.',
    changes: [
      {
        file: 'client.c',
        find: '\t\tif (is_list(&header->image))\n',
        put: '\t\tif (is_list(&header->image) && message.header.size < LENGTH)\n',
      },
      { file: 'heap.c', find: 'UINT64_C(1) << 20', put: 'UINT64_C(1) << 12' },
    ],
    finder: 'proxy-list-records-in-one-piece',
  },
  {
    id: 'reply-in-pieces',
    kind: 'pieces',
    clauses: ['L11'],
    about: 'The length of a reply is sent byte by byte, as each byte is computed.',
    changes: [
      {
        file: 'client.c',
        find: '\tsend_bytes(client, frame, encode_reply(frame, error));\n',
        put: '\tsize_t length = encode_reply(frame, error);\n\tfor (size_t i = 0; i < length; i++)\n\t\tsend_bytes(client, frame + i, 1);\n',
      },
    ],
    finder: 'proxy-replies-in-one-piece',
  },
  {
    id: 'second-link-after-the-end',
    kind: 'link',
    clauses: ['W9'],
    about: 'The cache listens on after the end of the link, and takes the images of a stranger.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tif (self.link_state != NO_LINK) {\n',
        put: '\tif (self.link_state == LINKED) {\n',
      },
      {
        file: 'daemon.c',
        find: '\tclose(self.port);\n\tself.port = -1;\n\tfor',
        put: '\tfor',
      },
    ],
    finder: 'cache-connection-after-the-link',
  },
  {
    id: 'every-connection-is-a-link',
    kind: 'link',
    clauses: ['W9'],
    about: 'Each connection to the port gets a child that stores images, as each client does.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tif (self.link_state != NO_LINK) {\n',
        put: '\tif (self.link_state == LINK_OVER) {\n',
      },
      {
        file: 'daemon.c',
        find: '\tclose(self.port);\n\tself.port = -1;\n\tfor',
        put: '\tfor',
      },
      {
        file: 'daemon.c',
        find: '\t\tif (each->is_link && each != connection)\n\t\t\tkill(each->process, SIGKILL);\n',
        put: '\t\t(void)each;\n',
      },
      {
        file: 'link.c',
        find: '.region = FIRST_LINK_REGION };',
        put: '.region = FIRST_LINK_REGION + ((uint64_t)getpid() << 8) };',
      },
    ],
    finder: 'cache-second-connection-is-not-mixed-in',
  },
  {
    id: 'exits-before-a-proxy-came',
    kind: 'end overtakes',
    clauses: ['E2', 'C4'],
    about: 'The finish of the restore ends a cache that has no link yet.',
    changes: [
      {
        file: 'daemon.c',
        find: '(self.is_proxy || self.link_state == LINK_OVER);',
        put: '(self.is_proxy || self.link_state != LINKED);',
      },
    ],
    finder: 'cache-finish-without-a-proxy',
  },
  {
    id: 'one-waiter-is-woken',
    kind: 'lost wakeup',
    clauses: ['C2'],
    about: 'An image that comes wakes the first of the children that wait for it.',
    changes: [
      {
        file: 'daemon.c',
        find: 'if (each->awaits_image && store_find(&each->request->header.image) == image)\n\t\t\tgive(each, image);\n',
        put: 'if (each->awaits_image && store_find(&each->request->header.image) == image) {\n\t\t\tgive(each, image);\n\t\t\treturn;\n\t\t}\n',
      },
    ],
    finder: 'cache-waits-for-the-whole-image',
  },
  {
    id: 'fixed-number-of-children',
    kind: 'limit',
    clauses: ['L2', 'W5', 'C2', 'R4'],
    about: 'The table of children has 256 places. A further connection is closed.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tstruct connection *connection = connection_new(&self.connections, socket, is_link);\n',
        put: '\tint places = 256;\n\tfor (struct connection *each = self.connections; each != NULL; each = each->next)\n\t\tplaces--;\n\tif (places <= 0) {\n\t\tclose(socket);\n\t\treturn true;\n\t}\n\tstruct connection *connection = connection_new(&self.connections, socket, is_link);\n',
      },
    ],
    finder: 'cache-1000-connections',
  },
  {
    id: 'drops-without-descriptors',
    kind: 'limit',
    clauses: ['R4'],
    about: 'A connection that finds no descriptors for a process is closed.',
    changes: [
      {
        file: 'daemon.c',
        find: '\treturn used + 2 <= limit.rlim_cur;\n',
        put: '\treturn used > 0;\n',
      },
      {
        file: 'daemon.c',
        find: '\tself.is_starved = !start_missing();\n\treturn !self.is_starved;\n',
        put: '\tif (!start_missing()) {\n\t\tlog_line("no process for a client: %s", strerror(errno));\n\t\tconnection_settle(connection);\n\t\tconnection->process = getpid();\n\t\tconnection_end(&self.connections, connection);\n\t}\n\treturn true;\n',
      },
    ],
    finder: 'proxy-writers-beyond-the-limit-of-descriptors',
  },
  {
    id: 'names-cut-at-255-bytes',
    kind: 'identity',
    clauses: ['F5', 'S1'],
    about: 'The table compares the first 255 bytes of an identity, as many as a file name has.',
    changes: [
      {
        file: 'store.c',
        find: 'memcmp(one->bytes, other->bytes, name_bytes(one)) == 0;',
        put: 'strncmp((const char *)one->bytes, (const char *)other->bytes, 255) == 0;',
      },
      {
        file: 'store.c',
        find: '\tfor (size_t i = 0; i < name_bytes(name); i++)\n',
        put: '\tfor (size_t i = 0; i < name_bytes(name) && i < 255; i++)\n',
      },
    ],
    finder: 'proxy-longest-names',
  },
  {
    id: 'identity-is-a-short-hash',
    kind: 'identity',
    clauses: ['S1', 'L2', 'C2'],
    about: 'Images are told apart by a hash of 16 bits, as the name of their file in a tmpfs.',
    changes: [
      {
        file: 'store.c',
        find: '\treturn hash % BUCKETS;\n',
        put: '\treturn (hash ^ hash >> 16) & 0xffff;\n',
      },
      { file: 'store.c', find: 'BUCKETS = 4096', put: 'BUCKETS = 65536' },
      {
        file: 'store.c',
        find: '\treturn one->id_length == other->id_length && one->name_length == other->name_length &&\n\t       memcmp(one->bytes, other->bytes, name_bytes(one)) == 0;',
        put: '\treturn bucket_of(one) == bucket_of(other);',
      },
    ],
    finder: 'cache-1000-connections',
  },
  {
    id: 'children-inherit-clients',
    kind: 'leak',
    clauses: ['L2', 'L3', 'F6', 'L4'],
    about: 'A child keeps the sockets of older clients open, so that these see no close.',
    changes: [
      {
        file: 'process.c',
        find: '\tkeep_only(first, second, third);\n',
        put: '\t(void)keep_only;\n\t(void)first;\n\t(void)second;\n\t(void)third;\n',
      },
    ],
    finder: 'proxy-close-is-seen-beside-younger-clients',
  },
  {
    id: 'looks-at-the-header-before-the-fork',
    kind: 'stall',
    clauses: ['L2', 'F6'],
    about: 'The parent waits for the first byte of a client before it forks.',
    changes: [
      {
        file: 'daemon.c',
        find: '\tif (!is_link)\n\t\tconnections_mark_closed',
        put: '\tstruct pollfd first = {.fd = socket, .events = POLLIN};\n\tif (!is_link && poll(&first, 1, -1) < 0)\n\t\tlog_line("a client has left");\n\tif (!is_link)\n\t\tconnections_mark_closed',
      },
    ],
    finder: 'proxy-half-header-delays-nobody',
  },
  {
    id: 'waits-for-all-older-clients',
    kind: 'stall',
    clauses: ['L2'],
    about: 'Requests are answered in the order of their connections: a slow client delays others.',
    changes: [
      {
        file: 'connection.c',
        find: 'if (!each->is_settled && each->closed_by != 0 && each->closed_by < barrier)\n\t\t\tbarrier = each->closed_by;\n',
        put: 'if (!each->is_settled && each->number + 1 < barrier)\n\t\t\tbarrier = each->number + 1;\n',
      },
    ],
    finder: 'proxy-half-header-delays-nobody',
  },
  {
    id: 'lost-link-is-a-clean-end',
    kind: 'link',
    clauses: ['E4'],
    about: 'The exit code of the process of the link is not looked at.',
    changes: [
      {
        file: 'queue.c',
        find: '\treturn status == 0;\n',
        put: '\treturn status != -1;\n',
      },
      {
        file: 'daemon.c',
        find: '\t\tif (self.is_proxy && polled[2].revents != 0 && !queue_heard())\n\t\t\treturn false;\n',
        put: '\t\tif (self.is_proxy && polled[2].revents != 0 && !queue_heard())\n\t\t\treturn true;\n',
      },
    ],
    finder: 'proxy-cache-dies-in-an-image',
  },
]
