import { createServer } from 'node:net'

/*
 * Ports of this machine for daemons.
 *
 * After a process has found a free port, and before its daemon listens there, another process can
 * give the same port to another daemon. So each process claims a block of ports. The claim is an
 * abstract UNIX socket: its name belongs to the network namespace, as the ports do, and the kernel
 * frees it at the end of the process.
 */

/** The blocks lie below the ports that the kernel gives to outgoing connections. */
const FIRST_PORT = 20_000
const BLOCKS = 60
/** Ports in a block. */
const BLOCK = 200

let claimed: Promise<number> | undefined
let next = 0

/**
 * Returns a loopback port on which nothing listens, and which no other process of this project
 * gives out.
 */
export async function freePort(): Promise<number> {
  claimed ??= claimBlock(process.pid % BLOCKS)
  const first = await claimed
  for (;;) {
    const port = first + (next++ % BLOCK)
    if (await canListen({ port, host: '127.0.0.1' })) return port
  }
}

/**
 * Claims a block for this process, the preferred one if it is free. Returns its first port. If
 * every block is held, returns the preferred one, which then has two users.
 */
export async function claimBlock(preferred: number): Promise<number> {
  const firstOf = (block: number) => FIRST_PORT + (block % BLOCKS) * BLOCK
  for (let tried = 0; tried < BLOCKS; tried++) {
    const first = firstOf(preferred + tried)
    if (await hold(`\0criu-remote-ports-${first}`)) return first
  }
  return firstOf(preferred)
}

/**
 * Takes the socket name until the end of this process. Returns false if another process holds it.
 */
function hold(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen({ path }, () => resolve(true)).unref()
  })
}

/** Returns whether a server can listen there at the moment. */
function canListen(place: { port: number; host: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(place, () => server.close(() => resolve(true)))
  })
}
