import { readFileSync } from 'node:fs'

/** The resources that a process has used so far, from /proc. */
export interface Usage {
  /** Seconds of processor time of all its threads, in user and kernel mode. */
  cpu: number
  /** Peak memory, in bytes (VmHWM). */
  peak: number
}

/** Ticks a second in /proc/PID/stat; the kernel's interface fixes this number. */
const TICKS = 100
/**
 * Index of utime, before stime. Fields are counted from the end of the name, which may hold spaces.
 */
const UTIME = 11

/** Returns the usage of a running process. Throws if it has ended. */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [, kibibytes] =
    /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return {
    cpu: (Number(fields[UTIME]) + Number(fields[UTIME + 1])) / TICKS,
    peak: Number(kibibytes) * 1024,
  }
}
