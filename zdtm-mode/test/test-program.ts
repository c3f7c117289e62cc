import { basename } from 'node:path'
import { execa } from 'execa'
import { type Completed, fileOn, type Host, run } from '../../harness/hosts/host.ts'
import { RAISE_PIDS } from '../../harness/migration/target-process.ts'
import type { Flavor, PlannedTest } from '../plan.ts'
import { violation } from './checks/expect.ts'
import { runHook } from './hooks.ts'
import type { TestDirectory } from './test-directory.ts'

/* Starts a test program and asks for its verdict, by the contract of zdtm's programs. */

const ENVIRONMENT: Record<Flavor, Record<string, string>> = {
  h: {},
  ns: { ZDTM_NEWNS: '1' },
  uns: { ZDTM_NEWNS: '1', ZDTM_USERNS: '1' },
}

/** The user that CRIU's tests become unless they are `suid`: ids of no other user. */
const OTHER_USER = { ZDTM_UID: '18943', ZDTM_GID: '58467', ZDTM_GROUPS: '27495 48244' }
/** The path in which tests with a root of their own look for programs. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const FAULT = { side: 'program' } as const

/**
 * Starts the program and returns its pid on the host. Throws a Violation if it does not get ready.
 */
export async function startProgram(
  host: Host,
  test: PlannedTest,
  directory: TestDirectory,
  dumpsOtherUsers: boolean,
): Promise<number> {
  const command = [
    'sh',
    '-c',
    `${RAISE_PIDS}exec "$@"`,
    'sh',
    ...(await commandOf(test, directory)),
  ]
  const [{ code, stderr }] = await Promise.all([
    run(host, command, {
      environment: environmentOf(test, directory, dumpsOtherUsers),
      workingDirectory: directory.directory,
      timeout: test.desc.timeout * 1000,
    }),
    // At the same time as the start, since some programs wait for their hook.
    runHook(host, directory, '--post-start'),
  ])
  if (code === 0) return Number(await fileOn(host, directory.pidFile))
  const actual = `exit ${code}: ${stderr.trim() || (await lastWords(host, directory))}`
  throw violation('the start of the program', 'exit 0', actual, FAULT)
}

/**
 * Returns the command line: CRIU's tests get theirs from a Makefile, ours print the names of
 * options.
 */
async function commandOf(
  { program: original, parameters }: PlannedTest,
  { program, pidFile, outFile, directory }: TestDirectory,
): Promise<string[]> {
  if (parameters !== undefined) return [`./${basename(program)}`, ...parameters]
  const { stdout } = await execa(original, ['--arguments'])
  const names = stdout.split('\n').filter(Boolean)
  const own = names.map((name) => `--${name}=${directory}/test.${name}`)
  return [program, `--pidfile=${pidFile}`, `--outfile=${outFile}`, ...own]
}

function environmentOf(
  test: PlannedTest,
  { root }: TestDirectory,
  dumpsOtherUsers: boolean,
): Record<string, string> {
  const ofCriu = test.parameters === undefined ? {} : criuEnvironment(test, dumpsOtherUsers)
  return { ...ENVIRONMENT[test.flavor], ZDTM_ROOT: root, ...ofCriu }
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

/** Exit code of END for a verdict before SIGTERM. */
const TOO_EARLY = 9
/** Pause between two looks for the verdict, in seconds: a shell has no event for it. */
const INTERVAL = 0.02

/** Ends the process $1 and waits until its verdict $2 exists or the process is gone. */
const END = `[ ! -e "$2" ] || exit ${TOO_EARLY}
kill -TERM "$1"
until [ -e "$2" ] || ! kill -0 "$1" 2>/dev/null; do sleep ${INTERVAL}; done`

/** Asks the program for its verdict. Throws a Violation for every verdict but PASS. */
export async function endProgram(
  host: Host,
  pid: number,
  { desc }: PlannedTest,
  directory: TestDirectory,
): Promise<void> {
  const said = () => lastWords(host, directory)
  const command = ['sh', '-c', END, 'sh', String(pid), directory.outFile]
  const timeout = desc.timeout * 1000
  const end: Completed | undefined = await run(host, command, { timeout }).catch(() => undefined)
  if (end === undefined) {
    const permitted = `its end within ${desc.timeout} s`
    throw violation('the program after SIGTERM', permitted, `nothing: ${await said()}`, FAULT)
  }
  if (end.code === TOO_EARLY)
    throw violation('the program before its end', 'no verdict yet', await said(), FAULT)
  const verdict = (await fileOn(host, directory.outFile))?.toString().trimEnd().split('\n').at(-1)
  if (verdict?.includes('PASS')) return
  const actual = verdict ?? `none: ${await said()}`
  throw violation('the verdict of the program', 'PASS', actual, FAULT)
}

/** Returns the last line of each output file of the program. */
async function lastWords(host: Host, { outFile }: TestDirectory): Promise<string> {
  const paths = [outFile, `${outFile}.inprogress`, `${outFile}ns`]
  const files = await Promise.all(paths.map((path) => fileOn(host, path)))
  const texts = files.map((file) => file?.toString().trim() ?? '').filter((text) => text !== '')
  return texts.map((text) => text.split('\n').at(-1)).join(' | ') || 'it said nothing'
}
