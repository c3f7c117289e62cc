import { rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type CriuAction, CriuError } from '../../harness/criu/criu.ts'
import { fileOn, type Host, HostError, run } from '../../harness/hosts/host.ts'
import { namespaceHosts } from '../../harness/hosts/namespaces.ts'
import { referenceDescriptor } from '../../harness/implementation/start.ts'
import { Migration } from '../../harness/migration/migration.ts'
import { decodeDumpStatistics } from '../../proto/index.ts'
import type { Ground } from '../agent/machine-for-tests.ts'
import { INIT, MOUNT, type Mode, type PlannedTest, type ZdtmResult } from '../plan.ts'
import { expectEqualImages } from './checks/equal-images.ts'
import { expectIncrements, expectReadThroughChain } from './checks/increments.ts'
import { expectSameTree, type Tree, treeOf } from './checks/process-tree.ts'
import { Steps } from './checks/vanished.ts'
import { blame } from './find-dead-daemon.ts'
import { Finding } from './finding.ts'
import { notify, runHook } from './hooks.ts'
import { mountBy } from './mount-from-agent.ts'
import { Relay } from './relay.ts'
import { takeImages } from './saved-images.ts'
import { makePlace, type Place } from './test-directory.ts'
import { endProgram, startProgram } from './test-program.ts'

/*
 * One test in one flavor: the program is started, pre-dumped, dumped, restored, and asked whether it is still right. All images go
 * through a proxy and a cache of its own, in network namespaces of its own. What is wrong is a Finding, with the clause where the
 * protocol has one; what is no fault of program, CRIU or implementation is 'inconclusive'. Where the program is in a guest, proxy and cache
 * are beside it.
 */

/** Deadline of one criu, in ms for each second that a test gives itself: 120 s where it says nothing. */
const CRIU_PATIENCE = 4_000

/** What every run shows something of; increments show more. */
const CLAUSES = ['E1', 'E2', 'L3', 'L4', 'L5', 'P1', 'W4', 'W5', 'C3']
const INCREMENT_CLAUSES = ['E3', 'S1', 'S2', 'S3', 'S4']

interface Run {
  test: PlannedTest
  mode: Mode
  place: Place
  ground: Ground
  /** The directory of what was compiled. */
  programs: string
  relay: Relay
  dumps: { written: number; skipped: number }[]
  /** Images and logs, by the names that they are kept under. */
  kept: Map<string, Buffer>
}

/** Where the program and CRIU are, and where the proxy or cache of that side is: the same, or in a host beside the guest. */
interface Side {
  host: Host
  daemons: Host
}

/** Runs it in a place below `base`; never throws. */
export async function runTest(
  test: PlannedTest,
  mode: Mode,
  { base, ...given }: { base: string } & Pick<Run, 'ground' | 'programs'>,
): Promise<ZdtmResult & { kept: Run['kept'] }> {
  const begin = performance.now()
  const relay = new Relay()
  const dumps: Run['dumps'] = []
  const kept: Run['kept'] = new Map()
  const judgement = await judge({ test, mode, ...given, relay, dumps, kept }, base)
  relay.stop()
  return {
    name: test.name,
    flavor: test.flavor,
    clauses: mode.nocr ? [] : mode.pre > 0 ? [...CLAUSES, ...INCREMENT_CLAUSES] : CLAUSES,
    trace: relay.events,
    dumps,
    kept,
    duration: Math.round(performance.now() - begin),
    ...judgement,
  }
}

type Judgement = Pick<ZdtmResult, 'outcome' | 'what' | 'permitted' | 'clause' | 'actual' | 'tail'>

async function judge(run: Omit<Run, 'place'>, base: string): Promise<Judgement> {
  try {
    const place = await makePlace(run.ground.machine.host, base, run.test)
    try {
      const sides = await makeSides(run, place)
      try {
        await runOn(sides, { ...run, place })
        return { outcome: 'pass' }
      } finally {
        await Promise.all(sides.flatMap(({ host, daemons }) => [host.stop(), daemons.stop()]))
      }
    } finally {
      await place.remove()
      await rm(base, { recursive: true, force: true })
    }
  } catch (thrown) {
    return describe(thrown)
  }
}

async function makeSides(
  { ground, mode, programs }: Omit<Run, 'place'>,
  place: Place,
): Promise<Side[]> {
  const options = { count: mode.hosts, directory: place.hosts, init: `${programs}/${INIT}` }
  if (ground.machine.isHere) {
    const hosts = await namespaceHosts({ machine: ground.machine, ...options })
    return hosts.map((host) => ({ host, daemons: host }))
  }
  // Whatever goes from host to host goes between the hosts of proxy and cache.
  const making = [
    namespaceHosts({ machine: ground.machine, joined: false, ...options }),
    namespaceHosts({ machine: ground.here, ...options }),
  ]
  try {
    const [hosts, beside] = (await Promise.all(making)) as [Host[], Host[]]
    return hosts.map((host, at) => ({ host, daemons: beside[at] as Host }))
  } catch (thrown) {
    const made = await Promise.allSettled(making)
    await Promise.all(
      made.flatMap((each) =>
        each.status === 'fulfilled' ? each.value.map((host) => host.stop()) : [],
      ),
    )
    throw thrown
  }
}

/** Whose fault it is that a test did not pass. */
export function describe(thrown: unknown): Judgement {
  if (thrown instanceof Finding) {
    const { what, permitted, actual, clause, tail } = thrown
    return {
      outcome: 'fail',
      what,
      permitted,
      actual,
      ...(clause !== undefined && { clause }),
      ...(tail !== undefined && { tail }),
    }
  }
  if (thrown instanceof CriuError)
    return {
      outcome: 'fail',
      what: 'criu',
      permitted: 'exit 0',
      actual: thrown.message,
      tail: thrown.tail,
    }
  return {
    outcome: 'inconclusive',
    what: 'the harness',
    permitted: 'no trouble',
    actual: (thrown as Error).message,
  }
}

async function runOn(sides: readonly Side[], run: Run): Promise<void> {
  const { test, mode, place } = run
  let [source, destination] = [sides[0] as Side, sides.at(-1) as Side]
  try {
    let pid = await startProgram(source.host, test, place, run.ground.dumpsOtherUsers)
    const failed = await failureOf(test, async () => {
      for (let iteration = 0; iteration < (mode.nocr ? 0 : mode.iters); iteration++) {
        pid = await migrate(source, destination, pid, run, iteration)
        if (!mode.norst) [source, destination] = [destination, source]
      }
    })
    // A restore that failed left nobody to ask.
    if (failed !== 'restore') await endProgram(source.host, pid, test, place)
  } finally {
    await runHook(source.host, place, '--clean')
  }
}

/** Where criu failed, as tests with the flag `crfail` want it; undefined if it should not and did not. */
async function failureOf(
  { desc }: PlannedTest,
  work: () => Promise<void>,
): Promise<CriuAction | undefined> {
  if (!desc.flags.includes('crfail')) return void (await work())
  try {
    await work()
  } catch (thrown) {
    if (thrown instanceof CriuError && thrown.code < 128) return thrown.action
    throw thrown
  }
  throw new Finding('criu with a test that it must refuse (crfail)', 'a failure', 'success')
}

/** One migration of the program, pre-dumps and all; its pid at the destination, or with --norst at the source. */
async function migrate(
  from: Side,
  to: Side,
  pid: number,
  run: Run,
  iteration: number,
): Promise<number> {
  const { test, mode, place, relay } = run
  const source = from.host
  const root = test.flavor === 'h' ? [] : ['--root', place.root]
  const migration = await Migration.start({
    source,
    destination: to.host,
    daemonHosts: { source: from.daemons, destination: to.daemons },
    descriptor: mode.descriptor ?? referenceDescriptor(from.daemons),
    criu: mode.criu,
    criuOptions: [...root, ...test.desc.opts],
    dumpOptions: test.desc.dopts,
    restoreOptions: test.desc.ropts,
    criuTimeout: test.desc.timeout * CRIU_PATIENCE,
    ...(mode.fault !== undefined && { criuEnvironment: { CRIU_FAULT: String(mode.fault) } }),
    mount: mountBy(`${run.programs}/${MOUNT}`, run.ground.ports),
    async interpose({ role, socket }) {
      const path = `${place.hosts}/relay-${iteration}-${role}`
      await relay.relay(role, path, socket)
      return path
    },
  })
  const first = relay.opens.length
  try {
    const hookEnvironment = { ZDTM_TEST_PID: String(pid) }
    const steps = new Steps(place, test)
    for (let step = 1; step <= mode.pre; step++) {
      if (mode.snaps) await migration.snapshot(pid)
      else await migration.preDump(pid)
      await statistics(migration, run)
      if (!mode.snaps) await runHook(source, place, '--post-pre-dump', hookEnvironment)
      if (!mode.snaps && test.desc.flags.includes('pre-dump-notify')) await notify(source, pid)
      await steps.take(source, step)
      await pause(mode.pause)
    }
    const before = await treeOf(source, pid)
    await runHook(source, place, '--pre-dump', hookEnvironment)
    await migration.dump(pid, leaving(mode))
    await statistics(migration, run)
    const seen = () => relay.opens.slice(first)
    await expectEqualImages(
      seen(),
      migration.source.daemon.socket,
      migration.destination.daemon.socket,
    )
    await steps.expectNoneAtProxy(relay, migration.snapshots, seen())
    if (mode.pre > 0) await expectIncrements(migration, seen(), run.dumps.slice(-mode.pre - 1))
    await finish('the end of the proxy', 'E1', migration.finishDump())
    const restored = mode.norst ? pid : await restore(migration, before, run)
    if (mode.pre > 0 && !mode.norst) expectReadThroughChain(migration.snapshots, seen())
    await steps.expectNoneAtCache(relay, migration.snapshots, seen())
    if (mode.keepImages !== 'never') await takeImages(migration, seen(), run.kept)
    await finish('the end of the cache', 'E2', migration.finishRestore())
    return restored
  } catch (thrown) {
    if (mode.keepImages !== 'never' && run.kept.size === 0)
      await takeImages(migration, relay.opens.slice(first), run.kept)
    throw await blame(migration, thrown)
  } finally {
    await migration.stop()
  }
}

async function restore(
  migration: Migration,
  before: Tree,
  { test, mode, place }: Run,
): Promise<number> {
  const { host, mount } = migration.destination
  if (mode.stop) await kill(migration.source.host, before, 'KILL')
  await runHook(host, place, '--pre-restore')
  const pid = await migration.restore()
  await runHook(host, place, '--post-restore', {
    ZDTM_TEST_PID: String(pid),
    ZDTM_IMG_DIR: mount.directory,
  })
  if (test.name.includes('/static/')) expectSameTree(before, await treeOf(host, pid))
  if (mode.stop) await kill(host, before, 'CONT')
  return pid
}

/** With --stop the tree is left stopped, and whoever left it so has to see to it. */
async function kill(host: Host, tree: Tree, signal: 'KILL' | 'CONT'): Promise<void> {
  await run(host, ['kill', `-${signal}`, ...[...tree.keys()].map(String)])
}

function leaving({ norst, stop }: Mode): { gate?: boolean; leave?: 'running' | 'stopped' } {
  if (norst) return { leave: 'running' }
  return stop ? { leave: 'stopped' } : {}
}

async function statistics({ source }: Migration, { dumps }: Run): Promise<void> {
  const statistics = await fileOn(source.host, `${source.work}/stats-dump`)
  if (statistics === undefined)
    throw new HostError(
      `reading the statistics of criu on ${source.host.name}: expected stats-dump, got none`,
    )
  dumps.push(decodeDumpStatistics(statistics))
}

/** A daemon that does not end cleanly is the implementation's fault. */
async function finish(what: string, clause: string, end: Promise<void>): Promise<void> {
  await end.catch((thrown: Error) => {
    throw new Finding(what, 'exit 0 by itself', thrown.message, clause)
  })
}
