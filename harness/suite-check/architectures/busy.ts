import { type ChildProcess, spawn } from 'node:child_process'

/** Busy processes beside the implementation: more than a small machine has processors. */
const COUNT = 4
/** The longest life of a busy process, in s, should the test not stop it. */
const LIMIT = 1800

/** Does some work while busy processes take the processors, and stops them after it. */
export async function underLoad<T>(work: () => Promise<T>): Promise<T> {
  const busy = Array.from({ length: COUNT }, startBusy)
  try {
    return await work()
  } finally {
    for (const each of busy) each.kill()
  }
}

function startBusy(): ChildProcess {
  return spawn('timeout', [`${LIMIT}`, 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' })
}
