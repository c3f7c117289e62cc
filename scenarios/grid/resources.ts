import { form, limits, type Row } from './row.ts'

/* The rows of resources and dialects (R, D). */

export const resources: Readonly<Record<string, Row>> = {
  R1: {
    order: {
      after: ['proxy-thousand-connections-give-back', 'cache-thousand-connections-give-back'],
      rest: 'The clause compares a daemon with itself after its connections, which R4 has beside.',
    },
    concurrency: {
      readers: ['cache-thousand-connections-give-back'],
      writers: ['proxy-thousand-connections-give-back', 'proxy-replaced-images-give-back'],
      appends: ['proxy-thousand-connections-give-back'],
      waiters: ['cache-waiters-that-leave-give-back'],
      rest: 'After the finish and the end of the link a daemon exits, and R2 holds.',
    },
    sizes: {
      'less than a buffer': ['cache-thousand-connections-give-back'],
      'more than a buffer': ['cache-replaced-images-give-back'],
      empty: 'An empty image holds nothing that could be kept.',
    },
    ends: {
      'half close': ['proxy-thousand-connections-give-back'],
      close: ['cache-waiters-that-leave-give-back'],
      reset: ['cache-thousand-connections-give-back'],
      rest: 'A connection that stalls, or waits in a stop, has not ended.',
    },
    limits: {
      descriptors: ['proxy-thousand-connections-give-back', 'cache-thousand-connections-give-back'],
      processes: ['proxy-thousand-connections-give-back', 'cache-waiters-that-leave-give-back'],
      memory: ['proxy-replaced-images-give-back', 'cache-replaced-images-give-back'],
    },
  },
  R2: {
    order: {
      after: ['proxy-leaves-nothing', 'cache-leaves-nothing'],
      rest: 'The clause is about the time after the exit.',
    },
    concurrency: {
      finish: ['proxy-leaves-nothing', 'cache-leaves-nothing'],
      'link end': ['cache-leaves-nothing'],
      rest: 'After the exit a daemon serves no client.',
    },
    sizes: {
      'more than a buffer': ['proxy-leaves-nothing', 'cache-leaves-nothing'],
      rest: 'Images of any size are kept in the same place, and a large one is easiest to find.',
    },
    ends: {
      stall: ['proxy-leaves-nothing', 'cache-leaves-nothing'],
      rest: 'R1 has connections that ended before the exit.',
    },
    limits: {
      processes: ['proxy-leaves-nothing', 'cache-leaves-nothing'],
      memory: ['proxy-leaves-nothing', 'cache-leaves-nothing'],
      descriptors: 'The descriptors of a process end with it.',
    },
  },
  R3: {
    order: {
      before: ['proxy-queued-images-stay-off-disks'],
      after: ['proxy-image-stays-off-disks', 'cache-image-stays-off-disks'],
      beside: ['proxy-image-stays-off-disks'],
    },
    concurrency: {
      readers: ['cache-image-stays-off-disks'],
      writers: ['proxy-image-stays-off-disks'],
      'link end': ['cache-image-stays-off-disks'],
      rest: 'An image is kept in one place, whatever clients do with it.',
    },
    sizes: {
      'more than a buffer': ['proxy-image-stays-off-disks', 'cache-image-stays-off-disks'],
      rest: 'A small image is found in no file that a large one is not in, and less surely.',
    },
    ends: {
      stall: ['proxy-queued-images-stay-off-disks'],
      stop: ['proxy-image-stays-off-disks', 'cache-image-stays-off-disks'],
      rest: 'An image is kept in one place, in whatever way its writer ends.',
    },
    limits: {
      memory: ['proxy-queued-images-stay-off-disks'],
      rest: limits,
    },
  },
  R4: {
    order: {
      before: ['proxy-writers-beyond-the-limit-of-descriptors'],
      after: ['proxy-takes-all-when-the-link-moves'],
      beside: ['cache-waiters-beyond-the-limit-of-descriptors'],
    },
    concurrency: {
      readers: ['proxy-takes-all-when-the-link-moves'],
      writers: ['proxy-writers-beyond-the-limit-of-descriptors'],
      waiters: ['cache-waiters-beyond-the-limit-of-descriptors'],
      rest: 'Appends hold descriptors as writes do, and the ends are judged without a limit (E1a).',
    },
    sizes: {
      'less than a buffer': ['proxy-writers-beyond-the-limit-of-descriptors'],
      'more than a buffer': ['proxy-takes-all-when-the-link-moves'],
      empty: 'The clause is about descriptors and about bytes that wait.',
    },
    ends: {
      stall: ['proxy-takes-all-when-the-link-moves'],
      rest: 'A connection that has ended needs no descriptor: R1 has it.',
    },
    limits: {
      descriptors: [
        'proxy-writers-beyond-the-limit-of-descriptors',
        'cache-waiters-beyond-the-limit-of-descriptors',
      ],
      memory: ['proxy-takes-all-when-the-link-moves'],
      processes:
        'A daemon that cannot fork or start a thread shows it in the same way, but RLIMIT_NPROC ' +
        'counts the processes of a user, not of a daemon, and does not bind root.',
    },
  },
  D1: {
    order: form,
    concurrency: {
      finish: ['proxy-finish-in-either-dialect', 'cache-auto-finish-of-2017'],
      appends: ['proxy-list-in-either-dialect'],
      rest: 'The clause is about names, which no other client changes.',
    },
    sizes: 'The clause is about names; the number of bytes does not change them.',
    ends: 'The clause is about names, which no end of a connection changes.',
    limits,
  },
  D2: {
    order: {
      after: ['proxy-append-forwarded-whole', 'cache-append-supersedes'],
      rest: 'The clause is about the form of one image on the link; W5 has the order of images.',
    },
    concurrency: {
      appends: ['proxy-append-forwarded-whole', 'pair-append-to-an-image'],
      readers: ['cache-reader-of-a-growing-image'],
      writers: ['cache-image-replaced'],
      rest: 'The clause is about the form of one image on the link.',
    },
    sizes: {
      empty: ['cache-append-adds', 'cache-image-replaced', 'cache-appends-in-one-stop'],
      'less than a buffer': ['cache-append-supersedes'],
      'more than a buffer': ['cache-reader-of-a-growing-image'],
    },
    ends: {
      stop: ['cache-appends-in-one-stop'],
      rest: 'The ends of writers are cells of L5, those of the link of W7.',
    },
    limits,
  },
  D3: {
    order: {
      before: ['cache-finish-before-the-close-is-answered'],
      after: ['cache-finish-is-answered'],
      beside: 'The finish before and after the end of the link are the two orders that it has.',
    },
    concurrency: {
      finish: ['cache-finish-is-answered'],
      'link end': ['cache-finish-before-the-close-is-answered'],
      rest: 'The finish of a restore comes after all of its other acts.',
    },
    sizes: 'The finish is no image and has no bytes.',
    ends: {
      'half close': ['cache-finish-before-the-close-is-answered'],
      rest: 'The link alone ends here, and E2 has its other ends.',
    },
    limits,
  },
}
