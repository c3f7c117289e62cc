import { limits, noWaiters, type Row } from './row.ts'

/* The rows of the end of a dump and of a restore (E). */

export const end: Readonly<Record<string, Row>> = {
  E1: {
    order: {
      before: ['proxy-finish-takes-no-new-work'],
      after: ['proxy-finish-on-a-connection-behind-writes', 'proxy-clients-after-the-finish'],
      beside: ['proxy-finish-twice', 'proxy-two-finishes-after-writes'],
    },
    concurrency: {
      readers: ['proxy-finish-does-not-cut-readers', 'proxy-finish-beside-unread-requests'],
      writers: ['proxy-finish-while-a-write-goes-on', 'proxy-finish-after-queued-headers'],
      appends: ['model-proxy-finish-1'],
      waiters: noWaiters,
      finish: ['proxy-two-finishes-after-writes'],
      'link end': ['pair-finish-while-images-are-queued'],
    },
    sizes: {
      empty: ['proxy-finish-of-nothing'],
      'less than a buffer': ['proxy-finish'],
      'more than a buffer': ['proxy-finish-while-images-queue'],
    },
    ends: {
      'half close': ['proxy-finish'],
      stall: ['proxy-finish-despite-half-headers', 'proxy-finish-header-in-pieces'],
      stop: ['proxy-finish-after-sixty-writers'],
      rest: 'The finish counts from its header (E1b), so the end of its connection does not matter.',
    },
    limits,
  },
  E1a: {
    order: {
      before: [
        'proxy-newer-finish-after-writes-in-the-backlog',
        'proxy-newer-finish-after-writes-half-received',
      ],
      after: ['proxy-finish-takes-no-new-work'],
      beside: ['proxy-finish-after-queued-headers', 'proxy-finish-while-a-write-goes-on'],
    },
    concurrency: {
      readers: ['proxy-finish-after-writes-and-their-reads'],
      writers: ['proxy-finish-after-sixty-writers'],
      appends: ['proxy-finish-after-queued-appends'],
      waiters: noWaiters,
      finish: ['proxy-two-finishes-after-writes'],
      'link end': ['proxy-finish-after-writes-to-a-stalled-link'],
    },
    sizes: {
      empty: ['proxy-newer-finish-after-writes-with-unread-bytes'],
      'less than a buffer': ['proxy-newer-finish-after-writes-in-the-backlog'],
      'more than a buffer': ['proxy-older-finish-after-writes-half-received'],
    },
    ends: {
      close: ['proxy-finish-after-whole-closes'],
      'half close': ['proxy-older-finish-after-writes-in-the-backlog'],
      reset: 'A UNIX socket has no reset of a writer that the proxy could tell from a close.',
      stall: ['proxy-finish-while-a-write-goes-on'],
      stop: ['proxy-older-finish-after-writes-with-unread-headers'],
    },
    limits,
  },
  E1b: {
    order: {
      before: ['proxy-finish-does-not-cut-readers-of-any-size'],
      after: ['proxy-finish-header-around-writes', 'proxy-older-finish-after-writes-half-received'],
      beside: ['proxy-finish-beside-unread-requests'],
    },
    concurrency: {
      readers: [
        'proxy-finish-does-not-cut-a-slow-reader',
        'cache-finish-does-not-cut-readers-of-any-size',
      ],
      writers: ['proxy-finish-beside-an-older-version', 'proxy-finish-header-around-writes'],
      appends: ['model-proxy-finish-1'],
      waiters: ['model-cache-end-1'],
      finish: ['proxy-finish-header-around-writes'],
      'link end': ['cache-end-of-the-link-after-the-finish-cuts-no-reader'],
    },
    sizes: {
      empty: ['proxy-finish-does-not-cut-readers-of-any-size'],
      'less than a buffer': ['cache-finish-does-not-cut-readers-of-any-size'],
      'more than a buffer': [
        'proxy-finish-does-not-cut-readers',
        'cache-finish-does-not-cut-readers',
      ],
    },
    ends: {
      'half close': ['cache-finish-does-not-cut-readers'],
      stall: [
        'proxy-finish-despite-a-reader-that-takes-nothing',
        'cache-finish-despite-a-reader-that-takes-nothing',
        'proxy-finish-does-not-cut-a-slow-reader',
      ],
      stop: ['proxy-finish-beside-unread-requests'],
      rest: 'A reader that has left is not cut; L8 has the ways in which it leaves.',
    },
    limits,
  },
  E2: {
    order: {
      before: ['cache-finish-before-the-close', 'cache-queued-finish-before-reads'],
      after: ['cache-finish-after-the-close', 'cache-queued-finish-after-the-end'],
      beside: ['cache-queued-finish-before-the-end', 'cache-finish-twice'],
    },
    concurrency: {
      readers: ['cache-queued-finish-before-reads', 'cache-finish-does-not-cut-readers'],
      waiters: ['cache-finish-before-any-proxy', 'cache-queued-finish-between-reads-and-images'],
      finish: ['cache-finish-twice'],
      'link end': ['cache-queued-finish-before-the-end', 'cache-finish-before-the-close'],
      rest: 'Nobody writes to a cache but its proxy.',
    },
    sizes: {
      'more than a buffer': ['cache-finish-before-the-close'],
      rest: 'The exit depends on the end of the link, not on the size of its images.',
    },
    ends: {
      close: ['pair-migration'],
      'half close': ['cache-finish-after-the-close'],
      stall: ['cache-finish-beside-idle-clients', 'cache-finish-without-a-proxy'],
      stop: ['cache-queued-finish-after-reads-and-the-end'],
      reset: 'The exit after a reset of the link is a matter of E4.',
    },
    limits,
  },
  E3: {
    order: {
      after: ['proxy-stays-after-its-clients', 'proxy-stays-from-dump-to-dump'],
      rest: 'The clause is about the time after a pre-dump; E1 has the end.',
    },
    concurrency: {
      readers: ['proxy-parents-of-several-dumps', 'proxy-read-of-the-finish-name'],
      writers: ['proxy-stays-from-dump-to-dump'],
      appends: ['proxy-stays-from-dump-to-dump'],
      rest: 'The finish ends the time of which the clause tells (E1).',
    },
    sizes: 'The clause is about the process and the link, whatever the sizes of images.',
    ends: {
      'half close': ['proxy-stays-from-dump-to-dump'],
      reset: ['proxy-stays-after-its-clients'],
      rest: 'The other ways in which clients end are cases of L5 and L8.',
    },
    limits,
  },
  E4: {
    order: {
      before: ['proxy-cache-dies-between-images'],
      after: ['cache-link-ends-inside-an-image'],
      beside: ['proxy-cache-dies-in-an-image'],
    },
    concurrency: {
      waiters: ['cache-link-ends-inside-an-image'],
      writers: ['proxy-cache-closes'],
      finish: ['proxy-cache-dies-between-images', 'cache-lost-image-keeps-the-version-before'],
      'link end': ['cache-link-reset-between-images'],
      rest: 'The exit code tells of the link; readers and appends of then are cases of L7.',
    },
    sizes: {
      'more than a buffer': ['proxy-cache-dies-in-an-image'],
      rest: 'The exit code tells of the link, not of the sizes of its images.',
    },
    ends: {
      close: ['proxy-cache-closes'],
      'half close': ['cache-link-ends-inside-a-header'],
      reset: ['proxy-cache-dies-in-an-image', 'cache-link-reset-inside-an-image'],
      rest: 'A link that stalls, and a daemon that is stopped, have not failed.',
    },
    limits,
  },
}
