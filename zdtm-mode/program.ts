import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { execa } from 'execa'
import { type Host, run } from '../harness/hosts/host.ts'
import { askAgain } from '../harness/implementation/listening.ts'
import { RAISE_PIDS } from '../harness/migration/subject.ts'
import { Finding } from './finding.ts'
import { runHook } from './hooks.ts'
import type { Place } from './place.ts'
import type { Flavor, PlannedTest } from './plan.ts'

/* A test program from its start to its verdict, by the contract of zdtm's programs. */

const ENVIRONMENT: Record<Flavor, Record<string, string>> = {
  h: {},
  ns: { ZDTM_NEWNS: '1' },
  uns: { ZDTM_NEWNS: '1', ZDTM_USERNS: '1' },
}

/** What CRIU's tests take on, unless they are `suid`: nobody else's ids. */
const OTHER_USER = { ZDTM_UID: '18943', ZDTM_GID: '58467', ZDTM_GROUPS: '27495 48244' }
/** Where tests in a root of their own look for programs. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Starts the program; its pid on the host. Throws a Finding if it does not get ready. */
export async function startProgram(host: Host, test: PlannedTest, place: Place): Promise<number> {
  const { flavor, desc, parameters } = test
  const command = parameters === undefined ? await ownCommand(place) : [`./${basename(place.program)}`, ...parameters]
  const [{ code, stderr }] = await Promise.all([
    run(host, ['sh', '-c', `${RAISE_PIDS}exec "$@"`, 'sh', ...command], {
      environment: { ...ENVIRONMENT[flavor], ZDTM_ROOT: place.root, ...(parameters !== undefined && criuEnvironment(test)) },
      workingDirectory: place.directory,
      timeout: desc.timeout * 1000,
    }),
    // Beside the start, since some programs wait for what their hook does.
    runHook(host, place, '--post-start'),
  ])
  if (code !== 0) throw new Finding('the start of the program', 'exit 0', `exit ${code}: ${stderr.trim() || saidBy(place)}`)
  return Number(await readFile(place.pidFile, 'utf8'))
}

async function ownCommand({ program, pidFile, outFile, directory }: Place): Promise<string[]> {
  const { stdout } = await execa(program, ['--arguments'])
  const own = stdout.split('\n').filter(Boolean)
  return [program, `--pidfile=${pidFile}`, `--outfile=${outFile}`, ...own.map((name) => `--${name}=${directory}/test.${name}`)]
}

function criuEnvironment({ flavor, desc: { flags } }: PlannedTest): Record<string, string> {
  return {
    ZDTM_THREAD_BOMB: '5',
    ...(!flags.includes('suid') && dumpsOtherUsers() && OTHER_USER),
    ...(flavor !== 'h' && { PATH }),
    ...(flags.includes('pre-dump-notify') && { ZDTM_NOTIFY_FDIN: '100', ZDTM_NOTIFY_FDOUT: '101' }),
  }
}

const CAP_SYS_RESOURCE = 24n

/** Whether CRIU may ask for the limits of another user's process; without, the programs run as root. */
export function dumpsOtherUsers(): boolean {
  const capabilities = /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${capabilities}`) >> CAP_SYS_RESOURCE) & 1n) === 1n
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
