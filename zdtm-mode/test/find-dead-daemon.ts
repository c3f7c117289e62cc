import { setTimeout as pause } from 'node:timers/promises'
import { describeEnd, type StartedDaemon } from '../../harness/implementation/start.ts'
import type { Migration } from '../../harness/migration/migration.ts'
import { Finding } from './finding.ts'

/** How long the exit of a daemon may take to be told, in ms: CRIU hears of a lost connection sooner. */
const GRACE = 500

/** What a failed migration failed of: a daemon that ended before its work was finished explains all that came of it. */
export async function blame({ source, destination }: Migration, thrown: unknown): Promise<unknown> {
  if (thrown instanceof Finding) return thrown
  const ends = await Promise.all([source.daemon, destination.daemon].map(endOf))
  const dead = ends.filter((end) => end !== undefined)
  if (dead.length === 0) return thrown
  const roles = dead.map(({ role }) => role).join(' and the ')
  const tail = dead.map(({ stderr }) => stderr).join('')
  return new Finding(
    `the ${roles}`,
    'an end only after all work is done',
    dead.map(({ text }) => text).join('; '),
    'E3',
    tail,
  )
}

/** How a daemon ended, unless it runs or ended well. */
async function endOf({
  role,
  process: daemon,
}: StartedDaemon): Promise<{ role: string; text: string; stderr: string } | undefined> {
  const completed = await Promise.race([daemon.exited, pause(GRACE, undefined)])
  if (completed === undefined || completed.code === 0) return undefined
  return { role, text: `${role}: ${describeEnd(completed)}`, stderr: completed.stderr }
}
