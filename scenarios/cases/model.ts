import {
  type CacheUnderTest,
  type Case,
  type PairUnderTest,
  type ProxyUnderTest,
  Violation,
} from '../../harness/conformance/index.ts'
import { CachePlace, PairPlace, type Place, ProxyPlace } from '../model/history/place.ts'
import { Run, type SharedList } from '../model/history/run.ts'
import { explained, forAll, some } from '../model/property.ts'
import { finishes, type Step, sequences } from '../model/steps.ts'

/*
 * Cases with random histories: steps of several clients at a proxy, a cache or both, whose history
 * is checked against a model of the store. scenarios/model/history/history.ts has the rules.
 */

export const cases: readonly Case[] = [
  {
    id: 'model-proxy-histories',
    clauses: ['L5', 'L6', 'L7', 'L10', 'S1', 'S2', 'W3', 'W5', 'P1'],
    role: 'proxy',
    needs: ['append'],
    about:
      'Random histories of clients that write, append and read the same images at once, with ' +
      'stops of the proxy and of the link. An order of the operations explains each answer and ' +
      'each version on the link.',
    run: (proxy) => manyRuns(new ProxyPlace(proxy)),
  },
  {
    id: 'model-cache-histories',
    clauses: ['L7', 'L9', 'S1', 'C1', 'C2', 'W4'],
    role: 'cache',
    needs: ['append'],
    about:
      'Random histories of images on the link, readers and waiting clients, with stops of the ' +
      'cache. Each read gets a version that came, and versions never go back.',
    run: (cache) => manyRuns(new CachePlace(cache)),
  },
  {
    id: 'model-random-steps',
    clauses: ['L5', 'L6', 'L7', 'L10', 'S1', 'S2', 'W5', 'C1', 'C2', 'P1'],
    role: 'pair',
    needs: ['append'],
    about:
      'Random histories of opens, pieces, closes, appends, reads, pushes and leaving clients run ' +
      'at both sides, with stops of either. Every answer is that of a simple model of the store.',
    run: (pair) => manyRuns(new PairPlace(pair)),
  },
  {
    id: 'model-four-sessions-at-once',
    clauses: ['L2', 'L7', 'S1', 'W4', 'W5', 'C2'],
    role: 'pair',
    needs: ['append'],
    about:
      'Four random histories run at the same time on one pair, each under ids of its own. Every ' +
      'answer is that of the model of its own history.',
    async run(pair) {
      const place = new PairPlace(pair)
      await Promise.all(
        some(sequences, 4, pair.seed).map((steps, at) =>
          oneRun(place, withoutStops(steps), `model-${at}-`),
        ),
      )
    },
  },
  ...[1, 2, 3].map((nth) => finished(nth)),
  ...[1, 2].map((nth) => finishedProxy(nth)),
  ...[1, 2].map((nth) => endedCache(nth)),
]

/** Returns the steps with those of stops in their place: only one run can stop a daemon. */
const withoutStops = (steps: readonly Step[]): Step[] =>
  steps.flatMap((step) => ('steps' in step ? step.steps : [step]))

/** Returns a case that finishes a dump in the middle of random steps. */
function finished(nth: number): Case {
  return {
    id: `model-finish-after-random-steps-${nth}`,
    clauses: ['E1', 'E1a', 'E1b', 'E2', 'C1', 'C3', 'W6'],
    role: 'pair',
    needs: ['append'],
    about:
      'The dump is finished in the middle of random steps. Clients that still wait at the cache ' +
      'get ENOENT, all images are served there, and both daemons exit with 0.',
    run: (pair: PairUnderTest) => finishedRun(new PairPlace(pair)),
  }
}

function finishedProxy(nth: number): Case {
  return {
    id: `model-proxy-finish-${nth}`,
    clauses: ['E1', 'E1a', 'E1b', 'L7', 'W5', 'W6'],
    role: 'proxy',
    needs: ['append'],
    about:
      'The dump is finished in the middle of random steps, with writes and readers in flight. ' +
      'Each image whose header came before the finish is forwarded, and no reader is cut.',
    run: (proxy: ProxyUnderTest) => finishedRun(new ProxyPlace(proxy)),
  }
}

function endedCache(nth: number): Case {
  return {
    id: `model-cache-end-${nth}`,
    clauses: ['C1', 'C3', 'E1b', 'E2', 'L7'],
    role: 'cache',
    needs: ['append'],
    about:
      'The link ends in the middle of random steps. Waiting clients get ENOENT, later reads the ' +
      'last versions, and no reader is cut at the end of the restore.',
    run: (cache: CacheUnderTest) => finishedRun(new CachePlace(cache)),
  }
}

/** Runs many histories on the same daemons, and shrinks one that no order explains. */
async function manyRuns(place: Place): Promise<void> {
  const list: SharedList = { bytes: Buffer.alloc(0) }
  const { seed } = place.context
  let runs = 0
  let last: Run | undefined
  await forAll({
    inputs: sequences,
    ...{ runs: 100, budget: 2_500, least: 5, seed },
    alive: () => alive(place),
    script: () => last?.script ?? [],
    async check(steps) {
      const run = new Run(place, { prefix: `model-${runs++}-`, seed: seed + runs, list })
      try {
        await run.take(steps)
      } catch (thrown) {
        last = run
        throw thrown
      }
    },
  })
}

async function finishedRun(place: Place): Promise<void> {
  const [steps] = some(finishes, 1, place.context.seed) as [Step[]]
  await oneRun(place, steps, 'model-', { bytes: Buffer.alloc(0) })
}

async function oneRun(
  place: Place,
  steps: readonly Step[],
  prefix: string,
  list?: SharedList,
): Promise<void> {
  const { seed } = place.context
  const run = new Run(place, { prefix, seed, ...(list && { list }) })
  try {
    await run.take(steps)
  } catch (thrown) {
    if (!(thrown instanceof Violation)) throw thrown
    throw explained(thrown, run.script, `fast-check seed ${seed | 0}, first sample`)
  }
}

async function alive({ sides }: Place): Promise<boolean> {
  const connects = Object.values(sides).map((side) =>
    side.connect().then((client) => client.reset()),
  )
  return Promise.all(connects).then(
    () => true,
    () => false,
  )
}
