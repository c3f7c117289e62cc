import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

/*
 * System calls that Node lacks, through koffi: recv(2) with flags, the count of untaken bytes, and
 * a set of epoll(7) whose readiness Node's event loop reports.
 *
 * Only koffi's native package for this platform is loaded. koffi's own loader takes 11 ms and 5 MB
 * more, to find the platform and to wrap functions that nothing here uses. The package is optional:
 * without it, or on a platform whose constants differ, `systemCalls` returns the reason.
 */

/** Architectures of Linux that share the constants below. */
const ARCHITECTURES = ['x64', 'arm64', 'riscv64', 'loong64']

const MSG_PEEK = 0x2
const MSG_DONTWAIT = 0x40
const SIOCOUTQ = 0x5411
const EPOLL_CLOEXEC = 0x80000
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
/** Size of a struct epoll_event in bytes, and the offset of its data: packed on x86-64 only. */
const [EVENT, DATA] = process.arch === 'x64' ? [12, 4] : [16, 8]
/** Number of events that one call of epoll_wait(2) returns. */
const EVENTS = 64

/** The system calls. Each returns -1 if it fails or has nothing to return; none waits. */
export interface SystemCalls {
  /** Copies bytes that wait in a socket and leaves them there. Returns 0 at the stream's end. */
  peek(fd: number, into: Buffer): number
  /** Takes bytes that wait in a socket, at most `bytes`. Returns 0 at the stream's end. */
  take(fd: number, into: Buffer, bytes: number): number
  /** Returns a measure of the bytes that the peer of a UNIX socket has not taken. */
  untaken(fd: number): number
  /**
   * Makes an empty epoll set, which keeps the event loop alive until it is closed. The loop calls
   * `ready` while the set has events. Node runs no promise reactions after that call.
   */
  epoll(ready: () => void): EpollSet
}

/** An epoll set. A descriptor leaves it when it is closed. */
export interface EpollSet {
  /** Adds a descriptor. Returns false if the kernel refuses it. */
  add(fd: number, events: number): boolean
  remove(fd: number): void
  /** Returns the events that have occurred. */
  take(): EpollEvent[]
  close(): void
}

interface EpollEvent {
  fd: number
  events: number
}

let loaded: SystemCalls | string | undefined

/** Returns the system calls, or the reason why this process has none. Loads koffi once. */
export function systemCalls(): SystemCalls | string {
  loaded ??= load()
  return loaded
}

function load(): SystemCalls | string {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch))
    return `${process.platform} on ${process.arch} is not supported`
  try {
    return bind(nativeKoffi())
  } catch (thrown) {
    return (thrown as Error).message.split('\n')[0] as string
  }
}

function nativeKoffi(): typeof Koffi {
  const own = createRequire(import.meta.url)
  const platform = createRequire(own.resolve('koffi'))
  return platform(`@koromix/koffi-linux-${process.arch}`)
}

function bind(native: typeof Koffi): SystemCalls {
  const library = native.load(null)
  const recv = library.func('long recv(int, void *, size_t, int)')
  const ioctl = library.func('int ioctl(int, unsigned long, void *)')
  const count = Buffer.alloc(4)
  return {
    peek: (fd, into) => recv(fd, into, into.length, MSG_PEEK | MSG_DONTWAIT),
    take: (fd, into, bytes) => recv(fd, into, bytes, MSG_DONTWAIT),
    untaken: (fd) => (ioctl(fd, SIOCOUTQ, count) === 0 ? count.readInt32LE() : -1),
    epoll: bindEpoll(native, library),
  }
}

function bindEpoll(native: typeof Koffi, library: Koffi.LibraryHandle): SystemCalls['epoll'] {
  const create = library.func('int epoll_create1(int)')
  const control = library.func('int epoll_ctl(int, int, int, void *)')
  const wait = library.func('int epoll_wait(int, void *, int, int)')
  const close = library.func('int close(int)')
  const event = Buffer.alloc(EVENT)
  const events = Buffer.alloc(EVENT * EVENTS)
  return (ready) => {
    const set: number = create(EPOLL_CLOEXEC)
    const handle = native.node.poll(set, ready)
    return {
      add(fd, wanted) {
        event.writeUInt32LE(wanted >>> 0, 0)
        event.writeInt32LE(fd, DATA)
        return control(set, EPOLL_CTL_ADD, fd, event) === 0
      },
      remove: (fd) => control(set, EPOLL_CTL_DEL, fd, event),
      take() {
        const taken: EpollEvent[] = []
        for (let count = EVENTS; count === EVENTS; ) {
          count = wait(set, events, EVENTS, 0)
          for (let index = 0; index < count; index++) taken.push(eventAt(events, index))
        }
        return taken
      },
      close() {
        handle.close()
        close(set)
      },
    }
  }
}

function eventAt(events: Buffer, index: number): EpollEvent {
  return {
    fd: events.readInt32LE(index * EVENT + DATA),
    events: events.readUInt32LE(index * EVENT),
  }
}
