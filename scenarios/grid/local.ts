import { form, limits, noWaiters, type Row } from './row.ts'

/* The rows of local connections (L). */

export const local: Readonly<Record<string, Row>> = {
  L1: {
    order: {
      before: ['cache-clients-come-and-go'],
      rest: 'A socket is there from the start to the end: no act comes before or beside it.',
    },
    concurrency: {
      readers: ['cache-clients-come-and-go'],
      writers: ['proxy-socket-where-told'],
      rest: 'All kinds of clients connect in the same way.',
    },
    sizes: 'The clause is about a path; no image is part of it.',
    ends: {
      close: ['cache-clients-come-and-go'],
      rest: 'The end of a connection does not change the socket on which a daemon listens.',
    },
    limits,
  },
  L2: {
    order: {
      before: ['proxy-half-header-delays-nobody', 'cache-half-headers-delay-nobody'],
      after: ['proxy-thousand-connections', 'cache-1000-connections'],
      beside: ['proxy-queued-writes-are-read-beside-a-slow-one', 'pair-100-images-of-4-writers'],
    },
    concurrency: {
      readers: ['cache-stalled-reader-delays-nobody', 'proxy-slow-reader-delays-nobody'],
      writers: ['proxy-forwards-batches-in-order', 'model-four-sessions-at-once'],
      appends: ['model-four-sessions-at-once'],
      waiters: ['cache-waiters-are-answered-as-images-arrive', 'cache-1000-connections'],
      finish: ['proxy-finish-despite-half-headers', 'cache-finish-beside-idle-clients'],
      'link end': ['cache-finish-beside-idle-clients'],
    },
    sizes: {
      'less than a buffer': ['proxy-thousand-connections'],
      'more than a buffer': ['cache-stalled-reader-delays-nobody'],
      rest: 'A reader or writer of an empty image can delay nobody with bytes.',
    },
    ends: {
      close: ['proxy-thousand-connections'],
      'half close': ['proxy-forwards-batches-in-order'],
      reset: ['proxy-reader-leaves', 'fuzz-proxy-local-nonsense'],
      stall: ['proxy-half-header-delays-nobody', 'proxy-frames-announced-and-not-sent'],
      stop: ['proxy-queued-writes-are-read-beside-a-slow-one'],
    },
    limits,
  },
  L3: {
    order: {
      after: ['proxy-read-back', 'proxy-read-again'],
      beside: ['cache-stalled-reader-delays-nobody'],
      rest: 'A read before its image is a matter of P1 at a proxy and of C2 at a cache.',
    },
    concurrency: {
      readers: ['cache-stalled-reader-delays-nobody'],
      writers: ['proxy-read-back'],
      rest: 'An image that changes while it is read, and the end, are matters of L7 and E1b.',
    },
    sizes: {
      empty: ['cache-image-sizes'],
      'less than a buffer': ['proxy-read-back-sizes', 'cache-image-sizes'],
      'more than a buffer': ['cache-image-of-20-mib', 'pair-big-image'],
    },
    ends: {
      close: ['proxy-read-back', 'cache-read-held'],
      stall: ['cache-stalled-reader-delays-nobody'],
      rest: 'The close is that of the daemon here; readers that leave are cases of L8.',
    },
    limits,
  },
  L4: {
    order: {
      before: ['proxy-read-missing-then-written'],
      after: ['cache-close-releases-waiters'],
      beside: ['cache-many-waiters-at-the-end'],
    },
    concurrency: {
      waiters: ['cache-close-releases-waiters', 'cache-many-waiters-at-the-end'],
      'link end': ['cache-close-releases-waiters'],
      writers: ['proxy-read-missing-then-written'],
      rest: 'The reply to a missing image depends on no other image, and P1 and C3 vary the rest.',
    },
    sizes: 'A missing image has no bytes.',
    ends: {
      close: ['proxy-read-missing'],
      stop: ['cache-many-waiters-at-the-end'],
      rest: 'The close is that of the daemon here; readers that leave are cases of L8.',
    },
    limits,
  },
  L5: {
    order: {
      before: ['proxy-queued-shorter-write-comes-second', 'proxy-old-version-until-complete'],
      after: ['proxy-write-replaces', 'proxy-append-after-rewrite'],
      beside: ['model-proxy-histories'],
    },
    concurrency: {
      readers: ['proxy-reader-of-a-shrinking-image', 'proxy-reader-of-an-image-of-one-size'],
      writers: ['proxy-second-write-comes-second', 'model-proxy-histories'],
      appends: ['proxy-append-after-rewrite', 'proxy-queued-append-follows-a-write'],
      waiters: noWaiters,
      finish: ['proxy-finish-after-queued-rewrites'],
      'link end': 'A proxy ends the link after the finish, which takes no new work (E1a).',
    },
    sizes: {
      empty: ['proxy-queued-empty-write-comes-second'],
      'less than a buffer': ['proxy-queued-shorter-write-comes-second'],
      'more than a buffer': ['proxy-second-write-comes-second', 'pair-big-image'],
    },
    ends: {
      close: ['proxy-queued-whole-closes-are-read', 'proxy-write-closed-at-once'],
      'half close': ['proxy-write-has-no-answer', 'proxy-write-in-many-pieces'],
      reset: 'A UNIX socket has no reset of a writer that the proxy could tell from a close.',
      stall: ['proxy-old-version-until-complete'],
      stop: ['proxy-queued-shorter-write-comes-second', 'proxy-write-that-ends-in-a-stop-is-read'],
    },
    limits,
  },
  L6: {
    order: {
      before: ['proxy-queued-write-follows-an-append', 'proxy-reader-asks-before-an-append'],
      after: ['proxy-append-after-rewrite', 'proxy-queued-appends-keep-their-order'],
      beside: ['proxy-appends-at-once'],
    },
    concurrency: {
      readers: ['proxy-reader-of-a-growing-image', 'pair-list-appended-while-read'],
      writers: ['proxy-append-after-rewrite', 'model-proxy-histories'],
      appends: ['proxy-appends-at-once', 'proxy-second-append-comes-second'],
      waiters: ['model-random-steps'],
      finish: ['proxy-finish-after-queued-appends'],
      'link end': 'A proxy ends the link after the finish, which takes no new work (E1a).',
    },
    sizes: {
      empty: ['proxy-finish-after-queued-appends', 'cache-append-adds'],
      'less than a buffer': ['proxy-queued-appends-keep-their-order'],
      'more than a buffer': ['proxy-second-append-comes-second'],
    },
    ends: {
      'half close': ['proxy-append-creates', 'proxy-append-grows'],
      stop: ['proxy-queued-appends-keep-their-order', 'cache-appends-in-one-stop'],
      stall: ['model-proxy-histories'],
      rest: 'An append ends as a write does, whose close and reset are cells of L5.',
    },
    limits,
  },
  L7: {
    order: {
      before: ['proxy-reader-asks-before-a-write', 'proxy-reader-asks-before-an-append'],
      after: ['proxy-reader-has-the-version-of-its-reply', 'cache-reader-keeps-its-version'],
      beside: ['cache-waiters-while-the-next-version-comes', 'model-proxy-histories'],
    },
    concurrency: {
      readers: ['proxy-reader-of-a-shrinking-image', 'cache-reader-of-a-shrinking-image'],
      writers: ['proxy-unreadable-until-complete', 'proxy-old-version-until-complete'],
      appends: ['proxy-reader-of-a-growing-image', 'cache-reader-of-a-growing-image'],
      waiters: ['cache-waiters-of-two-versions-at-once', 'cache-waits-for-the-whole-image'],
      finish: [
        'proxy-finish-does-not-cut-readers-of-any-size',
        'cache-finish-does-not-cut-readers-of-any-size',
        'proxy-finish-beside-unread-requests',
      ],
      'link end': [
        'cache-readers-while-the-link-ends',
        'cache-readers-while-the-link-ends-inside-a-version',
        'cache-readers-while-the-link-is-reset-inside-a-version',
      ],
    },
    sizes: {
      empty: ['proxy-empty-image', 'cache-empty-image', 'cache-readers-while-the-link-ends'],
      'less than a buffer': ['proxy-reader-has-the-version-of-its-reply'],
      'more than a buffer': [
        'proxy-reader-of-an-image-of-one-size',
        'cache-reader-keeps-its-version',
      ],
    },
    ends: {
      close: ['proxy-reader-asks-before-a-write'],
      'half close': ['cache-readers-while-the-link-ends-inside-a-version'],
      reset: ['cache-readers-while-the-link-is-reset-inside-a-version'],
      stall: ['proxy-reader-of-a-growing-image', 'proxy-finish-does-not-cut-a-slow-reader'],
      stop: ['proxy-reader-asks-before-an-append', 'cache-versions-in-one-stop'],
    },
    limits,
  },
  L8: {
    order: {
      before: ['cache-clients-leave-before-the-proxy-comes'],
      after: ['cache-waiters-leave'],
      beside: ['cache-waiters-that-left-with-their-image', 'proxy-readers-of-many-leave-at-once'],
    },
    concurrency: {
      readers: ['proxy-readers-of-many-leave-at-once', 'cache-reader-leaves-half-way'],
      writers: ['proxy-reader-leaves'],
      waiters: ['cache-waiters-leave', 'cache-waiters-that-left-with-their-image'],
      rest:
        'A client that has left takes no part in a later append, finish or end; E1b has the ' +
        'readers that stay.',
    },
    sizes: {
      'less than a buffer': ['cache-clients-come-and-go'],
      'more than a buffer': ['cache-reader-leaves-half-way'],
      rest: 'A reader of an empty image has all of it when it leaves.',
    },
    ends: {
      close: ['proxy-reader-leaves'],
      reset: ['cache-reader-leaves-half-way'],
      stop: ['cache-waiters-that-left-with-their-image'],
      rest: 'A reader that closes one direction or stalls has not left: L2 and L7 have it.',
    },
    limits,
  },
  L9: {
    order: {
      before: ['proxy-reader-has-the-version-of-its-reply'],
      after: ['proxy-read-again', 'cache-read-held'],
      beside: ['cache-200-waiters-of-one-image', 'proxy-readers-of-many-leave-at-once'],
    },
    concurrency: {
      readers: ['cache-200-waiters-of-one-image', 'proxy-slow-reader-delays-nobody'],
      writers: ['cache-reader-keeps-its-version'],
      waiters: ['cache-200-waiters-of-one-image'],
      'link end': ['cache-read-after-the-link-closed'],
      rest: 'Readers beside appends and the finish are cases of L7 and E1b.',
    },
    sizes: {
      'less than a buffer': ['cache-read-held'],
      'more than a buffer': ['proxy-slow-reader-delays-nobody'],
      rest: 'Reads of an empty image are cases of L7, and take nothing of it.',
    },
    ends: {
      close: ['proxy-readers-of-many-leave-at-once'],
      stall: ['proxy-slow-reader-delays-nobody'],
      rest: 'Readers that leave otherwise are cases of L8, and stops are cases of L7 and L10.',
    },
    limits,
  },
  L10: {
    order: {
      before: ['proxy-reader-asks-before-a-write', 'proxy-reader-asks-before-an-append'],
      after: ['proxy-queued-writes-are-read', 'proxy-large-write-is-read-at-once'],
      beside: ['proxy-queued-writes-are-read-beside-a-slow-one', 'model-proxy-histories'],
    },
    concurrency: {
      readers: ['proxy-queued-writes-are-read', 'proxy-list-is-read-at-once'],
      writers: ['proxy-second-write-comes-second', 'proxy-queued-shorter-write-comes-second'],
      appends: ['proxy-queued-appends-keep-their-order', 'proxy-queued-pushes-are-read'],
      waiters: noWaiters,
      finish: ['proxy-finish-after-writes-and-their-reads', 'proxy-finish-after-queued-appends'],
      'link end': 'A proxy ends the link after the finish, which takes no new work (E1a).',
    },
    sizes: {
      empty: ['proxy-queued-empty-write-comes-second', 'proxy-queued-writes-are-read'],
      'less than a buffer': ['proxy-queued-writes-are-read', 'proxy-queued-pushes-are-read'],
      'more than a buffer': [
        'proxy-large-write-is-read-at-once',
        'proxy-write-that-ends-in-a-stop-is-read',
      ],
    },
    ends: {
      close: ['proxy-queued-whole-closes-are-read'],
      'half close': ['proxy-queued-writes-are-read'],
      reset: 'A UNIX socket has no reset of a writer that the proxy could tell from a close.',
      stall: ['proxy-queued-writes-are-read-beside-a-slow-one'],
      stop: ['proxy-queued-writes-are-read', 'proxy-queued-append-follows-a-write'],
    },
    limits,
  },
  L11: {
    order: form,
    concurrency: {
      readers: ['proxy-replies-in-one-piece', 'cache-replies-in-one-piece'],
      appends: ['proxy-list-records-in-one-piece'],
      rest: form,
    },
    sizes: {
      'less than a buffer': ['proxy-list-records-in-one-piece', 'cache-list-records-in-one-piece'],
      rest: 'A reply is never empty, and a list of more than a buffer is no list of snapshots.',
    },
    ends: 'The end of a connection comes after all of its frames.',
    limits,
  },
}
