import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { basename, dirname, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { criuVariables } from '../../harness/criu/breakpoints.ts'
import { lastLine } from '../../harness/hosts/host.ts'
import { localHost } from '../../harness/hosts/local.ts'
import { askAgain } from '../../harness/implementation/listening.ts'

/*
 * What `zdtm-mode/criu-bin/criu` asks the keeper before and after the real criu: `begin ACTION DIRECTORY` prints the images directory to use and
 * the variables that criu needs, a line each,
 * `end ACTION DIRECTORY CODE` has it done what belongs behind. The keeper of DIRECTORY's parent is started where there is none.
 */

/** A question to the keeper and its answer, a line of JSON each. */
export type Question = { snapshot: string; work: string } & (
  | { begin: 'dump' | 'pre-dump' | 'restore' }
  | { end: 'dump' | 'pre-dump' | 'restore'; code: number }
)
export type Answer = { images: string } | { done: true } | { error: string }

/** Below the 60 s that zdtm.py gives one criu. */
const START_TIMEOUT = 50_000

async function main(
  step: string,
  action: 'dump' | 'pre-dump' | 'restore',
  directory: string,
  code: string,
): Promise<void> {
  const work = resolve(directory)
  const state = stateOf(dirname(work))
  const about = { snapshot: basename(work), work }
  const question: Question =
    step === 'begin' ? { ...about, begin: action } : { ...about, end: action, code: Number(code) }
  const answer =
    (await ask(state, question)) ??
    (step === 'begin' ? await askAnew(state, question) : { error: 'the keeper has gone' })
  if ('error' in answer) throw new Error(`criu ${action}: ${answer.error}`)
  if (!('images' in answer)) return
  const variables = Object.entries(await criuVariables(localHost())).map(
    ([name, value]) => `${name}=${value}`,
  )
  process.stdout.write([answer.images, ...variables, ''].join('\n'))
}

/** Of one process to dump, which zdtm.py has a directory for. /run is in memory and root's. */
const stateOf = (series: string) =>
  `/run/criu-remote-zdtm-${createHash('sha256').update(series).digest('hex').slice(0, 12)}`

async function askAnew(state: string, question: Question): Promise<Answer> {
  // Left by one that was killed with the test's namespaces.
  rmSync(state, { recursive: true, force: true })
  mkdirSync(state, { mode: 0o700 })
  const log = `${state}/log`
  const keeper = spawn(
    process.execPath,
    [...process.execArgv, `${import.meta.dirname}/keeper.ts`, state],
    {
      detached: true,
      stdio: ['ignore', 'ignore', openSync(log, 'w')],
    },
  )
  const ended = new Promise<Answer>((resolve) => {
    keeper.once('exit', (code) =>
      resolve({
        error: `starting proxy and cache: exit ${code}: ${lastLine(readFileSync(log, 'utf8'))}`,
      }),
    )
  })
  const answered = askAgain(() => ask(state, question), START_TIMEOUT)
  const answer = await Promise.race([answered, ended])
  keeper.unref()
  return answer ?? { error: `starting proxy and cache: expected them within ${START_TIMEOUT} ms` }
}

/** The answer; undefined if nobody listens. */
async function ask(state: string, question: Question): Promise<Answer | undefined> {
  const socket = createConnection(`${state}/keeper.sock`)
  socket.end(JSON.stringify(question))
  const said = await text(socket).catch(() => '')
  return said === '' ? undefined : (JSON.parse(said) as Answer)
}

if (import.meta.main) {
  const [step = '', action, directory = '', code = ''] = process.argv.slice(2)
  await main(step, action as 'dump', directory, code).catch((thrown: Error) => {
    process.stderr.write(`criu-remote: ${thrown.message}\n`)
    process.exitCode = 1
  })
  process.exit()
}
