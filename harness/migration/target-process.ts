import { type Host, HostError, output, shell } from '../hosts/host.ts'

/*
 * The process to migrate. Its pid must be free at the destination, so on a host with pids of its own it starts far above
 * what the host's daemons use; it has a session of its own and no terminal, and init for its parent, as after a restore.
 */

const FIRST_PID = 10_000
/** Shell text that makes the next process of a host with own pids start above what its daemons use. */
export const RAISE_PIDS = `[ "$(cat /proc/sys/kernel/ns_last_pid)" -ge ${FIRST_PID} ] || echo ${FIRST_PID} > /proc/sys/kernel/ns_last_pid\n`

/** Starts a command in the background; its pid. */
export async function startTargetProcess(host: Host, command: readonly string[]): Promise<number> {
  const script = `${host.ownPids ? RAISE_PIDS : ''} setsid "$@" </dev/null >/dev/null 2>&1 & echo $!`
  const pid = Number(await shell(host, script, command))
  if (!(await isAlive(host, pid)))
    throw new HostError(`starting ${command.join(' ')} on ${host.name}: it ended at once`)
  return pid
}

/** Whether the process is there, and not a zombie. */
export async function isAlive(host: Host, pid: number): Promise<boolean> {
  const state = await output(host, ['sh', '-c', 'ps -o stat= -p "$1" || :', 'sh', String(pid)])
  return state.trim() !== '' && !state.startsWith('Z')
}

/** Bytes that the process and its descendants have in memory: what a first dump of them is about to write. */
export async function residentBytes(host: Host, pid: number): Promise<number> {
  // One listing of them all: children may come and go meanwhile, and one that went must not be asked for by name.
  const listing = await output(host, ['ps', '-A', '-o', 'pid=,ppid=,rss='])
  const processes = listing
    .trim()
    .split('\n')
    .map(
      (line) =>
        line.trim().split(/\s+/).map(Number) as [pid: number, parent: number, kibibytes: number],
    )
  const tree = new Set([pid])
  for (let size = 0; size !== tree.size; ) {
    size = tree.size
    for (const [child, parent] of processes) if (tree.has(parent)) tree.add(child)
  }
  return processes.reduce(
    (sum, [member, , kibibytes]) => sum + (tree.has(member) ? kibibytes * 1024 : 0),
    0,
  )
}
