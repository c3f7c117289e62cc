import fc from 'fast-check'

/* Steps of clients at both sides of a pair, and random sequences of them. */

type SideName = 'proxy' | 'cache'

export type Step =
  | { kind: 'open'; client: number; image: number; mode: 'write' | 'append' }
  | { kind: 'piece'; client: number; size: number }
  | { kind: 'close'; client: number }
  | { kind: 'read'; side: SideName; image: number }
  | { kind: 'begin'; client: number; side: SideName; image: number }
  | { kind: 'go on'; client: number }
  | { kind: 'leave'; client: number }
  | { kind: 'push' }

const client = fc.nat(2)
const image = fc.nat(3)
const side = fc.constantFrom<SideName>('proxy', 'cache')
const mode = fc.constantFrom<'write' | 'append'>('write', 'append')
const size = fc.constantFrom(1, 10, 10, 4096, 65_537, 250_000)
const kind = <K extends Step['kind']>(name: K) => fc.constant(name)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('open'), client, image, mode }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('piece'), client, size }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('close'), client }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('read'), side, image }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('begin'), client, side, image }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('go on'), client }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('leave'), client }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'push' }) },
)

/** The steps of a whole image by another client: single steps seldom complete an image twice. */
const whole = fc
  .record({ image, mode, sizes: fc.array(size, { maxLength: 3 }) })
  .map(({ image, mode, sizes }): Step[] => [
    { kind: 'open', client: 9, image, mode },
    ...sizes.map((size): Step => ({ kind: 'piece', client: 9, size })),
    { kind: 'close', client: 9 },
  ])

/** Sequences of steps. */
export const sequences: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof({ weight: 3, arbitrary: step.map((each) => [each]) }, { weight: 1, arbitrary: whole }),
    {
      minLength: 1,
      maxLength: 24,
      size: 'max',
    },
  )
  .map((steps) => steps.flat())
