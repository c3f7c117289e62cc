import { type Host, run } from '../../harness/hosts/host.ts'
import { violation } from './checks/expect.ts'
import type { TestDirectory } from './test-directory.ts'

/*
 * Calls NAME.hook, a program beside a test, between the steps; its working directory is the root.
 */

export type Stage =
  | '--post-start'
  | '--post-pre-dump'
  | '--pre-dump'
  | '--pre-restore'
  | '--post-restore'
  | '--clean'

/** Deadline of a hook, and of the answer to a notification, in ms. */
const TIMEOUT = 60_000

/** Calls the hook, if the test has one. Throws a Violation if it fails. */
export async function runHook(
  host: Host,
  directory: TestDirectory,
  stage: Stage,
  environment: Record<string, string> = {},
): Promise<void> {
  if (directory.hook === undefined) return
  const { code, stdout, stderr } = await run(host, [directory.hook, stage], {
    workingDirectory: directory.root,
    environment,
    timeout: TIMEOUT,
  })
  if (code === 0) return
  const lastLine = (stderr.trim() || stdout.trim()).split('\n').at(-1)
  throw violation(`the hook ${stage}`, 'exit 0', `exit ${code}: ${lastLine}`)
}

/** Writes an int to descriptor 100 of the process $1 and reads one from descriptor 101. */
const NOTIFY =
  'printf "\\0\\0\\0\\0" > "/proc/$1/fd/100" && [ "$(head -c 4 "/proc/$1/fd/101" | wc -c)" = 4 ]'

/**
 * Notifies a test with the flag `pre-dump-notify` of a pre-dump. Throws a Violation without an
 * answer.
 */
export async function notify(host: Host, pid: number): Promise<void> {
  const command = ['sh', '-c', NOTIFY, 'sh', String(pid)]
  const { code, stderr } = await run(host, command, { timeout: TIMEOUT })
  if (code === 0) return
  const what = 'the answer of the program to the word of a pre-dump'
  throw violation(what, '4 bytes', stderr.trim() || 'fewer', { side: 'program' })
}
