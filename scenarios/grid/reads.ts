import { limits, limitsOf, noWaiters, type Row } from './row.ts'

/* The rows of reads at the proxy and the cache (P, C). */

export const reads: Readonly<Record<string, Row>> = {
  P1: {
    order: {
      before: ['proxy-read-missing-then-written'],
      after: ['proxy-read-missing'],
      beside: ['proxy-unreadable-until-complete', 'model-proxy-histories'],
    },
    concurrency: {
      readers: ['proxy-read-missing'],
      writers: ['proxy-forwards-nothing-of-an-opened-write', 'proxy-unreadable-until-complete'],
      appends: ['model-proxy-histories'],
      waiters: noWaiters,
      finish: ['proxy-read-of-the-finish-name'],
      'link end': 'A proxy ends the link after the finish, which takes no new work (E1a).',
    },
    sizes: 'A missing image has no bytes.',
    ends: {
      stall: ['proxy-read-while-the-link-stalls', 'proxy-unreadable-until-complete'],
      close: ['proxy-read-missing'],
      rest: 'Readers that leave are cases of L8, and reads in a stop are cases of L10.',
    },
    limits,
  },
  C1: {
    order: {
      before: ['cache-queued-images-before-reads-and-the-end'],
      after: ['cache-read-after-the-link-closed', 'cache-queued-images-and-the-end-before-reads'],
      beside: ['cache-read-while-another-arrives', 'cache-waiter-beside-its-image'],
    },
    concurrency: {
      readers: ['cache-read-after-the-link-closed'],
      waiters: ['cache-waiter-beside-its-image'],
      finish: ['cache-finish-after-the-close', 'model-finish-after-random-steps-1'],
      'link end': ['cache-readers-while-the-link-ends', 'cache-missing-after-the-close'],
      appends: ['model-random-steps'],
      writers: ['cache-local-write-harms-nothing', 'cache-read-while-another-arrives'],
    },
    sizes: {
      empty: ['cache-readers-while-the-link-ends'],
      'less than a buffer': ['cache-read-held'],
      'more than a buffer': ['cache-read-after-the-link-closed'],
    },
    ends: {
      'half close': ['cache-queued-images-and-the-end-before-reads'],
      reset: ['cache-readers-while-the-link-is-reset-inside-a-version'],
      stall: ['cache-read-while-another-arrives'],
      stop: ['cache-queued-waiters-and-images'],
      close: ['model-cache-end-1'],
    },
    limits,
  },
  C2: {
    order: {
      before: ['cache-queued-reads-before-images-and-the-end'],
      after: ['cache-queued-images-before-reads-and-the-end'],
      beside: ['cache-waiter-beside-its-image', 'cache-queued-waiters-and-images'],
    },
    concurrency: {
      readers: ['cache-waits-for-the-whole-image', 'cache-waiter-beside-its-image'],
      writers: 'Nobody writes to a cache but its proxy.',
      appends: ['cache-list-is-waited-for', 'model-random-steps'],
      waiters: ['cache-200-waiters-of-one-image', 'cache-waiters-leave'],
      finish: ['cache-queued-finish-between-reads-and-images'],
      'link end': ['cache-many-waiters-at-the-end', 'cache-clean-end'],
    },
    sizes: {
      empty: ['cache-empty-image'],
      'less than a buffer': ['cache-waiters-are-answered-as-images-arrive'],
      'more than a buffer': ['cache-image-of-20-mib', 'cache-clean-end'],
    },
    ends: {
      'half close': ['cache-clean-end'],
      close: ['cache-waiters-leave'],
      stall: ['cache-waits-for-the-whole-image', 'cache-header-apart-from-its-bytes'],
      stop: ['cache-queued-waiters-and-images', 'cache-many-waiters-at-the-end'],
      reset: 'A reset link is the end of the waits: C3 and W7 have it.',
    },
    limits: limitsOf({ descriptors: ['cache-waiters-beyond-the-limit-of-descriptors'] }),
  },
  C3: {
    order: {
      before: ['cache-queued-reads-before-images-and-the-end'],
      after: ['cache-missing-after-the-close', 'cache-queued-images-and-the-end-before-reads'],
      beside: ['cache-header-across-the-close', 'cache-many-waiters-at-the-end'],
    },
    concurrency: {
      readers: ['cache-readers-while-the-link-ends', 'cache-missing-after-the-close'],
      waiters: ['cache-many-waiters-at-the-end', 'cache-close-releases-waiters'],
      finish: ['cache-queued-finish-before-the-end', 'cache-queued-finish-after-the-end'],
      'link end': ['cache-close-releases-waiters', 'cache-second-connection-beside-the-end'],
      rest: 'Nobody writes to a cache but its proxy.',
    },
    sizes: 'A missing image has no bytes; the last images before the end are cases of C2.',
    ends: {
      'half close': ['cache-close-releases-waiters'],
      close: ['pair-proxy-killed'],
      reset: ['cache-link-reset-between-images'],
      stop: ['cache-queued-reads-before-images-and-the-end'],
      stall: 'A link that stalls has not ended; the cache waits (C2).',
    },
    limits,
  },
  C4: {
    order: {
      before: ['cache-finish-before-any-proxy', 'cache-waits-without-a-proxy'],
      beside: ['cache-clients-leave-before-the-proxy-comes'],
      after: 'With a proxy the clause has ended, and C1 to C3 hold.',
    },
    concurrency: {
      waiters: ['cache-waits-without-a-proxy'],
      finish: ['cache-finish-before-any-proxy', 'cache-finish-without-a-proxy'],
      'link end': ['cache-silent-stranger-before-the-proxy'],
      rest: 'Without a proxy a cache has no image that could be read or change.',
    },
    sizes: 'Without a proxy a cache has no image.',
    ends: {
      close: ['cache-waits-on-after-a-stranger'],
      reset: ['cache-clients-leave-before-the-proxy-comes'],
      stall: ['cache-silent-stranger-before-the-proxy'],
      rest: 'Connections that end without a frame are cases of W9.',
    },
    limits,
  },
}
