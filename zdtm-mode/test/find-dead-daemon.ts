import { setTimeout as pause } from 'node:timers/promises'
import { describeEnd, type StartedDaemon } from '../../harness/implementation/start.ts'
import type { Migration } from '../../harness/migration/migration.ts'
import { Violation } from '../../harness/violation.ts'
import { violation } from './checks/expect.ts'

/** Time for a dead daemon's exit to be reported, in ms: CRIU hears of a lost connection sooner. */
const GRACE = 500

interface DeadDaemon {
  role: 'proxy' | 'cache'
  end: string
  stderr: string
}

/**
 * Returns the reason why a migration failed. A daemon that ended before its work was finished
 * explains every error but a violation.
 */
export async function findDeadDaemon(
  { source, destination }: Migration,
  thrown: unknown,
): Promise<unknown> {
  if (thrown instanceof Violation) return thrown
  const ends = await Promise.all([source.daemon, destination.daemon].map(badEndOf))
  const dead = ends.filter((end) => end !== undefined)
  return dead.length === 0 ? thrown : violationBy(dead)
}

function violationBy(dead: readonly DeadDaemon[]): Violation {
  const [first, second] = dead
  return violation(
    `the ${dead.map(({ role }) => role).join(' and the ')}`,
    'an end only after all work is done',
    dead.map(({ role, end }) => `${role}: ${end}`).join('; '),
    {
      clause: 'E3',
      side: first === undefined || second !== undefined ? 'pair' : first.role,
      tail: dead.map(({ stderr }) => stderr).join(''),
    },
  )
}

/** Returns how a daemon ended; undefined if it runs or ended with exit 0. */
async function badEndOf({ role, process: daemon }: StartedDaemon): Promise<DeadDaemon | undefined> {
  const completed = await Promise.race([daemon.exited, pause(GRACE, undefined)])
  if (completed === undefined || completed.code === 0) return undefined
  return { role, end: describeEnd(completed), stderr: completed.stderr }
}
