import { type Host, run } from '../../../harness/hosts/host.ts'
import { expect } from '../finding.ts'

/*
 * A tree of processes as /proc shows it from outside, to be compared before the dump and after the restore: open descriptors,
 * memory maps, threads, working directory, signal masks, umask. Pids are those that the processes have themselves. All of /proc that is
 * wanted is read by two programs on the host, since the host may be in a virtual machine, where each start of a program takes long.
 */

type State = Record<string, string>
/** By the pid that the process has in its own namespace. */
export type Tree = Map<number, State>

/** Files as `==> PATH <==` and what is in them, then links as `PATH -> TARGET`. A process may end while it is looked at. */
const LOOK = `tail -n +1 /proc/[0-9]*/status /proc/[0-9]*/maps /proc/[0-9]*/task/[0-9]*/status 2>/dev/null
echo '==> links <=='
find /proc/[0-9]*/fd /proc/[0-9]*/cwd -maxdepth 1 -type l -printf '%p -> %l\\n' 2>/dev/null
:`

/** The tree below the process that has this pid on the host. */
export async function treeOf(host: Host, pid: number): Promise<Tree> {
  const lines: string[] = []
  await run(host, ['sh', '-c', LOOK], { onLine: (line) => lines.push(line) })
  const proc = new Proc(lines)
  const tree = [pid, ...proc.descendants(pid)].filter((each) => proc.text(`${each}/status`) !== '')
  return new Map(
    tree.map((each) => [proc.ids(each, 'NSpid').at(-1) as number, stateOf(proc, each)]),
  )
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

function stateOf(proc: Proc, pid: number): State {
  const field = (name: string) => proc.field(pid, name)
  const isZombie = field('State').startsWith('Z')
  return {
    name: field('Name'),
    descriptors: proc.descriptors(pid).join(' '),
    'memory maps': mapsOf(proc.text(`${pid}/maps`)).join('\n'),
    threads: proc
      .threads(pid)
      .map((thread) => proc.ids(`${pid}/task/${thread}`, 'NSpid').at(-1))
      .join(' '),
    'working directory': isZombie ? '' : proc.link(`${pid}/cwd`),
    // A zombie has no handlers any more to be restored.
    'signal masks': isZombie
      ? ''
      : ['SigBlk', 'SigIgn', 'SigCgt'].map((name) => `${name} ${field(name)}`).join(', '),
    umask: field('Umask'),
  }
}

/** Ranges with their permissions, neighbours of the same permissions as one. Without what belongs to the kernel. */
function mapsOf(text: string): string[] {
  const merged: { from: string; to: string; permissions: string }[] = []
  for (const line of text.split('\n')) {
    const [, from, to, permissions] = /^(\w+)-(\w+) (\S+)/.exec(line) ?? []
    if (
      from === undefined ||
      to === undefined ||
      permissions === undefined ||
      /\[v\w+\]$/.test(line)
    )
      continue
    const last = merged.at(-1)
    if (last?.to === from && last.permissions === permissions) last.to = to
    else merged.push({ from, to, permissions })
  }
  return merged.map(({ from, to, permissions }) => `${from}-${to} ${permissions}`)
}

/** What LOOK found, by paths below /proc. */
class Proc {
  readonly #files = new Map<string, string>()
  readonly #links = new Map<string, string>()

  constructor(lines: readonly string[]) {
    let file: string[] = []
    const files = new Map<string, string[]>()
    for (const line of lines) {
      const [, path] = /^==> (?:\/proc\/)?(\S+) <==$/.exec(line) ?? []
      if (path === undefined) file.push(line)
      else {
        file = []
        files.set(path, file)
      }
    }
    for (const [path, text] of files) this.#files.set(path, text.join('\n'))
    for (const line of files.get('links') ?? []) {
      const [, path, target] = /^\/proc\/(\S+) -> (.*)$/.exec(line) ?? []
      if (path !== undefined) this.#links.set(path, target as string)
    }
  }

  text(path: string): string {
    return this.#files.get(path) ?? ''
  }

  link(path: string): string {
    return this.#links.get(path) ?? ''
  }

  field(pid: number | string, name: string): string {
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(this.text(`${pid}/status`))?.[1] ?? ''
  }

  ids(pid: number | string, name: string): number[] {
    return this.field(pid, name).trim().split(/\s+/).filter(Boolean).map(Number)
  }

  descriptors(pid: number): number[] {
    return numbersBelow(this.#links.keys(), `${pid}/fd/`)
  }

  threads(pid: number): number[] {
    return numbersBelow(this.#files.keys(), `${pid}/task/`)
  }

  descendants(pid: number): number[] {
    const processes = [...this.#files.keys()].flatMap(
      (path) => /^(\d+)\/status$/.exec(path)?.[1] ?? [],
    )
    const children = processes
      .filter((each) => this.field(each, 'PPid') === String(pid))
      .map(Number)
    return children.flatMap((child) => [child, ...this.descendants(child)])
  }
}

/** The numbers that follow a prefix in paths, in order. */
function numbersBelow(paths: Iterable<string>, prefix: string): number[] {
  const below = [...paths]
    .filter((path) => path.startsWith(prefix))
    .map((path) => Number(path.slice(prefix.length).split('/')[0]))
  return below.sort((a, b) => a - b)
}

/** Of two texts of several lines what differs, else the second. */
function difference(was: string, is: string): string {
  const [before, after] = [was.split('\n'), is.split('\n')]
  if (before.length === 1 && after.length === 1) return is
  const gone = before.filter((line) => !after.includes(line)).map((line) => `-${line}`)
  const come = after.filter((line) => !before.includes(line)).map((line) => `+${line}`)
  return [...gone, ...come].join(' ')
}
