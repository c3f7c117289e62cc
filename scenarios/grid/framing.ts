import { form, formSizes, limits, type Row, stopsOrder } from './row.ts'

/* The rows of framing (F). */

export const framing: Readonly<Record<string, Row>> = {
  F1: {
    order: form,
    concurrency: form,
    sizes: formSizes,
    ends: {
      stall: ['cache-local-header-byte-by-byte', 'proxy-header-byte-by-byte'],
      'half close': ['cache-local-other-protocol'],
      rest: 'The end of a connection inside a frame is a matter of F6.',
    },
    limits,
  },
  F2: {
    order: {
      before: ['cache-header-apart-from-its-bytes', 'cache-header-across-the-close'],
      after: ['proxy-header-with-data', 'cache-link-many-images-in-one-segment'],
      beside: ['cache-half-headers-delay-nobody'],
    },
    concurrency: {
      readers: ['cache-half-headers-delay-nobody'],
      writers: ['proxy-write-in-many-pieces'],
      waiters: ['cache-header-apart-from-its-bytes'],
      finish: ['proxy-finish-header-in-pieces', 'proxy-finish-header-around-writes'],
      'link end': ['cache-header-across-the-close'],
      rest: 'The header of an append differs from that of a write by its mode only.',
    },
    sizes: {
      empty: ['cache-image-sizes'],
      'less than a buffer': ['cache-image-sizes', 'proxy-header-with-data'],
      'more than a buffer': ['cache-image-sizes', 'proxy-write-in-many-pieces'],
    },
    ends: {
      'half close': ['proxy-header-cut-anywhere'],
      stall: ['proxy-header-byte-by-byte', 'cache-link-byte-by-byte'],
      stop: ['cache-header-apart-from-its-bytes', 'proxy-finish-header-around-writes'],
      rest: 'The end of a connection inside a frame is a matter of F6, and after it one of L5.',
    },
    limits,
  },
  F3: {
    order: form,
    concurrency: form,
    sizes: formSizes,
    ends: form,
    limits,
  },
  F4: {
    order: form,
    concurrency: {
      appends: ['proxy-append-mode-with-flags', 'pair-append-to-an-image'],
      readers: ['cache-open-modes-and-errors', 'proxy-open-modes-with-flags'],
      writers: ['proxy-open-modes-with-flags'],
      rest: form,
    },
    sizes: formSizes,
    ends: form,
    limits,
  },
  F5: {
    order: form,
    concurrency: form,
    sizes: {
      'more than a buffer': ['proxy-image-of-2-gib', 'cache-image-over-4-gib'],
      rest: 'The clause is about images over 4 GiB and about the length of names.',
    },
    ends: {
      'half close': ['cache-size-over-4-gib-is-not-cut', 'cache-size-of-64-bits'],
      rest: 'The ways to lose the link inside an image are cases of W7.',
    },
    limits: {
      memory: ['cache-local-name-over-the-limit', 'proxy-names-too-long'],
      rest: limits,
    },
  },
  F6: {
    order: {
      before: ['cache-clients-leave-before-the-proxy-comes'],
      after: ['cache-link-groups-16000-deep'],
      beside: ['cache-local-many-bad-clients', 'fuzz-proxy-local-nonsense'],
    },
    concurrency: {
      readers: ['cache-local-many-bad-clients'],
      writers: ['proxy-garbage', 'proxy-half-header-delays-nobody'],
      waiters: ['cache-local-malformed-message', 'cache-local-truncated-header'],
      'link end': ['cache-link-zero-length', 'cache-link-groups-16000-deep-unclosed'],
      rest:
        'A refused frame has no mode that the daemon knows, and its refusal at the finish is a ' +
        'matter of E1a.',
    },
    sizes: {
      empty: ['cache-link-zero-length', 'proxy-malformed-message'],
      'less than a buffer': ['proxy-groups-100000-deep', 'cache-groups-100000-deep'],
      'more than a buffer': ['proxy-oversized-frame', 'cache-local-name-over-the-limit'],
    },
    ends: {
      'half close': ['proxy-truncated-frame', 'cache-local-truncated-header'],
      reset: ['cache-local-many-bad-clients', 'fuzz-cache-local-nonsense'],
      stall: ['proxy-frames-announced-and-not-sent', 'cache-frames-announced-and-not-sent'],
      close: ['proxy-groups-100000-deep'],
      stop: stopsOrder,
    },
    limits: {
      memory: ['proxy-frames-announced-and-not-sent', 'cache-frames-announced-and-not-sent'],
      rest: limits,
    },
  },
  F7: {
    order: form,
    concurrency: form,
    sizes: formSizes,
    ends: form,
    limits,
  },
}
