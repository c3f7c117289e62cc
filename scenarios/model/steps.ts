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
  /** A read that stops after its reply, until it goes on; `waits` is for the reply. */
  | { kind: 'begin'; client: number; side: SideName; image: number; waits: boolean }
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
const image: fc.Arbitrary<number> = fc.constantFrom(0, 0, 0, 1, 1, 2)
const side = fc.constantFrom<SideName>('proxy', 'cache')
const mode = fc.constantFrom<'write' | 'append'>('write', 'append')
const how = fc.constantFrom<'half' | 'full'>('half', 'full')
const size = fc.constantFrom(10, 10, 100, 4096, 65_537, 250_000, 700_000)
const waits = fc.constantFrom(true, true, false)
const kind = <K extends Step['kind']>(name: K) => fc.constant(name)

const open = fc.record({ kind: kind('open'), client, image, mode })
const piece = fc.record({ kind: kind('piece'), client, size })
const close = fc.record({ kind: kind('close'), client, how })
const read = fc.record({ kind: kind('read'), side, image, waits })
const begin = fc.record({ kind: kind('begin'), client, side, image, waits })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: open },
  { weight: 2, arbitrary: piece },
  { weight: 3, arbitrary: close },
  { weight: 4, arbitrary: read },
  { weight: 1, arbitrary: begin },
  { weight: 1, arbitrary: fc.record({ kind: kind('go on'), client }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('leave'), client }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'push' }) },
)

/** These steps in this order; a failure shrinks to some of them. */
const script = (...steps: readonly fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc
    .tuple(...steps.map((each) => fc.option(each, { freq: 15 })))
    .map((each) => each.filter((one) => one !== null))

/** A whole image by another client: single steps seldom complete an image twice. */
const whole = (of = image, client = CLIENTS): fc.Arbitrary<Step[]> =>
  fc
    .record({ image: of, mode, how, sizes: fc.array(size, { maxLength: 2 }) })
    .map(({ image, mode, how, sizes }): Step[] => [
      { kind: 'open', client, image, mode },
      ...sizes.map((size): Step => ({ kind: 'piece', client, size })),
      { kind: 'close', client, how },
    ])

/** Some steps one after the other, `maxLength` single steps or whole images. */
const run = (maxLength: number): fc.Arbitrary<Step[]> =>
  fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: step.map((each) => [each]) },
        { weight: 2, arbitrary: whole() },
      ),
      { minLength: 1, maxLength, size: 'max' },
    )
    .map((steps) => steps.flat())

/** Two clients that have one image open at once, with reads between their closes. */
const duel: fc.Arbitrary<Step[]> = fc
  .record({ image, opens: fc.array(mode, { minLength: 2, maxLength: 2 }), size, how, waits })
  .chain(({ image, opens, size, how, waits }) => {
    const either = fc.nat(1)
    const readHere = fc.record({
      kind: kind('read'),
      side,
      image: fc.constant(image),
      waits: fc.constant(waits),
    })
    const opened = opens.flatMap((mode, client): Step[] => [
      { kind: 'open', client, image, mode },
      { kind: 'piece', client, size: client === 0 ? size : 10 },
    ])
    const closeOf = (client: fc.Arbitrary<number>) =>
      fc.record({ kind: kind('close'), client, how: fc.constant(how) })
    return fc
      .record({
        place: fc.constantFrom('nowhere', 'the closes', 'all'),
        opened: script(...opened.map((each) => fc.constant(each))),
        closed: script(
          ...[
            closeOf(either),
            readHere,
            closeOf(fc.constant(0)),
            closeOf(fc.constant(1)),
            readHere,
          ],
        ),
      })
      .map(({ place, opened, closed }): Step[] => {
        if (place === 'nowhere') return [...opened, ...closed]
        const stopped = place === 'all' ? [...opened, ...closed] : closed
        const stop: Step = { kind: 'stop', side: 'proxy', steps: stopped }
        return place === 'all' ? [stop] : [...opened, stop]
      })
  })

/** A read in flight while its image is written again. */
const flight: fc.Arbitrary<Step[]> = fc
  .tuple(whole(fc.constant(0)), begin, whole(fc.constant(0)), read)
  .map(([before, begin, during, read]): Step[] => [
    ...before,
    { ...begin, image: 0 },
    ...during,
    { ...read, image: 0 },
    { kind: 'go on', client: begin.client },
  ])

/** A read at the cache of an image that is on its way. */
const arrival: fc.Arbitrary<Step[]> = fc
  .record({ image: fc.integer({ min: IMAGES, max: IMAGES + 3 }), isFirst: fc.boolean() })
  .chain(({ image, isFirst }) =>
    whole(fc.constant(image)).map((written): Step[] => {
      const read: Step = { kind: 'read', side: 'cache', image, waits: false }
      return isFirst ? [read, ...written] : [...written, read]
    }),
  )

/** Images that are complete when the proxy goes on, so that all of them wait for the link. */
const burst: fc.Arbitrary<Step[]> = fc
  .array(whole(fc.constantFrom(0, 0, 1)), { minLength: 3, maxLength: 5, size: 'max' })
  .map((steps): Step[] => [{ kind: 'stop', side: 'proxy', steps: steps.flat() }])

const stop: fc.Arbitrary<Step> = fc.record({ kind: kind('stop'), side, steps: run(8) })
const stall: fc.Arbitrary<Step> = fc.record({ kind: kind('stall'), steps: run(5) })

/** Sequences of steps, with a stop in most of them. */
export const sequences: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: run(5) },
      { weight: 5, arbitrary: duel },
      { weight: 3, arbitrary: flight },
      { weight: 2, arbitrary: arrival },
      { weight: 2, arbitrary: burst },
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
    open: fc.array(open, { minLength: 1, maxLength: 3 }),
    connects: fc.boolean(),
    isStopped: fc.boolean(),
    around: run(6),
    at: fc.nat(20),
    after: run(6),
  })
  .map(({ before, open, connects, isStopped, around, at, after }): Step[] => {
    const place = at % (around.length + 1)
    const inside: Step[] = [...around.slice(0, place), { kind: 'finish' }, ...around.slice(place)]
    return [
      ...before,
      ...open,
      ...open.map(({ client }): Step => ({ kind: 'piece', client, size: 100 })),
      ...(connects ? [{ kind: 'connect' } as const] : []),
      ...(isStopped ? [{ kind: 'stop', side: 'proxy', steps: inside } as const] : inside),
      ...after,
    ]
  })
