import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import { buildPrograms } from '../../zdtm-mode/launcher/build-programs.ts'
import { readResults } from '../conformance/compare.ts'
import type { CaseResult } from '../conformance/result.ts'
import type { Host } from '../hosts/host.ts'
import { main, node } from './criu-remote.ts'

/** A test of zdtm mode in one flavor, as a dry run prints it: `zdtm/static/env ns`. */
export type TestLine = string

/** A run of `criu-remote zdtm run` that has ended. */
export interface ZdtmRun {
  exitCode: number | undefined
  /** Its output and its errors. */
  said: string
  /** Empty if there was no report. */
  cases: readonly CaseResult[]
  /** The ids of the cases that passed. */
  passed: readonly string[]
}

/**
 * Returns the bytes of a program of fixtures/zdtm, such as `static/env`, compiled in a host with a
 * compiler.
 */
export const ownProgram = async (host: Host, name: string): Promise<Buffer> =>
  readFileSync(`${await buildPrograms(host)}/${name}`)

/** Runs `criu-remote zdtm run` as a user does; resolves with any exit code. */
export const zdtm = (...parameters: string[]) =>
  execa(node, [...main, 'zdtm', 'run', ...parameters], { reject: false })

/** Returns the tests that such a run would have. */
export async function planned(...parameters: string[]): Promise<TestLine[]> {
  const { stdout } = await zdtm(...parameters, '--dry-run')
  return stdout.split('\n')
}

/** Runs these tests to their end, whatever fails, and returns the results. */
export async function runTests(
  tests: readonly TestLine[],
  ...parameters: string[]
): Promise<ZdtmRun> {
  const directory = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
  try {
    const list = `${directory}/tests`
    writeFileSync(list, tests.join('\n'))
    const report = `${directory}/report`
    const mode = ['-p', '2', '--keep-going', '--report', report, ...parameters]
    const { exitCode, stdout, stderr } = await zdtm('-F', list, ...mode)
    const cases = await casesIn(report)
    const passed = cases.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id)
    return { exitCode, said: stdout + stderr, cases, passed }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Returns the cases of a report; none if there is no report. */
export async function casesIn(directory: string): Promise<readonly CaseResult[]> {
  const file = `${directory}/results.json`
  return existsSync(file) ? (await readResults(file)).cases : []
}

/** The number of hosts of a run. */
export type Hosts = '1' | '2'

/**
 * Selects each program once, by the place of its name among all: flavors take turns, and so do one
 * host and two. `turn` moves every program to another flavor, if it has one, and to the other
 * number of hosts. `vanish` runs in all its flavors.
 */
export function onceEach(tests: readonly TestLine[], turn: number): Record<Hosts, TestLine[]> {
  const selected: Record<Hosts, TestLine[]> = { '1': [], '2': [] }
  const programs = Map.groupBy(tests, (line) => line.split(' ')[0])
  for (const [at, lines] of [...programs.values()].entries()) {
    const isVanish = lines.some((line) => line.includes('/vanish '))
    const first = Math.floor(at / 2) + turn
    for (let next = 0; next < (isVanish ? lines.length : 1); next++) {
      const hosts = (at + turn + next) % 2 === 0 ? '1' : '2'
      selected[hosts].push(lines[(first + next) % lines.length] as TestLine)
    }
  }
  return selected
}
