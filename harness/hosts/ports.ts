import { createServer } from 'node:net'

/*
 * Ports of this machine for daemons that are to listen there.
 *
 * Between the look whether a port is free and the daemon that takes it another process can give it to another daemon. So each process has
 * a block of ports for itself: it holds a name for it, an abstract UNIX socket, which belongs to the network namespace as the
 * ports do, and which the kernel frees whatever becomes of the process.
 */

/** Below the ports that the kernel gives to outgoing connections. */
const FIRST_PORT = 20_000
const BLOCKS = 60
const BLOCK = 200

let claimed: Promise<number> | undefined
let next = 0

/** A port of this machine's loopback that nobody listens at, and that no other process of this project is given. */
export async function freePort(): Promise<number> {
  claimed ??= claimBlock(process.pid % BLOCKS)
  const first = await claimed
  for (;;) {
    const port = first + (next++ % BLOCK)
    if (await canListen({ port, host: '127.0.0.1' })) return port
  }
}

/** The first port of a block that is now this process's, that of this number if it is free. Where all are taken it is another's too. */
export async function claimBlock(preferred: number): Promise<number> {
  const firstOf = (block: number) => FIRST_PORT + (block % BLOCKS) * BLOCK
  for (let tried = 0; tried < BLOCKS; tried++) {
    const first = firstOf(preferred + tried)
    if (await hold(`\0criu-remote-ports-${first}`)) return first
  }
  return firstOf(preferred)
}

/** Whether the name is this process's now, until its end. */
function hold(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen({ path }, () => resolve(true)).unref()
  })
}

function canListen(place: { port: number; host: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(place, () => server.close(() => resolve(true)))
  })
}
