import { form, limits, limitsOf, noWaiters, type Row } from './row.ts'

/* The rows of forwarding (W). */

export const forwarding: Readonly<Record<string, Row>> = {
  W1: {
    order: {
      after: ['proxy-connection-outlives-idleness', 'proxy-forwards-many-small-images'],
      beside: ['cache-many-strangers-beside-the-link', 'proxy-forwards-a-burst-once'],
      before: 'Nothing is forwarded before the link, which a proxy makes at its start.',
    },
    concurrency: {
      writers: ['proxy-forwards-a-burst-once'],
      rest: 'The number of connections is judged in each case of a proxy: a second one fails it.',
    },
    sizes: {
      'less than a buffer': ['proxy-forwards-many-small-images'],
      rest: 'The number of connections is judged in each case of a proxy, of whatever sizes.',
    },
    ends: 'The ends of the link are cases of W6 and W7.',
    limits,
  },
  W2: {
    order: form,
    concurrency: {
      readers: ['cache-silent-on-the-link', 'cache-silent-on-the-link-about-bad-clients'],
      waiters: ['cache-silent-on-the-link'],
      appends: ['cache-silent-on-the-link'],
      finish: ['cache-silent-on-the-link', 'proxy-finish-needs-no-answer'],
      'link end': ['cache-silent-on-the-link'],
      writers: ['proxy-forwards-many-small-images'],
    },
    sizes: {
      'less than a buffer': ['proxy-forwards-many-small-images'],
      'more than a buffer': ['cache-silent-on-the-link'],
      empty: 'No byte of the cache may come on the link, whatever the size; W4 has empty images.',
    },
    ends: {
      'half close': ['cache-silent-on-the-link'],
      rest: 'All cases of a lost link (W7) demand silence of the cache as well.',
    },
    limits,
  },
  W3: {
    order: {
      before: ['proxy-forwards-nothing-of-an-opened-write'],
      after: ['proxy-forwards-in-order-of-completion'],
      beside: ['proxy-unreadable-until-complete'],
    },
    concurrency: {
      readers: ['proxy-unreadable-until-complete'],
      writers: ['proxy-forwards-complete-images-only', 'model-proxy-histories'],
      appends: ['model-proxy-histories'],
      waiters: ['pair-restore-first'],
      rest: 'Images that are incomplete at the finish are cases of E1a.',
    },
    sizes: {
      'less than a buffer': ['proxy-forwards-nothing-of-an-opened-write'],
      'more than a buffer': ['proxy-forwards-complete-images-only'],
      empty: 'An empty image has no part that could be forwarded early.',
    },
    ends: {
      stall: ['proxy-forwards-nothing-of-an-opened-write', 'proxy-unreadable-until-complete'],
      'half close': ['proxy-forwards-complete-images-only'],
      rest: 'Any end of a writer completes its image (L5); a stop completes none.',
    },
    limits,
  },
  W4: {
    order: {
      after: ['cache-link-many-images-in-one-segment', 'proxy-forwards-a-queue-in-order'],
      beside: ['pair-100-images-of-4-writers', 'proxy-forwards-a-burst-once'],
      before: 'Images follow each other on the link; their order is a matter of W5.',
    },
    concurrency: {
      writers: ['pair-100-images-of-4-writers', 'proxy-forwards-large-and-small'],
      appends: ['pair-append-to-an-image', 'cache-appends-in-one-stop'],
      readers: ['model-four-sessions-at-once'],
      waiters: ['cache-image-ends-with-its-last-byte'],
      rest: 'The form of the stream up to the finish and the end is judged in all cases of E1 and W6.',
    },
    sizes: {
      empty: ['proxy-empty-image', 'cache-empty-image'],
      'less than a buffer': ['proxy-forwards-an-image', 'cache-image-sizes'],
      'more than a buffer': ['proxy-forwards-large-and-small', 'cache-image-of-20-mib'],
    },
    ends: {
      stall: ['cache-link-byte-by-byte', 'cache-image-ends-with-its-last-byte'],
      stop: ['cache-versions-in-one-stop', 'cache-appends-in-one-stop'],
      rest: 'The ends of the link are cases of W6 and W7.',
    },
    limits,
  },
  W5: {
    order: {
      before: ['proxy-queued-closes-are-forwarded-in-order', 'proxy-second-write-comes-second'],
      after: ['proxy-write-opened-first-and-closed-last', 'proxy-forwards-in-order-of-completion'],
      beside: ['proxy-thousand-connections', 'model-proxy-histories'],
    },
    concurrency: {
      readers: ['proxy-read-while-the-link-stalls'],
      writers: ['proxy-queued-small-images-are-forwarded-in-order'],
      appends: ['proxy-queued-append-follows-a-write', 'proxy-list-is-forwarded'],
      waiters: noWaiters,
      finish: ['proxy-finish-after-writes-to-a-stalled-link', 'proxy-finish-while-images-queue'],
      'link end': ['pair-finish-while-images-are-queued'],
    },
    sizes: {
      empty: ['proxy-queued-small-images-are-forwarded-in-order'],
      'less than a buffer': ['proxy-queued-closes-are-forwarded-in-order'],
      'more than a buffer': ['proxy-forwards-large-and-small', 'proxy-second-write-comes-second'],
    },
    ends: {
      close: ['proxy-queued-whole-closes-are-read', 'proxy-write-closed-at-once'],
      'half close': ['proxy-queued-closes-are-forwarded-in-order'],
      reset: 'A UNIX socket has no reset of a writer that the proxy could tell from a close.',
      stall: ['proxy-forwards-a-queue-in-order', 'proxy-finish-while-images-queue'],
      stop: ['proxy-queued-closes-are-forwarded-in-order'],
    },
    limits: limitsOf({ descriptors: ['proxy-writers-beyond-the-limit-of-descriptors'] }),
  },
  W6: {
    order: {
      before: ['proxy-finish-while-images-queue'],
      after: ['proxy-clients-after-the-finish', 'proxy-stays-after-its-clients'],
      beside: ['model-proxy-finish-1'],
    },
    concurrency: {
      readers: ['model-proxy-finish-1'],
      writers: ['model-proxy-finish-1', 'proxy-stays-from-dump-to-dump'],
      appends: ['proxy-stays-from-dump-to-dump'],
      waiters: ['cache-clean-end'],
      finish: ['proxy-finish', 'proxy-finish-of-nothing'],
      'link end': ['cache-clean-end', 'cache-link-reset-between-images'],
    },
    sizes: {
      empty: ['proxy-finish-of-nothing'],
      'less than a buffer': ['proxy-finish'],
      'more than a buffer': ['cache-clean-end', 'proxy-finish-while-images-queue'],
    },
    ends: {
      close: ['proxy-cache-closes'],
      'half close': ['cache-clean-end', 'proxy-finish-needs-no-answer'],
      reset: ['cache-link-reset-between-images', 'proxy-cache-dies-between-images'],
      stall: ['proxy-connection-outlives-idleness', 'proxy-finish-while-images-queue'],
      stop: ['model-proxy-finish-1'],
    },
    limits,
  },
  W7: {
    order: {
      before: ['cache-lost-image-keeps-the-version-before'],
      after: ['cache-link-ends-inside-an-image', 'cache-second-connection-after-a-lost-link'],
      beside: ['cache-waiters-of-a-cut-image'],
    },
    concurrency: {
      readers: ['cache-readers-while-the-link-ends-inside-a-version'],
      waiters: ['cache-waiters-of-a-cut-image', 'cache-link-ends-inside-an-image'],
      'link end': ['cache-link-ends-inside-a-header', 'cache-link-reset-inside-an-image'],
      rest: 'The clause is about a cache, to which nobody writes; E4 has the finish after a loss.',
    },
    sizes: {
      'less than a buffer': ['cache-waiters-of-a-cut-image'],
      'more than a buffer': ['cache-readers-while-the-link-ends-inside-a-version'],
      empty: 'An empty image is complete with its header.',
    },
    ends: {
      close: ['pair-proxy-killed'],
      'half close': ['cache-link-ends-inside-an-image', 'cache-link-ends-behind-a-header'],
      reset: ['cache-link-reset-inside-an-image', 'cache-link-reset-inside-a-header'],
      stop: ['cache-waiters-of-a-cut-image'],
      stall: 'A link that stalls has not ended; the cache waits (C2).',
    },
    limits,
  },
  W8: {
    order: 'The clause is a MAY, tried by the tests of the reference.',
    concurrency: 'The clause is a MAY, tried by the tests of the reference.',
    sizes: 'The clause is a MAY, tried by the tests of the reference.',
    ends: 'The clause is a MAY, tried by the tests of the reference.',
    limits,
  },
  W9: {
    order: {
      before: ['cache-silent-stranger-before-the-proxy', 'cache-waits-on-after-a-stranger'],
      after: ['cache-connection-after-the-link', 'cache-second-connection-after-a-lost-link'],
      beside: ['cache-second-connection-is-not-mixed-in', 'cache-second-connection-beside-the-end'],
    },
    concurrency: {
      readers: ['cache-connection-after-the-link'],
      waiters: [
        'cache-many-strangers-beside-the-link',
        'cache-second-connection-waits-for-the-end',
      ],
      finish: ['cache-second-connection-waits-for-the-end'],
      'link end': [
        'cache-second-connection-waits-for-the-end',
        'cache-second-connection-beside-the-end',
      ],
      rest: 'The clause is about a cache, to which nobody writes.',
    },
    sizes: {
      empty: ['cache-link-without-images'],
      'less than a buffer': ['cache-connection-after-the-link'],
      'more than a buffer':
        'No byte of a stranger may be served, so a small image shows the fault.',
    },
    ends: {
      close: ['cache-link-without-images', 'cache-waits-on-after-a-stranger'],
      'half close': ['cache-second-connection-beside-the-end'],
      reset: ['cache-many-strangers-beside-the-link'],
      stall: ['cache-second-connection-is-not-mixed-in', 'cache-silent-stranger-before-the-proxy'],
      stop: ['cache-second-connection-beside-the-end'],
    },
    limits,
  },
}
