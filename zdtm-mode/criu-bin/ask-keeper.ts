import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { basename, dirname, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { check, parseJson } from '../../harness/checked.ts'
import { criuVariables } from '../../harness/criu/breakpoints.ts'
import { lastLine } from '../../harness/hosts/host.ts'
import { localHost } from '../../harness/hosts/local.ts'
import { askAgain } from '../../harness/implementation/listening.ts'
import { type Answer, action, answer, type Question } from './question.ts'

/*
 * Asks the keeper before and after the real criu; `zdtm-mode/criu-bin/criu` runs this. `begin
 * ACTION DIRECTORY` prints the images directory to use and the variables that criu needs, a line
 * each. `end ACTION DIRECTORY CODE` lets the keeper finish the step. `begin` starts the keeper of
 * DIRECTORY's parent if none runs.
 */

/** Deadline for a keeper to start, in ms: less than the 60 s that zdtm.py gives one criu. */
const START_TIMEOUT = 50_000

async function main(parameters: readonly string[]): Promise<void> {
  const asked = questionOf(parameters)
  const said = await answerTo(asked)
  if ('error' in said) throw new Error(`criu ${asked.action}: ${said.error}`)
  if (!('images' in said)) return
  const variables = Object.entries(await criuVariables(localHost()))
  const lines = variables.map(([name, value]) => `${name}=${value}`)
  process.stdout.write([said.images, ...lines, ''].join('\n'))
}

function questionOf([step, given, directory = '', code]: readonly string[]): Question {
  const work = resolve(directory)
  const about = {
    action: check(action, given, 'reading the action'),
    snapshot: basename(work),
    work,
  }
  return step === 'begin' ? { ...about, step } : { ...about, step: 'end', code: Number(code) }
}

async function answerTo(asked: Question): Promise<Answer> {
  const state = stateDirectory(dirname(asked.work))
  const said = await ask(state, asked)
  if (said !== undefined) return said
  return asked.step === 'begin' ? startAndAsk(state, asked) : { error: 'the keeper has gone' }
}

/**
 * Returns the directory of a keeper's state. zdtm.py has a directory `series` for each process to
 * dump; /run is in memory and belongs to root.
 */
const stateDirectory = (series: string) =>
  `/run/criu-remote-zdtm-${createHash('sha256').update(series).digest('hex').slice(0, 12)}`

/** Starts a keeper and asks it. */
async function startAndAsk(state: string, asked: Question): Promise<Answer> {
  // A keeper that was killed with the namespaces of its test leaves its state.
  rmSync(state, { recursive: true, force: true })
  mkdirSync(state, { mode: 0o700 })
  const log = `${state}/log`
  const keeper = startKeeper(state, log)
  const ended = new Promise<Answer>((done) => {
    keeper.once('exit', (code) => {
      const reason = lastLine(readFileSync(log, 'utf8'))
      done({ error: `starting proxy and cache: exit ${code}: ${reason}` })
    })
  })
  const said = await Promise.race([askAgain(() => ask(state, asked), START_TIMEOUT), ended])
  keeper.unref()
  return said ?? { error: `starting proxy and cache: expected them within ${START_TIMEOUT} ms` }
}

function startKeeper(state: string, log: string) {
  const script = `${import.meta.dirname}/keeper.ts`
  return spawn(process.execPath, [...process.execArgv, script, state], {
    detached: true,
    stdio: ['ignore', 'ignore', openSync(log, 'w')],
  })
}

/** Returns the keeper's answer; undefined if no keeper listens. */
async function ask(state: string, asked: Question): Promise<Answer | undefined> {
  const socket = createConnection(`${state}/keeper.sock`)
  socket.end(JSON.stringify(asked))
  const said = await text(socket).catch(() => '')
  return said === '' ? undefined : parseJson(answer, said, "reading the keeper's answer")
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((thrown: Error) => {
    process.stderr.write(`criu-remote: ${thrown.message}\n`)
    process.exitCode = 1
  })
  process.exit()
}
