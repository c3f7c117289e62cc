import type { SourceMutant } from '../../built-program.ts'

/** Faults in the end of a dump and of a restore. */
export const faults: readonly SourceMutant[] = [
  {
    id: 'no-finish',
    clauses: ['K14'],
    about: 'A dump sends no finish.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (finish_dump())
\t\treturn give_up();
`,
        put: '',
      },
    ],
  },
  {
    id: 'finish-twice',
    clauses: ['K14'],
    about: 'A dump sends its finish twice.',
    changes: [
      {
        file: 'dump.c',
        find: '\tif (finish_dump())',
        put: '\tif (finish_dump() || finish_dump())',
      },
    ],
  },
  {
    id: 'finish-of-a-pre-dump',
    clauses: ['K14'],
    about: 'A pre-dump sends a finish as well.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (!is_last) {
\t\tsignal_tree(&tree, SIGCONT);
\t\treturn 0;`,
        put: `\tif (!is_last) {
\t\tsignal_tree(&tree, SIGCONT);
\t\treturn finish_dump();`,
      },
    ],
  },
  {
    id: 'finish-with-bytes',
    clauses: ['K14'],
    about: 'It writes bytes after the header of the finish.',
    changes: [
      {
        file: 'image.c',
        find: `options.names.dump_finish, MODE_WRITE))
\t\treturn -1;`,
        put: `options.names.dump_finish, MODE_WRITE))
\t\treturn -1;
\twrite_all(fd, "end", 3);`,
      },
    ],
  },
  {
    id: 'finish-before-the-inventory',
    clauses: ['K14'],
    about: 'It sends the finish before it writes the last image.',
    changes: [
      {
        file: 'dump.c',
        find: '\tif (write_image("inventory.img"',
        put: `\tif (is_last && finish_dump())
\t\treturn -1;
\tif (write_image("inventory.img"`,
      },
      {
        file: 'dump.c',
        find: `\tif (finish_dump())
\t\treturn give_up();
`,
        put: '',
      },
    ],
  },
  {
    id: 'finish-overtakes-pages',
    clauses: ['K14'],
    about: 'Pages are sent by a process that the finish does not wait for.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (fd < 0)
\t\treturn -1;
\tfor (int page = 0; page < PAGES; page++)
\t\tif (!pagemap->in_parent[page] && write_all(fd, memory[page], PAGE))
\t\t\treturn -1;
\treturn close(fd);`,
        put: `\tif (fd < 0)
\t\treturn -1;
\tif (fork() != 0)
\t\treturn close(fd);
\tfor (int page = 0; page < PAGES; page++)
\t\tif (!pagemap->in_parent[page] && write_all(fd, memory[page], PAGE))
\t\t\t_exit(1);
\t_exit(0);`,
      },
    ],
  },
  {
    id: 'failed-dump-leaves-the-tree-stopped',
    clauses: ['K15'],
    about: 'A dump that failed does not let the processes run on.',
    changes: [
      {
        file: 'dump.c',
        find: `\tsignal_tree(&tree, SIGCONT);
\tfprintf`,
        put: '\tfprintf',
      },
    ],
  },
  {
    id: 'failed-dump-kills',
    clauses: ['K15', 'K16'],
    about: 'A dump that failed kills the processes.',
    changes: [
      {
        file: 'dump.c',
        find: `\tsignal_tree(&tree, SIGCONT);
\tfprintf`,
        put: `\tsignal_tree(&tree, SIGKILL);
\tfprintf`,
      },
    ],
  },
  {
    id: 'dies-by-sigpipe',
    clauses: ['K15'],
    about: 'It does not ignore SIGPIPE, and leaves the processes stopped.',
    changes: [
      {
        file: 'main.c',
        find: `\tsignal(SIGPIPE, SIG_IGN);
`,
        put: `\tsignal(SIGPIPE, SIG_DFL);
`,
      },
    ],
  },
  {
    id: 'fails-without-a-word',
    clauses: ['K15', 'K18'],
    about: 'It says nothing.',
    changes: [
      {
        file: 'main.c',
        find: `\tsignal(SIGPIPE, SIG_IGN);
`,
        put: `\tsignal(SIGPIPE, SIG_IGN);
\tfclose(stderr);
\tstderr = fopen("/dev/null", "w");
`,
      },
    ],
  },
  {
    id: 'failed-dump-sends-a-finish',
    clauses: ['K15'],
    about: 'A dump that failed sends a finish.',
    changes: [
      {
        file: 'dump.c',
        find: `\tsignal_tree(&tree, SIGCONT);
\tfprintf`,
        put: `\tsignal_tree(&tree, SIGCONT);
\tfinish_dump();
\tfprintf`,
      },
    ],
  },
  {
    id: 'write-errors-are-ignored',
    clauses: ['K15', 'K16'],
    about: 'A dump does not look at errors of writes.',
    changes: [
      {
        file: 'wire.c',
        find: `\t\t\tperror("client: writing to a socket");
\t\t\treturn -1;`,
        put: `\t\t\tperror("client: writing to a socket");
\t\t\treturn 0;`,
      },
    ],
  },
  {
    id: 'pre-dump-always-succeeds',
    clauses: ['K15'],
    about: 'A pre-dump that failed exits 0.',
    changes: [
      {
        file: 'dump.c',
        find: `find_tree(options.pid, &tree))
\t\treturn give_up();`,
        put: `find_tree(options.pid, &tree))
\t\treturn is_last ? give_up() : 0;`,
      },
      {
        file: 'dump.c',
        find: `\tif (dump_tree(is_last))
\t\treturn give_up();`,
        put: `\tif (dump_tree(is_last) && give_up() && is_last)
\t\treturn 1;`,
      },
    ],
  },
  {
    id: 'connects-until-it-works',
    clauses: ['K15', 'K18'],
    about: 'It tries to connect again and again if a server is gone.',
    changes: [
      {
        file: 'image.c',
        find: '\tif (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {',
        put: `\twhile (connect(fd, (struct sockaddr *)&address, sizeof(address)))
\t\tusleep(10000);
\tif (fd < 0) {`,
      },
    ],
  },
  {
    id: 'kills-before-the-finish',
    clauses: ['K16'],
    about: 'It kills the processes and then sends the finish.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (finish_dump())
\t\treturn give_up();
\tsignal_tree(&tree, SIGKILL);`,
        put: `\tsignal_tree(&tree, SIGKILL);
\tif (finish_dump())
\t\treturn give_up();`,
      },
    ],
  },
  {
    id: 'leaves-the-tree',
    clauses: ['K16'],
    about: 'It lets the processes run on after a dump.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (finish_dump())
\t\treturn give_up();
\tsignal_tree(&tree, SIGKILL);`,
        put: `\tif (finish_dump())
\t\treturn give_up();
\tsignal_tree(&tree, SIGCONT);`,
      },
    ],
  },
  {
    id: 'kills-the-root-only',
    clauses: ['K16'],
    about: 'It kills the root of the tree, and no other process.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (finish_dump())
\t\treturn give_up();
\tsignal_tree(&tree, SIGKILL);`,
        put: `\tif (finish_dump())
\t\treturn give_up();
\tsignal_tree(&tree, SIGCONT);
\tkill(tree.pids[0], SIGKILL);`,
      },
    ],
  },
  {
    id: 'finish-errors-are-ignored',
    clauses: ['K16'],
    about: 'It kills the processes although the finish could not be sent.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (finish_dump())
\t\treturn give_up();
\tsignal_tree(&tree, SIGKILL);`,
        put: `\tfinish_dump();
\tsignal_tree(&tree, SIGKILL);`,
      },
    ],
  },
  {
    id: 'no-finish-of-the-restore',
    clauses: ['K17'],
    about: 'A restore sends no finish.',
    changes: [
      {
        file: 'restore.c',
        find: `\tfinish_restore();
\treturn 0;`,
        put: '\treturn 0;',
      },
    ],
  },
  {
    id: 'finish-of-a-failed-restore',
    clauses: ['K17'],
    about: 'A restore that failed sends a finish.',
    changes: [
      {
        file: 'restore.c',
        find: '\tfprintf(stderr, "client: the restore failed\\n");',
        put: `\tfinish_restore();
\tfprintf(stderr, "client: the restore failed\\n");`,
      },
    ],
  },
  {
    id: 'finish-before-the-restore',
    clauses: ['K17'],
    about: 'A restore sends the finish before its processes read their images.',
    changes: [
      {
        file: 'restore.c',
        find: `\tif (pull_list() || read_tree() || restore_tasks())
\t\treturn give_up();`,
        put: `\tif (pull_list() || read_tree())
\t\treturn give_up();
\tfinish_restore();
\tif (restore_tasks())
\t\treturn give_up();`,
      },
      {
        file: 'restore.c',
        find: `\t\treturn give_up();
\tfinish_restore();
\treturn 0;`,
        put: `\t\treturn give_up();
\treturn 0;`,
      },
    ],
  },
  {
    id: 'refused-finish-undoes-the-restore',
    clauses: ['K17'],
    about: 'A restore whose finish is not answered with 0 kills its processes.',
    changes: [
      {
        file: 'image.c',
        find: `\tif (send_request(fd, options.names.null_id, options.names.restore_finish, MODE_READ) == 0)
\t\tread_reply(fd);`,
        put: `\tif (send_request(fd, options.names.null_id, options.names.restore_finish, MODE_READ) == 0)
\t\tfinished = read_reply(fd) == 0;`,
      },
      {
        file: 'image.c',
        find: `int restoring;
`,
        put: `int restoring;
int finished;
`,
      },
      {
        file: 'image.h',
        find: 'extern int restoring;',
        put: `extern int restoring;
extern int finished;`,
      },
      {
        file: 'restore.c',
        find: `\tfinish_restore();
\treturn 0;`,
        put: `\tfinish_restore();
\treturn finished ? 0 : give_up();`,
      },
    ],
  },
  {
    id: 'failed-restore-leaves-processes',
    clauses: ['K18'],
    about: 'A restore that failed does not kill the processes that it began.',
    changes: [
      {
        file: 'restore.c',
        find: `\tsignal_tree(&restored, SIGKILL);
\twhile (wait(NULL) > 0)
\t\t;
`,
        put: '',
      },
    ],
  },
  {
    id: 'failed-restore-exits-0',
    clauses: ['K18'],
    about: 'A restore that failed exits 0.',
    changes: [
      {
        file: 'restore.c',
        find: `\tfprintf(stderr, "client: the restore failed\\n");
\treturn 1;`,
        put: `\tfprintf(stderr, "client: the restore failed\\n");
\treturn 0;`,
      },
    ],
  },
  {
    id: 'restore-of-a-part',
    clauses: ['K18', 'K6', 'K7', 'K8'],
    about: 'A restore succeeds if its root does.',
    changes: [
      {
        file: 'restore.c',
        find: 'read(report[0], &good, 1) == 1 && good; left--)',
        put: 'read(report[0], &good, 1) == 1; left--)',
      },
    ],
  },
  {
    id: 'crashes-without-a-cache',
    clauses: ['K18'],
    about: 'A restore crashes if it cannot connect.',
    changes: [
      {
        file: 'image.c',
        find: '\t\tfprintf(stderr, "client: connecting',
        put: `\t\tif (restoring)
\t\t\t__builtin_trap();
\t\tfprintf(stderr, "client: connecting`,
      },
    ],
  },
  {
    id: 'pid-of-no-process',
    clauses: ['K18'],
    about: 'A restore says that it succeeded, and no process of it runs.',
    changes: [
      {
        file: 'restore.c',
        find: `\tfinish_restore();
\treturn 0;`,
        put: `\tfinish_restore();
\tsignal_tree(&restored, SIGKILL);
\twhile (wait(NULL) > 0)
\t\t;
\treturn 0;`,
      },
    ],
  },
]
