import { limits, type Row } from './row.ts'

/* The rows of snapshots (S). */

export const snapshots: Readonly<Record<string, Row>> = {
  S1: {
    order: {
      before: ['cache-waiter-of-another-snapshot'],
      after: ['proxy-rewrite-in-one-snapshot-only'],
      beside: ['model-four-sessions-at-once'],
    },
    concurrency: {
      readers: ['proxy-one-name-in-two-snapshots', 'cache-one-name-in-two-snapshots'],
      writers: ['proxy-rewrite-in-one-snapshot-only', 'model-proxy-histories'],
      appends: ['model-proxy-histories', 'model-random-steps'],
      waiters: ['cache-waiter-of-another-snapshot'],
      finish: ['cache-finish-names-are-images-elsewhere', 'proxy-control-names-under-an-id'],
      'link end': 'The end of the link concerns all images, whatever their identity (C3).',
    },
    sizes: 'The clause is about names; the number of bytes does not change them.',
    ends: 'The end of a connection does not change the identity of its image.',
    limits,
  },
  S2: {
    order: {
      before: ['proxy-queued-pushes-are-read'],
      after: ['proxy-list-of-snapshots'],
      beside: ['pair-list-appended-while-read'],
    },
    concurrency: {
      readers: ['pair-list-appended-while-read', 'proxy-queued-pushes-are-read'],
      writers: ['cache-list-of-snapshots'],
      appends: ['proxy-queued-pushes-are-read', 'proxy-long-list-of-snapshots'],
      waiters: ['cache-list-is-waited-for'],
      rest: 'At the finish and at the end of the link the list is an image as any other (E1a, C3).',
    },
    sizes: {
      'less than a buffer': ['proxy-list-of-snapshots'],
      'more than a buffer': ['proxy-long-list-of-snapshots'],
      empty: 'A dump appends a record, which is never empty.',
    },
    ends: {
      'half close': ['proxy-list-of-snapshots'],
      stop: ['proxy-queued-pushes-are-read'],
      rest: 'A push ends as any append does (L6).',
    },
    limits,
  },
  S3: {
    order: {
      before: ['cache-list-is-waited-for'],
      after: ['proxy-list-is-read-at-once', 'proxy-queued-pushes-are-read'],
      beside: ['pair-increments'],
    },
    concurrency: {
      readers: ['proxy-list-is-read-at-once'],
      appends: ['proxy-queued-pushes-are-read', 'proxy-stays-from-dump-to-dump'],
      waiters: ['cache-list-is-waited-for', 'pair-restore-first'],
      rest: 'The list is read as any image: other clients are varied in L7, L9 and C1.',
    },
    sizes: {
      'less than a buffer': ['proxy-list-of-snapshots'],
      'more than a buffer': ['proxy-long-list-of-snapshots'],
      empty: 'A list without a record is a missing image.',
    },
    ends: {
      stop: ['proxy-queued-pushes-are-read'],
      close: ['proxy-list-of-snapshots'],
      rest: 'The close is that of the daemon here; readers that leave are cases of L8.',
    },
    limits,
  },
  S4: {
    order: {
      after: ['proxy-parents-images', 'pair-increments'],
      beside: ['cache-waiter-of-another-snapshot'],
      before: 'A read before its image is a matter of P1 at a proxy and of C2 at a cache.',
    },
    concurrency: {
      readers: ['proxy-parents-of-several-dumps'],
      writers: ['proxy-stays-from-dump-to-dump'],
      waiters: ['cache-waiter-of-another-snapshot'],
      rest: "A parent's image is an image as any other: L6, E1a and C3 vary the rest.",
    },
    sizes: "A parent's image is an image as any other: L3 varies the sizes.",
    ends: "A parent's image is read as any other: L7 and L8 vary the ends.",
    limits,
  },
}
