import { readFileSync } from 'node:fs'
import t from 'tap'
import { allCases } from '../../../scenarios/index.ts'
import { clauses } from '../../conformance/register.ts'
import { isSound } from '../../conformance/result.ts'
import { checkout } from '../../hosts/checkout.ts'
import { leaveToAll, tier } from '../../testing/tier.ts'
import { changedSource, type SourceMutant, unbuildable, withProgram } from '../built-program.ts'
import { found } from '../run-cases.ts'
import { clientFaults } from './faults/index.ts'
import { readKills } from './kills.ts'
import { oddities } from './oddities.ts'
import { runClient, smallClient, variants } from './small-client.ts'

/*
 * The small client is conformant in each dialect and with both ways to find the sockets; its faults
 * are found, and its oddities pass.
 */

const LIMIT = 600_000
/** Deadline of a case, in ms: at a fault many cases wait for all of it. */
const FAULT_TIMEOUT = 4_000
const SOUND_TIMEOUT = 20_000
/** Runs of a fault until its finders have all found it: a busy machine can miss one. */
const TRIES = 3

/** Faults at once: the processors are idle while cases wait for their deadline. */
t.jobs = 4

const skip = unbuildable(smallClient)
const kills = readKills()
const cases = allCases.filter(({ value }) => value.role === 'client')
const byId = new Map(cases.map((each) => [each.value.id, each]))

t.test('the kills of the small client are current and complete', async (t) => {
  t.same(
    Object.keys(kills),
    clientFaults.map(({ id }) => id),
    'kills.json has every fault',
  )
  const finders = new Set(Object.values(kills).flat())
  t.same(
    clientFaults.filter(({ id }) => kills[id]?.length === 0).map(({ id }) => id),
    [],
    'every fault is found',
  )
  t.same(
    [...byId.keys()].filter((id) => !finders.has(id)),
    [],
    'every case finds a fault',
  )
  const broken = new Set(clientFaults.flatMap((fault) => fault.clauses))
  t.same(
    clauses.filter(({ id }) => id.startsWith('K') && !broken.has(id)).map(({ id }) => id),
    [],
    'every clause of a client has a fault',
  )
})

t.test('each mutant finds the text that it changes, once', async (t) => {
  for (const mutant of [...clientFaults, ...oddities])
    for (const { file } of mutant.changes) {
      const text = readFileSync(`${checkout}/fixtures/client/${file}`, 'utf8')
      t.not(changedSource([mutant], file, text), text, `${mutant.id} in ${file}`)
    }
})

/** The usual tier has each dialect and each way to find the sockets once. */
const usual = variants.filter(({ dialect, sockets }) =>
  dialect === 'criu-2017' ? sockets === 'by-name' : sockets === 'by-option',
)

for (const variant of tier === 'all' ? variants : usual) {
  const title = `the small client is conformant: ${variant.dialect}, sockets ${variant.sockets}`
  t.test(title, { skip, timeout: LIMIT, buffered: true }, async (t) => {
    t.same(await failing([], variant), [])
  })
}

t.test('no case fails on all oddities at once', { skip, timeout: LIMIT }, async (t) => {
  t.same(await failing(oddities), [])
})

if (tier === 'all') {
  for (const oddity of oddities) {
    const title = `no case fails on ${oddity.id} alone: ${oddity.about}`
    t.test(title, { skip, timeout: LIMIT }, async (t) => t.same(await failing([oddity]), []))
  }
} else {
  leaveToAll(t, oddities.length + variants.length - usual.length, 'oddities and variants alone')
}

for (const fault of clientFaults) {
  const finders = findersOf(fault.id)
  const title = `${fault.id} is found by ${finders.join(', ')}`
  t.test(title, { skip, timeout: LIMIT, buffered: true }, async (t) => {
    let blind = finders.flatMap((id) => byId.get(id) ?? [])
    await withProgram(smallClient, [fault], async (program) => {
      for (let run = 1; run <= TRIES && blind.length > 0; run++) {
        const results = await runClient(program, blind, { timeout: FAULT_TIMEOUT, jobs: 3 })
        const seen = new Set(results.filter(found).map(({ id }) => id))
        blind = blind.filter(({ value }) => !seen.has(value.id))
      }
    })
    t.same(
      blind.map(({ value }) => value.id),
      [],
    )
  })
}

if (tier !== 'all') leaveToAll(t, countAll() - countUsual(), 'further cases that find a fault')

/**
 * Returns the cases that have to find a fault: all in the full tier; else the one that finds the
 * fewest faults, so that the faults are tried on many different cases.
 */
function findersOf(fault: string): string[] {
  const all = kills[fault] ?? []
  if (tier === 'all') return all
  const rarest = all.toSorted((one, other) => foundBy(one) - foundBy(other))
  return rarest.slice(0, 1)
}

function foundBy(id: string): number {
  return Object.values(kills).filter((finders) => finders.includes(id)).length
}

function countAll(): number {
  return Object.values(kills).flat().length
}

function countUsual(): number {
  return Object.keys(kills).flatMap(findersOf).length
}

/** Returns the failures of all cases that come again when their cases run alone. */
async function failing(mutants: readonly SourceMutant[], variant = variants[0]): Promise<string[]> {
  return withProgram(smallClient, mutants, async (program) => {
    const options = { timeout: SOUND_TIMEOUT, jobs: 3 }
    const first = await runClient(program, cases, options, variant)
    const suspects = first.filter((each) => !isSound(each)).flatMap(({ id }) => byId.get(id) ?? [])
    const again = await runClient(program, suspects, { ...options, jobs: 1 }, variant)
    return again.filter((each) => !isSound(each)).map(({ id, actual }) => `${id}: ${actual}`)
  })
}
