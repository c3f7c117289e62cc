import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { parseJson } from '../../harness/checked.ts'
import { endingSignals } from '../../harness/ending-signals.ts'
import { localHost } from '../../harness/hosts/local.ts'
import { readDescriptor } from '../../harness/implementation/descriptor.ts'
import { referenceDescriptor } from '../../harness/implementation/start.ts'
import { Migration } from '../../harness/migration/migration.ts'
import { type Answer, question } from './question.ts'
import { StepwiseMigration } from './stepwise-migration.ts'

/*
 * Holds proxy, cache and mounts for the calls of `zdtm-mode/criu-bin/criu` that belong to one
 * process: pre-dumps, a dump, a restore.
 *
 * It lives in the test's namespaces with everything that it started. It ends after the restore,
 * when the cache has ended with exit 0; after a first dump that failed, since the repeated dump
 * needs a fresh pair; when no call has come for a while; and with the namespaces.
 */

/** How long the keeper waits for the next call, in ms. */
const IDLE = 600_000

async function main(state: string): Promise<void> {
  const host = localHost()
  const migration = await startMigration(host)
  const steps = new StepwiseMigration(migration)
  const stop = async () => {
    await migration.stop()
    await host.stop()
    await rm(state, { recursive: true, force: true })
  }
  const over = Promise.withResolvers<void>()
  const idle = setTimeout(over.resolve, IDLE)
  for (const signal of endingSignals) process.on(signal, () => over.resolve())
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    idle.refresh()
    const { answer, last } = await answerTo(steps, await text(socket))
    // The caller's next call must find nothing of this keeper.
    if (last) await stop()
    socket.end(JSON.stringify(answer), () => last && process.exit())
  })
  server.listen(`${state}/keeper.sock`)
  await over.promise
  await stop()
  process.exit()
}

async function startMigration(host: ReturnType<typeof localHost>): Promise<Migration> {
  const file = process.env['CRIU_REMOTE_IMPLEMENTATION']
  const descriptor = file === undefined ? referenceDescriptor(host) : await readDescriptor(file)
  return Migration.start({ source: host, destination: host, descriptor, criu: 'criu' })
}

/** Returns the answer to a question, and whether it is the last one. */
async function answerTo(
  steps: StepwiseMigration,
  line: string,
): Promise<{ answer: Answer; last: boolean }> {
  let isEnd = false
  try {
    const asked = parseJson(question, line, 'reading a question')
    isEnd = asked.step === 'end'
    if (asked.step === 'begin')
      return { answer: await steps.begin(asked.action, asked.snapshot), last: false }
    const { action, snapshot, work, code } = asked
    return { answer: { done: true }, last: await steps.end(action, { snapshot, work, code }) }
  } catch (thrown) {
    return { answer: { error: (thrown as Error).message }, last: isEnd }
  }
}

await main(process.argv[2] as string)
