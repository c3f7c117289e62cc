import fc from 'fast-check'

/*
 * Steps of clients at a proxy, a cache or both, and random sequences of them. A step that makes no
 * sense at its place is left out when it is taken, so every part of a sequence is a sequence.
 */

export type SideName = 'proxy' | 'cache'

export type Step =
  | { kind: 'open'; client: number; image: number; mode: 'write' | 'append' }
  | { kind: 'piece'; client: number; size: number }
  /** A half close keeps the direction to the client open; a full close is that of CRIU. */
  | { kind: 'close'; client: number; how: 'half' | 'full' }
  /** A read; `waits` tells whether the next step comes after its answer. */
  | { kind: 'read'; side: SideName; image: number; waits: boolean }
  /** A read that stops after its reply, until it goes on. */
  | { kind: 'begin'; client: number; side: SideName; image: number }
  | { kind: 'go on'; client: number }
  /** A reader that stopped, or the first client that waits at the cache, is gone. */
  | { kind: 'leave'; client: number }
  | { kind: 'push' }
  /** Steps while all processes of one side are stopped. */
  | { kind: 'stop'; side: SideName; steps: Step[] }
  /** Steps while the link takes no bytes. */
  | { kind: 'stall'; steps: Step[] }
  /** Connects for the finish, whose header comes later. */
  | { kind: 'connect' }
  /** The finish of the dump; at a cache alone, the end of the link. */
  | { kind: 'finish' }

/** Number of clients that write or hold a read. */
const CLIENTS = 4
/** Number of images: few, so that clients meet at one. */
const IMAGES = 3

const client = fc.nat(CLIENTS - 1)
const image = fc.nat(IMAGES - 1)
const side = fc.constantFrom<SideName>('proxy', 'cache')
const mode = fc.constantFrom<'write' | 'append'>('write', 'append')
const how = fc.constantFrom<'half' | 'full'>('half', 'full')
const size = fc.constantFrom(10, 10, 100, 4096, 65_537, 250_000, 700_000)
const kind = <K extends Step['kind']>(name: K) => fc.constant(name)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('open'), client, image, mode }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('piece'), client, size }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('close'), client, how }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('read'), side, image, waits: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('begin'), client, side, image }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('go on'), client }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('leave'), client }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'push' }) },
)

/** The steps of a whole image by another client: single steps seldom complete an image twice. */
const whole = fc
  .record({ image, mode, how, sizes: fc.array(size, { maxLength: 2 }) })
  .map(({ image, mode, how, sizes }): Step[] => [
    { kind: 'open', client: CLIENTS, image, mode },
    ...sizes.map((size): Step => ({ kind: 'piece', client: CLIENTS, size })),
    { kind: 'close', client: CLIENTS, how },
  ])

/** Some steps one after the other, `maxLength` single steps or whole images. */
const run = (maxLength: number): fc.Arbitrary<Step[]> =>
  fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: step.map((each) => [each]) },
        { weight: 2, arbitrary: whole },
      ),
      { minLength: 1, maxLength, size: 'max' },
    )
    .map((steps) => steps.flat())

const stop: fc.Arbitrary<Step> = fc.record({ kind: kind('stop'), side, steps: run(6) })
const stall: fc.Arbitrary<Step> = fc.record({ kind: kind('stall'), steps: run(5) })

/** Sequences of steps, with a stop in most of them. */
export const sequences: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: run(5) },
      { weight: 5, arbitrary: stop.map((each) => [each]) },
      { weight: 1, arbitrary: stall.map((each) => [each]) },
    ),
    { minLength: 1, maxLength: 6, size: 'max' },
  )
  .map((steps) => steps.flat())

/**
 * Sequences of steps with a finish: inside a stop or not, with writes and reads in flight. The
 * connection of the finish may be older than those.
 */
export const finishes: fc.Arbitrary<Step[]> = fc
  .record({
    before: sequences,
    connects: fc.boolean(),
    isStopped: fc.boolean(),
    around: run(6),
    at: fc.nat(20),
    after: run(6),
  })
  .map(({ before, connects, isStopped, around, at, after }): Step[] => {
    const place = at % (around.length + 1)
    const inside: Step[] = [...around.slice(0, place), { kind: 'finish' }, ...around.slice(place)]
    return [
      ...before,
      ...(connects ? [{ kind: 'connect' } as const] : []),
      ...(isStopped ? [{ kind: 'stop', side: 'proxy', steps: inside } as const] : inside),
      ...after,
    ]
  })
