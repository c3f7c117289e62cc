import { type Case, type PairUnderTest, Violation } from '../../harness/conformance/index.ts'
import { finishDump, finishRestore } from '../model/pair.ts'
import { forAll, some } from '../model/property.ts'
import { Session, type SharedList } from '../model/session.ts'
import { type Step, sequences } from '../model/steps.ts'

/* Cases for the pair: random steps of several clients, compared with a model of the store. */

export const cases: readonly Case[] = [
  {
    id: 'model-random-steps',
    clauses: ['L5', 'L6', 'L7', 'S1', 'S2', 'W5', 'C1', 'C2', 'P1'],
    role: 'pair',
    needs: ['append'],
    about:
      'Random sequences of opens, pieces, closes, appends, reads, pushes and leaving clients run ' +
      'at both sides. Every answer is that of a simple model of the store.',
    async run(pair) {
      const list: SharedList = { bytes: Buffer.alloc(0) }
      let runs = 0
      let last = new Session(pair, 'none')
      await forAll({
        inputs: sequences,
        runs: 20,
        seed: pair.seed,
        alive: () => alive(pair),
        script: () => last.script,
        async check(steps) {
          const session = new Session(pair, `model-${runs++}-`, list)
          try {
            await session.run(steps)
            session.leave()
          } catch (thrown) {
            last = session
            throw thrown
          }
        },
      })
    },
  },
  {
    id: 'model-four-sessions-at-once',
    clauses: ['L2', 'L7', 'S1', 'W4', 'W5', 'C2'],
    role: 'pair',
    needs: ['append'],
    about:
      'Four random sequences run at the same time on one pair, each under ids of its own. Every ' +
      'answer is that of the model of its own sequence.',
    async run(pair) {
      await Promise.all(
        some(sequences, 4, pair.seed).map((steps, at) =>
          alone(new Session(pair, `model-${at}-`), steps, pair.seed),
        ),
      )
    },
  },
  ...[1, 2, 3].map(finished),
]

/** Returns a case that finishes a dump after random steps, with clients that still wait. */
function finished(nth: number): Case {
  return {
    id: `model-finish-after-random-steps-${nth}`,
    clauses: ['E1', 'E2', 'C1', 'C3', 'W6'],
    role: 'pair',
    needs: ['append'],
    about:
      'After a random sequence of steps the dump is finished. Clients that still wait at the ' +
      'cache get ENOENT, all images are served there, and both daemons exit with 0.',
    async run(pair) {
      const [steps] = some(sequences, 1, pair.seed) as [Step[]]
      const session = new Session(pair, 'model-', { bytes: Buffer.alloc(0) })
      await alone(session, steps, pair.seed)
      await finishDump(pair)
      await explainedBy(session, pair.seed, session.runAfterTheEnd())
      await finishRestore(pair)
    },
  }
}

const alone = (session: Session, steps: readonly Step[], seed: number) =>
  explainedBy(session, seed, session.run(steps))

async function explainedBy(session: Session, seed: number, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (thrown) {
    throw thrown instanceof Violation
      ? session.explain(thrown, `fast-check seed ${seed | 0}, first sample`)
      : thrown
  }
}

async function alive({ proxy, cache }: PairUnderTest): Promise<boolean> {
  const connects = [proxy, cache].map((side) => side.connect().then((client) => client.reset()))
  return Promise.all(connects).then(
    () => true,
    () => false,
  )
}
