import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs'
import { descriptorsOf, namesIn, type ProcessTree, textOf } from './process-tree.ts'

/*
 * The resources that the processes of a daemon hold, as /proc shows them.
 *
 * Resident memory is summed over the processes, so pages that they share count for each of them.
 * The comparison of two sums of one daemon is fair all the same.
 *
 * A file is on a disk unless its file system keeps it in memory. The kernel names the file system
 * of an open file by a mount id in /proc/PID/fdinfo, and of a path by its device in
 * /proc/PID/mountinfo. The files of memfd_create are on no listed mount.
 */

/** File systems that keep no bytes on a disk. */
const IN_MEMORY = ['tmpfs', 'ramfs', 'devtmpfs', 'hugetlbfs', 'proc', 'sysfs', 'devpts', 'mqueue']
/** The bits of open(2)'s flags that hold the access mode, of which 0 is O_RDONLY. */
const ACCESS_MODE = 0o3
/** Longest part of a file that is searched, in bytes. */
const SEARCHED = 64 * 1024 * 1024

/** The resources of all processes of a daemon. */
export interface Usage {
  descriptors: number
  /** Descriptors that are sockets. */
  sockets: number
  threads: number
  /** Processes that have not ended. */
  processes: number
  /** Processes that have ended and were not waited for. */
  zombies: number
  /** Resident memory, in bytes. */
  memory: number
}

/** A file of a daemon. */
export interface DaemonFile {
  path: string
  size: number
}

/** Returns the resources that the processes hold now. */
export function usageOf(tree: ProcessTree): Usage {
  const usage = { descriptors: 0, sockets: 0, threads: 0, processes: 0, zombies: 0, memory: 0 }
  for (const { pid, state } of tree.processes()) {
    if ('ZX'.includes(state)) {
      usage.zombies++
      continue
    }
    const targets = descriptorsOf(pid)
    const status = textOf(`/proc/${pid}/status`)
    usage.processes++
    usage.descriptors += targets.length
    usage.sockets += targets.filter((target) => target.startsWith('socket:')).length
    usage.threads += numberAfter('Threads:', status)
    usage.memory += numberAfter('VmRSS:', status) * 1024
  }
  return usage
}

/**
 * Returns how many bytes the processes, and their children that ended, have caused to be written to
 * disks; undefined where the kernel does not count them.
 */
export function writtenBytes(tree: ProcessTree): number | undefined {
  const texts = tree.processes().map(({ pid }) => textOf(`/proc/${pid}/io`))
  if (!texts.some((text) => text.includes('write_bytes:'))) return undefined
  return texts.reduce((sum, text) => sum + numberAfter('\nwrite_bytes:', text), 0)
}

/** Returns the bytes of the open regular files without a disk, such as those of a tmpfs. */
export function bytesInMemoryFiles(tree: ProcessTree): number {
  const sizes = new Map<string, number>()
  for (const { pid } of tree.processes())
    for (const name of namesIn(`/proc/${pid}/fd`)) {
      const file = statSync(`/proc/${pid}/fd/${name}`, { throwIfNoEntry: false })
      // The major number of the device is 0 for file systems without a disk.
      if (file?.isFile() && file.dev >> 8 === 0)
        sizes.set(`${file.dev} ${file.ino}`, file.blocks * 512)
    }
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
}

/** Returns the files on disks, open for writing, that hold one of the pieces. */
export function openDiskFilesWith(tree: ProcessTree, pieces: readonly Buffer[]): DaemonFile[] {
  return tree.processes().flatMap(({ pid }) => {
    const mounts = inMemoryMounts(pid)
    return namesIn(`/proc/${pid}/fd`).flatMap((descriptor) => {
      const info = textOf(`/proc/${pid}/fdinfo/${descriptor}`)
      const [, flags = '0'] = /^flags:\s+(\d+)/m.exec(info) ?? []
      const [, mount = ''] = /^mnt_id:\s+(\d+)/m.exec(info) ?? []
      const writes = (Number.parseInt(flags, 8) & ACCESS_MODE) !== 0
      if (!writes || mounts.get(mount) !== false) return []
      return fileWith(`/proc/${pid}/fd/${descriptor}`, pieces)
    })
  })
}

/** Returns the regular files under a directory that hold one of the pieces. */
export function filesWith(directory: string, pieces: readonly Buffer[]): DaemonFile[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap((entry) => fileWith(`${entry.parentPath}/${entry.name}`, pieces))
  } catch {
    return []
  }
}

/** Returns whether the file system of a directory keeps its files on a disk. */
export function isOnDisk(directory: string): boolean {
  let descriptor: number | undefined
  try {
    descriptor = openSync(directory, 'r')
    const [, mount = ''] = /^mnt_id:\s+(\d+)/m.exec(textOf(`/proc/self/fdinfo/${descriptor}`)) ?? []
    return inMemoryMounts('self').get(mount) === false
  } catch {
    return false
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** Returns the command line of a process; its name if it has none. */
export function commandLineOf(pid: number): string {
  const words = textOf(`/proc/${pid}/cmdline`).split('\0').filter(Boolean)
  return words.length > 0 ? words.join(' ') : textOf(`/proc/${pid}/comm`).trim()
}

/** Returns the ids of the mounts that a process sees, and whether each keeps files in memory. */
function inMemoryMounts(pid: number | 'self'): Map<string, boolean> {
  const rows = textOf(`/proc/${pid}/mountinfo`).split('\n').filter(Boolean)
  return new Map(
    rows.map((row) => {
      const [id = ''] = row.split(' ')
      const [type = ''] = (row.split(' - ')[1] ?? '').split(' ')
      return [id, IN_MEMORY.includes(type)]
    }),
  )
}

/** Returns a file if it is a regular one that holds one of the pieces. */
function fileWith(file: string, pieces: readonly Buffer[]): DaemonFile[] {
  let descriptor: number | undefined
  try {
    // The open of a FIFO would wait for its other end.
    if (!statSync(file).isFile()) return []
    descriptor = openSync(file, 'r')
    const { size } = fstatSync(descriptor)
    const bytes = Buffer.alloc(Math.min(size, SEARCHED))
    const held = bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0))
    if (!pieces.some((piece) => held.includes(piece))) return []
    return [{ path: readlinkSync(`/proc/self/fd/${descriptor}`), size }]
  } catch {
    return []
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** Returns the first number after a label; 0 if the label is not there. */
function numberAfter(label: string, text: string): number {
  const at = text.indexOf(label)
  return at === -1 ? 0 : Number.parseInt(text.slice(at + label.length), 10)
}
