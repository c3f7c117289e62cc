import type { SourceMutant } from '../../built-program.ts'

/** Faults in the list of snapshots and parents. */
export const faults: readonly SourceMutant[] = [
  {
    id: 'no-push',
    clauses: ['K9'],
    about: 'It does not append its id to the list.',
    changes: [
      {
        file: 'dump.c',
        find: '\tif (push_id() || pull_list()',
        put: '\tif (pull_list()',
      },
    ],
  },
  {
    id: 'push-replaces-the-list',
    clauses: ['K9'],
    about: 'It writes its id to the list in place of appending it.',
    changes: [
      {
        file: 'image.c',
        find: 'options.names.null_id, LIST, MODE_APPEND',
        put: 'options.names.null_id, LIST, MODE_WRITE',
      },
    ],
  },
  {
    id: 'push-after-an-image',
    clauses: ['K9'],
    about: 'It writes an image before it appends its id.',
    changes: [
      {
        file: 'dump.c',
        find: '\tif (push_id() || pull_list()',
        put: `\tclose(create_image(options.directory, "begin.img"));
\tif (push_id() || pull_list()`,
      },
    ],
  },
  {
    id: 'push-twice',
    clauses: ['K9'],
    about: 'It appends its id twice.',
    changes: [
      {
        file: 'dump.c',
        find: '\tif (push_id() || pull_list()',
        put: '\tif (push_id() || push_id() || pull_list()',
      },
    ],
  },
  {
    id: 'push-without-the-folder',
    clauses: ['K9'],
    about: 'It appends the last part of its images directory.',
    changes: [
      {
        file: 'image.c',
        find: '\tif (send_record(fd, options.directory))',
        put: "\tif (send_record(fd, strrchr(options.directory, '/')))",
      },
    ],
  },
  {
    id: 'parent-is-the-first',
    clauses: ['K10'],
    about: 'A dump takes the first snapshot for its parent.',
    changes: [
      {
        file: 'dump.c',
        find: 'open_with_magic(list.ids[list.own - 1], name)',
        put: 'open_with_magic(list.ids[0], name)',
      },
    ],
  },
  {
    id: 'parent-under-the-own-id',
    clauses: ['K10'],
    about: 'A dump asks for the images of its parent under its own id.',
    changes: [
      {
        file: 'dump.c',
        find: 'open_with_magic(list.ids[list.own - 1], name)',
        put: 'open_with_magic(options.directory, name)',
      },
    ],
  },
  {
    id: 'restore-knows-no-parent',
    clauses: ['K10'],
    about: 'A restore reads all pages under its own id.',
    changes: [
      {
        file: 'restore.c',
        find: '\tif (read_pages(list.ids[snapshot], &pagemap, pages))',
        put: '\tif (read_pages(options.directory, &pagemap, pages))',
      },
    ],
  },
  {
    id: 'parent-of-the-first',
    clauses: ['K10'],
    about: 'The first dump asks for the images of a parent.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (list.own == 0)
\t\treturn 0;
\tsnprintf`,
        put: '\tsnprintf',
      },
      {
        file: 'dump.c',
        find: 'open_with_magic(list.ids[list.own - 1], name)',
        put: 'open_with_magic(list.own ? list.ids[list.own - 1] : ".", name)',
      },
    ],
  },
  {
    id: 'tree-may-not-shrink',
    clauses: ['K11'],
    about: 'A dump fails if it has another number of processes than its parent.',
    changes: [
      {
        file: 'dump.c',
        find: '\tif (is_last && ((files',
        put: `\tstruct inventory before;
\tint parent = list.own ? open_with_magic(list.ids[list.own - 1], "inventory.img") : -1;
\tif (parent >= 0 && (read_exactly(parent, &before, sizeof(before)) || before.tasks != tree.count))
\t\treturn -1;
\tif (is_last && ((files`,
      },
    ],
  },
  {
    id: 'new-process-fails',
    clauses: ['K11', 'K5'],
    about: 'A dump fails if the parent has no image of a process.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (fd == MISSING)
\t\treturn 0;
\tif (fd < 0 || read_exactly(fd, &pagemap`,
        put: '\tif (fd < 0 || read_exactly(fd, &pagemap',
      },
    ],
  },
  {
    id: 'new-process-without-pages',
    clauses: ['K11'],
    about: 'A dump leaves out the pages of a process whose parent image is missing.',
    changes: [
      {
        file: 'dump.c',
        find: `\tif (fd == MISSING)
\t\treturn 0;
\tif (fd < 0 || read_exactly(fd, &pagemap`,
        put: `\tif (fd == MISSING)
\t\treturn 1;
\tif (fd < 0 || read_exactly(fd, &pagemap`,
      },
    ],
  },
]
