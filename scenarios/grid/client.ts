import type { Row } from './row.ts'

/* The rows of a client (K). The harness is both of its servers, and no other client is there. */

const alone = 'A client meets no other client here: the harness is both of its servers.'
const ownTasks = 'K1 has the only other clients of a client: its own tasks, many at once.'
const anySize = 'The clause does not depend on the size of an image; K8 and K14 have large ones.'
const servers = 'K7, K8, K15 and K18 have the ends of connections, and servers that are gone.'
const ofUser = 'The clause names no limit: the machine of a client is that of its user.'

/** The cells of each group that most clauses of a client share. */
const common: Row = {
  order: alone,
  concurrency: ownTasks,
  sizes: anySize,
  ends: servers,
  limits: ofUser,
}

export const client: Readonly<Record<string, Row>> = {
  K1: {
    ...common,
    order: { beside: ['client-many-tasks'], rest: alone },
    concurrency: {
      readers: ['client-many-tasks'],
      writers: ['client-one-request-per-connection'],
      rest: 'A client has no other acts at the same time.',
    },
  },
  K2: {
    ...common,
    sizes: {
      'less than a buffer': ['client-request-form'],
      'more than a buffer': ['client-request-of-long-names'],
      empty: 'A request has three fields, so it is never empty.',
    },
  },
  K3: {
    ...common,
    sizes: {
      'less than a buffer': ['client-list-in-one-piece-with-its-reply'],
      'more than a buffer': ['client-reply-and-image-in-one-piece'],
      empty: 'A reply in one piece with an empty image is a reply alone.',
    },
    ends: { stall: ['client-nothing-after-a-request'], rest: servers },
  },
  K4: { ...common, ends: { stall: ['client-replies-in-pieces'], rest: servers } },
  K5: { ...common, order: { before: ['client-optional-images-missing'], rest: alone } },
  K6: { ...common, order: { after: ['client-error-after-a-missing-image'], rest: alone } },
  K7: {
    ...common,
    ends: {
      close: ['client-close-without-a-reply', 'client-part-of-a-reply'],
      rest: 'At a UNIX socket a client sees any end of a server that owes a reply as a close.',
    },
  },
  K8: {
    ...common,
    sizes: {
      empty: ['client-image-without-bytes'],
      'less than a buffer': ['client-image-cut-in-a-record'],
      'more than a buffer': ['client-image-cut-in-a-page', 'client-image-cut-between-pages'],
    },
    ends: {
      close: ['client-image-cut-in-a-page'],
      rest: 'At a UNIX socket a client sees any end of a server that sends an image as a close.',
    },
  },
  K9: { ...common, order: { before: ['client-appends-its-id-first'], rest: alone } },
  K10: { ...common, order: { after: ['client-two-pre-dumps'], rest: alone } },
  K11: { ...common, order: { after: ['client-vanished-subprocess'], rest: alone } },
  K12: common,
  K13: { ...common, sizes: { 'more than a buffer': ['client-no-image-in-a-file'], rest: anySize } },
  K14: {
    ...common,
    order: { after: ['client-finish-once'], rest: alone },
    concurrency: { writers: ['client-finish-waits-for-images'], rest: ownTasks },
    sizes: { 'more than a buffer': ['client-finish-waits-for-images'], rest: anySize },
    ends: { stall: ['client-finish-waits-for-images'], rest: servers },
  },
  K15: {
    ...common,
    ends: {
      close: ['client-proxy-hangs-up', 'client-proxy-gone-in-the-middle'],
      stall: ['client-proxy-gone-in-a-pre-dump'],
      rest: 'A client does not see how a proxy ends that was to take its bytes.',
    },
  },
  K16: { ...common, concurrency: { finish: ['client-proxy-gone-at-the-end'], rest: ownTasks } },
  K17: {
    ...common,
    concurrency: { finish: ['client-restore-finish-is-refused'], rest: ownTasks },
    ends: { close: ['client-restore-finish-without-a-reply'], rest: servers },
  },
  K18: {
    ...common,
    concurrency: { readers: ['client-restore-fails-as-a-whole'], rest: ownTasks },
    ends: {
      close: ['client-cache-gone-in-the-middle'],
      rest: 'At a UNIX socket a client sees any end of a cache as a close.',
    },
  },
  K19: {
    ...common,
    order: { before: ['client-restore-before-the-dump'], rest: alone },
    ends: { stall: ['client-late-replies'], rest: servers },
  },
}
