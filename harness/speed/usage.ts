import { readFileSync } from 'node:fs'

/** What a process has used so far, as /proc tells. */
export interface Usage {
  /** Seconds of processor time, its threads and those of the kernel for it included. */
  cpu: number
  /** The most memory that it ever had, in bytes (VmHWM). */
  peak: number
}

/** Ticks a second in /proc/PID/stat: fixed in the interface of the kernel. */
const TICKS = 100
/** Places of utime and stime, counted from behind the name, which may hold spaces. */
const UTIME = 11

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
