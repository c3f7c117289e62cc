import type { Host } from '../../../harness/hosts/host.ts'
import { expect } from './expect.ts'
import { ProcFiles } from './proc-files.ts'

/*
 * Compares a tree of processes, as /proc shows it from outside, before the dump and after the
 * restore: open descriptors, memory maps, threads, working directory, signal masks, umask.
 */

/** Texts by the aspects of a process. */
type State = Record<string, string>
/** Processes by the pid that each has in its own pid namespace. */
export type Tree = Map<number, State>

/** Returns the tree below the process with this pid on the host. */
export async function treeOf(host: Host, pid: number): Promise<Tree> {
  const proc = await ProcFiles.read(host)
  const pids = [pid, ...proc.descendants(pid)].filter((each) => proc.text(`${each}/status`) !== '')
  return new Map(pids.map((each) => [proc.ownPid(each) as number, stateOf(proc, each)]))
}

/** Throws a Violation unless two trees are the same. */
export function expectSameTree(before: Tree, after: Tree): void {
  const pids = (tree: Tree) => [...tree.keys()].sort((a, b) => a - b).join(' ')
  expect(pids(before) === pids(after), 'the pids of the tree', pids(before), pids(after))
  for (const [pid, state] of before)
    for (const [aspect, was] of Object.entries(state)) {
      const is = after.get(pid)?.[aspect] ?? ''
      expect(is === was, `the ${aspect} of process ${pid}, from outside`, was, difference(was, is))
    }
}

function stateOf(proc: ProcFiles, pid: number): State {
  const field = (name: string) => proc.field(pid, name)
  const signals = ['SigBlk', 'SigIgn', 'SigCgt'].map((name) => `${name} ${field(name)}`).join(', ')
  const threads = proc.threads(pid).map((thread) => proc.ownPid(`${pid}/task/${thread}`))
  // A zombie has no working directory and no handlers any more.
  const isZombie = field('State').startsWith('Z')
  return {
    name: field('Name'),
    descriptors: proc.descriptors(pid).join(' '),
    'memory maps': mapsIn(proc.text(`${pid}/maps`)).join('\n'),
    threads: threads.join(' '),
    'working directory': isZombie ? '' : proc.link(`${pid}/cwd`),
    'signal masks': isZombie ? '' : signals,
    umask: field('Umask'),
  }
}

/** Returns ranges with their permissions; neighbours with the same permissions are merged. */
function mapsIn(text: string): string[] {
  const merged: { from: string; to: string; permissions: string }[] = []
  for (const line of text.split('\n')) {
    const [, from, to, permissions] = /^(\w+)-(\w+) (\S+)/.exec(line) ?? []
    if (from === undefined || to === undefined || permissions === undefined || isKernels(line))
      continue
    const last = merged.at(-1)
    if (last?.to === from && last.permissions === permissions) last.to = to
    else merged.push({ from, to, permissions })
  }
  return merged.map(({ from, to, permissions }) => `${from}-${to} ${permissions}`)
}

/** Whether a map belongs to the kernel: [vdso], [vvar], [vsyscall]. */
const isKernels = (line: string) => /\[v\w+\]$/.test(line)

/** Returns the lines in which two texts differ; of texts of one line, the second. */
function difference(was: string, is: string): string {
  const [before, after] = [was.split('\n'), is.split('\n')]
  if (before.length === 1 && after.length === 1) return is
  const gone = before.filter((line) => !after.includes(line)).map((line) => `-${line}`)
  const come = after.filter((line) => !before.includes(line)).map((line) => `+${line}`)
  return [...gone, ...come].join(' ')
}
