import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { execa } from 'execa'
import { type Host, run } from '../harness/hosts/host.ts'
import { askAgain } from '../harness/implementation/listening.ts'
import { RAISE_PIDS } from '../harness/migration/subject.ts'
import { Finding } from './finding.ts'
import type { Place } from './place.ts'
import type { Flavor, PlannedTest } from './plan.ts'

/* A test program from its start to its verdict, by the contract of zdtm's programs. */

const ENVIRONMENT: Record<Flavor, Record<string, string>> = {
  h: {},
  ns: { ZDTM_NEWNS: '1' },
  uns: { ZDTM_NEWNS: '1', ZDTM_USERNS: '1' },
}

/** Starts the program; its pid on the host. Throws a Finding if it does not get ready. */
export async function startProgram(host: Host, { flavor, desc }: PlannedTest, place: Place): Promise<number> {
  const { stdout } = await execa(place.program, ['--arguments'])
  const own = stdout.split('\n').filter(Boolean)
  const parameters = [
    `--pidfile=${place.pidFile}`,
    `--outfile=${place.outFile}`,
    ...own.map((name) => `--${name}=${place.directory}/test.${name}`),
  ]
  const { code, stderr } = await run(host, ['sh', '-c', `${RAISE_PIDS}exec "$@"`, 'sh', place.program, ...parameters], {
    environment: { ...ENVIRONMENT[flavor], ZDTM_ROOT: place.root },
    workingDirectory: place.directory,
    timeout: desc.timeout * 1000,
  })
  if (code !== 0) throw new Finding('the start of the program', 'exit 0', `exit ${code}: ${stderr.trim() || saidBy(place)}`)
  return Number(await readFile(place.pidFile, 'utf8'))
}

/** Asks the program for its verdict. Throws a Finding for whatever is not PASS. */
export async function endProgram(host: Host, pid: number, { desc }: PlannedTest, place: Place): Promise<void> {
  if (existsSync(place.outFile)) throw new Finding('the program before its end', 'no verdict yet', saidBy(place))
  await run(host, ['kill', '-TERM', String(pid)])
  const ended = await askAgain(async () => existsSync(place.outFile) || !(await isThere(host, pid)) || undefined, desc.timeout * 1000)
  if (ended === undefined) throw new Finding('the program after SIGTERM', `its end within ${desc.timeout} s`, `nothing: ${saidBy(place)}`)
  const last = existsSync(place.outFile) ? readFileSync(place.outFile, 'utf8').trimEnd().split('\n').at(-1) : undefined
  if (last?.includes('PASS') !== true) throw new Finding('the verdict of the program', 'PASS', last ?? `none: ${saidBy(place)}`)
}

const isThere = async (host: Host, pid: number) => (await run(host, ['kill', '-0', String(pid)])).code === 0

/** The last words of the program. */
function saidBy({ outFile }: Place): string {
  const files = [outFile, `${outFile}.inprogress`, `${outFile}ns`].filter((file) => existsSync(file))
  const said = files.map((file) => readFileSync(file, 'utf8').trim()).filter(Boolean)
  return said.map((text) => text.split('\n').at(-1)).join(' | ') || 'it said nothing'
}
