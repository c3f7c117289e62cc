import type { Descriptor } from '../../harness/implementation/descriptor.ts'
import type { Mode, Plan, PlannedTest } from '../plan.ts'

/*
 * The options of `criu-remote zdtm run`, and the plan and the command line that follow from them.
 */

/** Keys of the mode that have another form on the command line. */
type OtherForm = 'pre' | 'pause' | 'snaps' | 'nocr' | 'norst' | 'stop' | 'descriptor' | 'keepImages'

export interface LaunchFlags extends Omit<Mode, OtherForm> {
  pre: { pre: number; pause: number }
  snaps?: true
  nocr?: true
  norst?: true
  stop?: true
  parallel: number
  keepGoing?: true
  ignoreTaint?: true
  image?: string
  /** 'host', 'auto', or the absolute path of an existing kernel: see kernelPath(). */
  kernel: string
  /** A checkout of CRIU whose tests these are. */
  criuSource?: string
  keepImg: Mode['keepImages']
  /** The directory of the report, in which images are saved as well. */
  report?: string
}

/** Returns the plan of these tests with these options. */
export function planOf(flags: LaunchFlags, tests: PlannedTest[], descriptor?: Descriptor): Plan {
  return {
    tests,
    mode: modeOf(flags, descriptor),
    parallel: flags.parallel,
    keepGoing: flags.keepGoing === true,
    ignoreTaint: flags.ignoreTaint === true,
  }
}

function modeOf(flags: LaunchFlags, descriptor?: Descriptor): Mode {
  const { pre, iters, hosts, criu, fault, report, keepImg } = flags
  return {
    ...pre,
    snaps: flags.snaps === true,
    nocr: flags.nocr === true,
    norst: flags.norst === true,
    stop: flags.stop === true,
    iters,
    hosts,
    criu,
    keepImages: report === undefined ? 'never' : keepImg,
    ...(fault !== undefined && { fault }),
    ...(descriptor && { descriptor }),
  }
}

/** Returns the command that repeats tests in the same mode; it ends where `-t` and `-f` follow. */
export function repeatCommand(flags: LaunchFlags): string {
  const { pre, iters, hosts, snaps, norst, stop, kernel, criuSource } = flags
  const words = ['criu-remote', 'zdtm', 'run']
  if (criuSource !== undefined) words.push('--criu-source', criuSource)
  if (pre.pre > 0) words.push('--pre', String(pre.pre))
  if (iters > 1) words.push('--iters', String(iters))
  if (hosts === 2) words.push('--hosts', '2')
  if (kernel !== 'auto') words.push('--kernel', kernel)
  for (const [word, given] of Object.entries({ snaps, norst, stop }))
    if (given) words.push(`--${word}`)
  return words.join(' ')
}
