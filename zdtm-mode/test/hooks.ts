import { type Host, run } from '../../harness/hosts/host.ts'
import { Finding } from './finding.ts'
import type { Place } from './test-directory.ts'

/* NAME.hook, a program beside a test that the launcher calls between the steps; it stands in the directory that is the root. */

export type Stage =
  | '--post-start'
  | '--post-pre-dump'
  | '--pre-dump'
  | '--pre-restore'
  | '--post-restore'
  | '--clean'

const TIMEOUT = 60_000

/** Calls the hook, if the test has one. Throws a Finding if it fails. */
export async function runHook(
  host: Host,
  place: Place,
  stage: Stage,
  environment: Record<string, string> = {},
): Promise<void> {
  if (place.hook === undefined) return
  const { code, stdout, stderr } = await run(host, [place.hook, stage], {
    workingDirectory: place.root,
    environment,
    timeout: TIMEOUT,
  })
  if (code === 0) return
  throw new Finding(
    `the hook ${stage}`,
    'exit 0',
    `exit ${code}: ${(stderr.trim() || stdout.trim()).split('\n').at(-1)}`,
  )
}

/** Tells a test with `pre-dump-notify` of a pre-dump: an int into its descriptor 100, and one back from 101. */
export async function notify(host: Host, pid: number): Promise<void> {
  const script =
    'printf "\\0\\0\\0\\0" > "/proc/$1/fd/100" && [ "$(head -c 4 "/proc/$1/fd/101" | wc -c)" = 4 ]'
  const { code, stderr } = await run(host, ['sh', '-c', script, 'sh', String(pid)], {
    timeout: TIMEOUT,
  })
  if (code !== 0)
    throw new Finding(
      'the answer of the program to the word of a pre-dump',
      '4 bytes',
      stderr.trim() || 'fewer',
    )
}
