import { type Host, HostError, output, shell } from '../hosts/host.ts'

/*
 * The target process, the process to migrate. Its pid must be free at the destination, so on a host
 * with pids of its own its pid is far above the pids of the host's daemons. It has a session of its
 * own, no terminal, and process 1 as its parent, as after a restore.
 */

/** Lowest pid of a target process; the daemons of a host use fewer pids. */
const FIRST_PID = 10_000
/** Shell text that raises the next pid of a host with own pids above the pids of its daemons. */
export const RAISE_PIDS = `[ "$(cat /proc/sys/kernel/ns_last_pid)" -ge ${FIRST_PID} ] || echo ${FIRST_PID} > /proc/sys/kernel/ns_last_pid\n`

/** Starts a command in the background and returns its pid. Throws HostError if it ends at once. */
export async function startTargetProcess(host: Host, command: readonly string[]): Promise<number> {
  const script = `${host.ownPids ? RAISE_PIDS : ''} setsid "$@" </dev/null >/dev/null 2>&1 & echo $!`
  const pid = Number(await shell(host, script, command))
  if (!(await isAlive(host, pid)))
    throw new HostError(`starting ${command.join(' ')} on ${host.name}: it ended at once`)
  return pid
}

/** Returns whether the process exists and is no zombie. */
export async function isAlive(host: Host, pid: number): Promise<boolean> {
  const state = await output(host, ['sh', '-c', 'ps -o stat= -p "$1" || :', 'sh', String(pid)])
  return state.trim() !== '' && !state.startsWith('Z')
}

/**
 * Returns the bytes of memory of a process and its descendants: about the size of their first dump.
 */
export async function residentBytes(host: Host, pid: number): Promise<number> {
  // One listing of all processes: a request for a child by its pid fails if the child has ended.
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
