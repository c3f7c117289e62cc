import { type Host, run } from '../../../harness/hosts/host.ts'

/**
 * Prints files as `==> PATH <==` and their text, then links as `PATH -> TARGET`. It always
 * succeeds: a process may end while it is read. Two programs read everything, since in a guest each
 * start of a program takes long.
 */
const PRINT_PROC = `tail -n +1 /proc/[0-9]*/status /proc/[0-9]*/maps /proc/[0-9]*/task/[0-9]*/status 2>/dev/null
echo '==> links <=='
find /proc/[0-9]*/fd /proc/[0-9]*/cwd -maxdepth 1 -type l -printf '%p -> %l\\n' 2>/dev/null
:`

/** Files and links of /proc on a host at one moment, by their paths below /proc. */
export class ProcFiles {
  readonly #files: ReadonlyMap<string, string>
  readonly #links: ReadonlyMap<string, string>

  private constructor(files: ReadonlyMap<string, string>) {
    this.#files = files
    this.#links = linksIn(files.get('links') ?? '')
  }

  static async read(host: Host): Promise<ProcFiles> {
    const lines: string[] = []
    await run(host, ['sh', '-c', PRINT_PROC], { onLine: (line) => lines.push(line) })
    return new ProcFiles(filesIn(lines))
  }

  text(path: string): string {
    return this.#files.get(path) ?? ''
  }

  link(path: string): string {
    return this.#links.get(path) ?? ''
  }

  /** Returns a field of the file `status` of a process or thread. */
  field(process: number | string, name: string): string {
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(this.text(`${process}/status`))?.[1] ?? ''
  }

  /** Returns the pid that a process or thread has in its own pid namespace. */
  ownPid(process: number | string): number | undefined {
    return this.field(process, 'NSpid').trim().split(/\s+/).filter(Boolean).map(Number).at(-1)
  }

  descriptors(pid: number): number[] {
    return numbersBelow(this.#links.keys(), `${pid}/fd/`)
  }

  threads(pid: number): number[] {
    return numbersBelow(this.#files.keys(), `${pid}/task/`)
  }

  descendants(pid: number): number[] {
    const pids = [...this.#files.keys()].flatMap((path) => /^(\d+)\/status$/.exec(path)?.[1] ?? [])
    const children = pids.filter((each) => this.field(each, 'PPid') === String(pid)).map(Number)
    return children.flatMap((child) => [child, ...this.descendants(child)])
  }
}

function filesIn(lines: readonly string[]): Map<string, string> {
  const files = new Map<string, string[]>()
  let file: string[] = []
  for (const line of lines) {
    const [, path] = /^==> (?:\/proc\/)?(\S+) <==$/.exec(line) ?? []
    if (path === undefined) file.push(line)
    else {
      file = []
      files.set(path, file)
    }
  }
  return new Map([...files].map(([path, text]) => [path, text.join('\n')]))
}

function linksIn(text: string): Map<string, string> {
  const links = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, path, target] = /^\/proc\/(\S+) -> (.*)$/.exec(line) ?? []
    if (path !== undefined && target !== undefined) links.set(path, target)
  }
  return links
}

/** Returns the numbers that follow a prefix in paths, in order. */
function numbersBelow(paths: Iterable<string>, prefix: string): number[] {
  return [...paths]
    .filter((path) => path.startsWith(prefix))
    .map((path) => Number(path.slice(prefix.length).split('/')[0]))
    .sort((a, b) => a - b)
}
