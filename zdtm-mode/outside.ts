import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Host } from '../harness/hosts/host.ts'
import { expect } from './finding.ts'

/*
 * A tree of processes as /proc shows it from outside, to be compared before the dump and after the restore: open descriptors,
 * memory maps, threads, working directory, signal masks, umask. Pids are those that the processes have themselves.
 */

type State = Record<string, string>
/** By the pid that the process has in its own namespace. */
export type Tree = Map<number, State>

/** The tree below the process that has this pid on the host. */
export function treeOf(host: Host, pid: number): Tree {
  const init = Number(host.procDirectory?.split('/').at(-1))
  const root = descendants(init).find((each) => idsOf(each, 'NSpid')[depthOf(init)] === pid)
  if (root === undefined) return new Map()
  return new Map([root, ...descendants(root)].map((each) => [idsOf(each, 'NSpid').at(-1) as number, stateOf(each)]))
}

/** Throws a Finding where two trees are not the same. */
export function expectSameTree(before: Tree, after: Tree): void {
  const pids = (tree: Tree) => [...tree.keys()].sort((a, b) => a - b).join(' ')
  expect(pids(before) === pids(after), 'the pids of the tree', pids(before), pids(after))
  for (const [pid, state] of before) {
    for (const [aspect, was] of Object.entries(state)) {
      const is = after.get(pid)?.[aspect] ?? ''
      expect(is === was, `the ${aspect} of process ${pid}, from outside`, was, difference(was, is))
    }
  }
}

function stateOf(pid: number): State {
  const status = readText(`/proc/${pid}/status`)
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
  return {
    name: field('Name'),
    descriptors: entries(`/proc/${pid}/fd`).join(' '),
    'memory maps': mapsOf(pid).join('\n'),
    threads: entries(`/proc/${pid}/task`)
      .map((thread) => idsOf(`${pid}/task/${thread}`, 'NSpid').at(-1))
      .join(' '),
    'working directory': field('State').startsWith('Z') ? '' : link(`/proc/${pid}/cwd`),
    // A zombie has no handlers any more to be restored.
    'signal masks': field('State').startsWith('Z') ? '' : ['SigBlk', 'SigIgn', 'SigCgt'].map((name) => `${name} ${field(name)}`).join(', '),
    umask: field('Umask'),
  }
}

/** Ranges with their permissions, neighbours of the same permissions as one. Without what belongs to the kernel. */
function mapsOf(pid: number): string[] {
  const merged: { from: string; to: string; permissions: string }[] = []
  for (const line of readText(`/proc/${pid}/maps`).split('\n')) {
    const [, from, to, permissions] = /^(\w+)-(\w+) (\S+)/.exec(line) ?? []
    if (from === undefined || to === undefined || permissions === undefined || /\[v\w+\]$/.test(line)) continue
    const last = merged.at(-1)
    if (last?.to === from && last.permissions === permissions) last.to = to
    else merged.push({ from, to, permissions })
  }
  return merged.map(({ from, to, permissions }) => `${from}-${to} ${permissions}`)
}

function descendants(pid: number): number[] {
  const children = entries(`/proc/${pid}/task`).flatMap((thread) => numbers(readText(`/proc/${pid}/task/${thread}/children`)))
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** In how many pid namespaces below ours the process is. */
const depthOf = (pid: number) => idsOf(pid, 'NSpid').length - 1

function idsOf(pid: number | string, field: string): number[] {
  return numbers(new RegExp(`^${field}:(.*)$`, 'm').exec(readText(`/proc/${pid}/status`))?.[1] ?? '')
}

const numbers = (text: string) => text.trim().split(/\s+/).filter(Boolean).map(Number)

/** A process may end while it is looked at: then there is nothing. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).sort((a, b) => Number(a) - Number(b))
  } catch {
    return []
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Of two texts of several lines what differs, else the second. */
function difference(was: string, is: string): string {
  const [before, after] = [was.split('\n'), is.split('\n')]
  if (before.length === 1 && after.length === 1) return is
  const gone = before.filter((line) => !after.includes(line)).map((line) => `-${line}`)
  const come = after.filter((line) => !before.includes(line)).map((line) => `+${line}`)
  return [...gone, ...come].join(' ')
}
