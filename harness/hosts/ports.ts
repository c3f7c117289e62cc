import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { HostError } from './host.ts'

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
 * gives out. Throws HostError if the block has none, or if this machine refuses to listen.
 */
export async function freePort(): Promise<number> {
  claimed ??= claimBlock(process.pid % BLOCKS)
  const first = await claimed.catch(forgetClaim)
  for (let tried = 0; tried < BLOCK; tried++) {
    const port = first + (next++ % BLOCK)
    if (await canListen({ port, host: '127.0.0.1' })) return port
  }
  throw new HostError(
    `looking for a free port: expected one from ${first} to ${first + BLOCK - 1}, all are in use`,
  )
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

/** Throws HostError if no server can listen on loopback, or no client can connect to it. */
export async function checkLoopback(): Promise<void> {
  const server = createServer()
  try {
    await once(server.listen({ port: 0, host: '127.0.0.1' }), 'listening')
    const { port } = server.address() as { port: number }
    const client = connect({ port, host: '127.0.0.1' })
    await once(client, 'connect').finally(() => client.destroy())
  } catch (thrown) {
    throw HostError.from(thrown, 'connecting to 127.0.0.1 on this machine')
  } finally {
    server.close()
  }
}

/** Lets the next call claim again, and throws the error of the last claim. */
function forgetClaim(thrown: unknown): never {
  claimed = undefined
  throw thrown
}

/**
 * Takes the socket name until the end of this process. Returns false if another process holds it.
 * Throws HostError.
 */
function hold(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const place = path.replace('\0', '@')
    const server = createServer().once('error', falseIfInUse(place, resolve, reject))
    server.listen({ path }, () => resolve(true)).unref()
  })
}

/** Returns whether a server can listen there at the moment. Throws HostError. */
function canListen(place: { port: number; host: string }): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const { host, port } = place
    const server = createServer().once('error', falseIfInUse(`${host}:${port}`, resolve, reject))
    server.listen(place, () => server.close(() => resolve(true)))
  })
}

/** Returns a handler of errors. Only a place in use is an answer; any other error is trouble. */
function falseIfInUse(
  place: string,
  resolve: (value: boolean) => void,
  reject: (reason: HostError) => void,
): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code === 'EADDRINUSE') resolve(false)
    else
      reject(
        new HostError(`listening on ${place}: ${error.code ?? error.message}`, { cause: error }),
      )
  }
}
