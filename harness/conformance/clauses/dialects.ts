import type { Clause } from '../clause.ts'

const section = 'D. Dialects'

export const clauses: readonly Clause[] = [
  {
    id: 'D1',
    section,
    level: 'must',
    source: 'criu',
    text:
      'The null snapshot id, the name that finishes a dump and the name that finishes a restore ' +
      'are `null`, `DUMP_FINISH` and `RESTORE_FINISH` in criu-2017 and ours, and empty strings ' +
      'in criu-2019. `auto` understands both, each name under its own null id.',
    weaker: {
      level: 'should',
      text:
        'Under `auto` and ours the lists of `null` and of the empty id are one list, forwarded ' +
        'under the null id that the client used.',
    },
    origin:
      'CRIU, 2017 to 2020: the strings `null`, `DUMP_FINISH` and `RESTORE_FINISH` until ' +
      '2019, empty strings from then on.',
  },
  {
    id: 'D2',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A forwarded image has the open mode of its write or append; a proxy of criu-2017 sends ' +
      'O_APPEND, but O_WRONLY and the whole image for an image that is written again. An ' +
      'append is forwarded whole and superseding (ours), or as the new bytes under the size ' +
      'of all (criu-2017, criu-2019).',
    loss:
      'Proxy and cache count an append differently: from the first append on the link is out ' +
      'of step, and all later images are lost.',
    origin:
      'CRIU, 2017 to 2020: the daemons of 2017 and 2019 count that way. This project: a cache ' +
      "of 2017 can not tell CRIU's form of an image that is written again from an append.",
  },
  {
    id: 'D3',
    section,
    level: 'must',
    source: 'criu',
    dialects: ['criu-2017'],
    text: 'The finish of a restore is answered with a reply, of any value.',
    origin: 'CRIU, 2017 to 2020: the client of 2017 awaits a reply and ignores its value.',
  },
]
