import { basename } from 'node:path'
import { execa } from 'execa'
import { type Completed, fileOn, type Host, run } from '../../harness/hosts/host.ts'
import { RAISE_PIDS } from '../../harness/migration/target-process.ts'
import type { Flavor, PlannedTest } from '../plan.ts'
import { Finding } from './finding.ts'
import { runHook } from './hooks.ts'
import type { Place } from './test-directory.ts'

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
export async function startProgram(
  host: Host,
  test: PlannedTest,
  place: Place,
  dumpsOtherUsers: boolean,
): Promise<number> {
  const { flavor, desc, parameters } = test
  const command =
    parameters === undefined
      ? await ownCommand(test.program, place)
      : [`./${basename(place.program)}`, ...parameters]
  const [{ code, stderr }] = await Promise.all([
    run(host, ['sh', '-c', `${RAISE_PIDS}exec "$@"`, 'sh', ...command], {
      environment: {
        ...ENVIRONMENT[flavor],
        ZDTM_ROOT: place.root,
        ...(parameters !== undefined && criuEnvironment(test, dumpsOtherUsers)),
      },
      workingDirectory: place.directory,
      timeout: desc.timeout * 1000,
    }),
    // Beside the start, since some programs wait for what their hook does.
    runHook(host, place, '--post-start'),
  ])
  if (code !== 0)
    throw new Finding(
      'the start of the program',
      'exit 0',
      `exit ${code}: ${stderr.trim() || (await saidBy(host, place))}`,
    )
  return Number(await fileOn(host, place.pidFile))
}

async function ownCommand(
  original: string,
  { program, pidFile, outFile, directory }: Place,
): Promise<string[]> {
  const { stdout } = await execa(original, ['--arguments'])
  const own = stdout.split('\n').filter(Boolean)
  return [
    program,
    `--pidfile=${pidFile}`,
    `--outfile=${outFile}`,
    ...own.map((name) => `--${name}=${directory}/test.${name}`),
  ]
}

function criuEnvironment(
  { flavor, desc: { flags } }: PlannedTest,
  dumpsOtherUsers: boolean,
): Record<string, string> {
  return {
    ZDTM_THREAD_BOMB: '5',
    ...(!flags.includes('suid') && dumpsOtherUsers && OTHER_USER),
    ...(flavor !== 'h' && { PATH }),
    ...(flags.includes('pre-dump-notify') && { ZDTM_NOTIFY_FDIN: '100', ZDTM_NOTIFY_FDOUT: '101' }),
  }
}

/** Exit code where there is a verdict before the end. */
const TOO_EARLY = 9
/** How often the end is looked for, in seconds: a shell has no event for it. */
const INTERVAL = 0.02

/** Ends the process $1 and waits until it has given its verdict $2, or is gone without. */
const END = `[ ! -e "$2" ] || exit ${TOO_EARLY}
kill -TERM "$1"
until [ -e "$2" ] || ! kill -0 "$1" 2>/dev/null; do sleep ${INTERVAL}; done`

/** Asks the program for its verdict. Throws a Finding for whatever is not PASS. */
export async function endProgram(
  host: Host,
  pid: number,
  { desc }: PlannedTest,
  place: Place,
): Promise<void> {
  const timeout = desc.timeout * 1000
  const end: Completed | undefined = await run(
    host,
    ['sh', '-c', END, 'sh', String(pid), place.outFile],
    { timeout },
  ).catch(() => undefined)
  if (end === undefined)
    throw new Finding(
      'the program after SIGTERM',
      `its end within ${desc.timeout} s`,
      `nothing: ${await saidBy(host, place)}`,
    )
  if (end.code === TOO_EARLY)
    throw new Finding('the program before its end', 'no verdict yet', await saidBy(host, place))
  const last = (await fileOn(host, place.outFile))?.toString().trimEnd().split('\n').at(-1)
  if (last?.includes('PASS') !== true)
    throw new Finding(
      'the verdict of the program',
      'PASS',
      last ?? `none: ${await saidBy(host, place)}`,
    )
}

/** The last words of the program. */
async function saidBy(host: Host, { outFile }: Place): Promise<string> {
  const files = await Promise.all(
    [outFile, `${outFile}.inprogress`, `${outFile}ns`].map((file) => fileOn(host, file)),
  )
  const said = files
    .map((file) => file?.toString().trim())
    .filter((text) => text !== undefined && text !== '')
  return said.map((text) => text?.split('\n').at(-1)).join(' | ') || 'it said nothing'
}
