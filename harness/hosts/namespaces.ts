import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { execa } from 'execa'
import { ANNOUNCE, Announced } from './announced.ts'
import { daemonCommand } from './checkout.ts'
import { type Host, HostError, type HostProcess, type StartOptions } from './host.ts'
import { startLocal } from './local.ts'

/*
 * Hosts that are namespaces of this machine: pids, mounts, network, IPC and host name of their own.
 *
 * A test of zdtm mode gets one of them, or two that a cable (a veth pair) joins. They start in a fraction of a second and work
 * within a virtual machine as within a container; what they share is the file system, so that files that a process has open
 * are there at both ends of its migration. The process 1 of each reaps what is orphaned there, such as a restored process;
 * when it is killed the kernel kills everything in it. Needs root.
 */

/** Brings up what every process expects, says so, and then reaps. */
const INIT = `
ip link set lo up
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts /dev/pts
[ -L /dev/ptmx ] || mount --bind /dev/pts/ptmx /dev/ptmx
mount -t mqueue mqueue /dev/mqueue 2>/dev/null
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null
echo ready
trap : TERM
while :; do sleep 3600 & wait $!; done`

const UNSHARE = ['--mount', '--propagation', 'private', '--pid', '--mount-proc', '--net', '--ipc', '--uts', '--fork', '--kill-child']
const FIRST_PORT = 9996
/** Addresses of the two ends of the cable. */
const ADDRESSES = ['10.77.0.1', '10.77.0.2'] as const

/** One host, or two that a network joins; `directory` is where they have their directories, visible also from outside. */
export async function namespaceHosts(count: 1 | 2, directory: string): Promise<Host[]> {
  const hosts = [await namespaceHost('host', '127.0.0.1', directory)]
  if (count === 1) return hosts.map(({ host }) => host)
  try {
    hosts.push(await namespaceHost('destination', ADDRESSES[1], directory))
    await join(hosts.map(({ init }) => init) as [number, number])
    return hosts.map(({ host }, at) => ({ ...host, name: at === 0 ? 'source' : host.name, address: ADDRESSES[at] as string }))
  } catch (thrown) {
    await Promise.all(hosts.map(({ host }) => host.stop()))
    throw thrown
  }
}

async function namespaceHost(name: string, address: string, directory: string): Promise<{ host: Host; init: number }> {
  const ready = Promise.withResolvers<void>()
  const holder = await startLocal(['unshare', ...UNSHARE, 'sh', '-c', INIT], { onLine: () => ready.resolve() })
  const early = holder.exited.then(({ code, stderr }) => {
    throw new HostError(`making namespaces for ${name}: exit ${code}: ${stderr.trim()}`)
  })
  await Promise.race([ready.promise, early])
  early.catch(() => {})
  const init = Number(readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8'))
  let nextPort = FIRST_PORT
  await mkdir(directory, { recursive: true })
  const host: Host = {
    name,
    address,
    criuRemote: daemonCommand(process.execPath),
    ownPids: true,
    procDirectory: `/proc/${init}`,
    start: (command, options = {}) => startInside(init, command, options),
    directory: () => mkdtemp(`${directory}/${name}-`),
    freePort: async () => nextPort++,
    async stop() {
      await holder.kill('SIGKILL')
      await holder.exited
    },
  }
  return { host, init }
}

async function join([source, destination]: readonly [number, number]): Promise<void> {
  const ends = [`crs${source}`, `crd${source}`] as const
  try {
    await execa('ip', ['link', 'add', ends[0], 'type', 'veth', 'peer', 'name', ends[1]])
    for (const [at, init] of [source, destination].entries()) {
      await execa('ip', ['link', 'set', ends[at] as string, 'netns', String(init), 'name', 'cable'])
      const inside = ['-t', String(init), '-n', 'ip']
      await execa('nsenter', [...inside, 'address', 'add', `${ADDRESSES[at]}/24`, 'dev', 'cable'])
      await execa('nsenter', [...inside, 'link', 'set', 'cable', 'up'])
    }
  } catch (thrown) {
    throw HostError.from(thrown, 'joining two hosts by a network')
  }
}

async function startInside(
  init: number,
  command: readonly string[],
  { environment, workingDirectory = '/', onLine }: StartOptions,
): Promise<HostProcess> {
  const announced = new Announced()
  const inside = (words: readonly string[]) => ['nsenter', '-t', String(init), '-m', '-p', '-n', '-i', '-u', ...words]
  const started = await startLocal(inside(['env', '-C', workingDirectory, ...ANNOUNCE, ...command]), {
    ...(environment && { environment }),
    onLine: (line) => announced.take(line, onLine),
  })
  const exited = started.exited.then((completed) => ({ ...completed, stdout: announced.end(completed.stdout) }))
  const pid = await announced.pid
  return {
    pid,
    exited,
    async kill(signal) {
      if (pid !== 0) await execa('nsenter', ['-t', String(init), '-p', 'kill', `-${signal.slice(3)}`, String(pid)], { reject: false })
      // nsenter stops when what it runs is stopped, and would not see its end.
      await execa('kill', ['-CONT', String(started.pid)], { reject: false })
    },
  }
}
