import { connect, createServer, type Server, type Socket } from 'node:net'
import { Trace, type TraceEvent } from '../../harness/conformance/trace.ts'
import { RelayedOpen, type SeenOpen } from './relayed-open.ts'

export type { SeenOpen } from './relayed-open.ts'

/**
 * A relay between mounts and their proxies and caches. It records every open of an image and passes
 * all bytes on unchanged, with the end of each direction where it was.
 */
export class Relay {
  readonly opens: SeenOpen[] = []
  readonly #trace = new Trace()
  readonly #paths = new Map<'proxy' | 'cache', string>()
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #begin = performance.now()

  /** Returns the socket of the relay to the newest daemon of that role. */
  path(role: 'proxy' | 'cache'): string {
    return this.#paths.get(role) ?? ''
  }

  get events(): readonly TraceEvent[] {
    return this.#trace.events
  }

  /** Listens at `path` for clients and passes their bytes on to `server`. */
  async relay(role: 'proxy' | 'cache', path: string, server: string): Promise<void> {
    const listener = createServer({ allowHalfOpen: true }, (client) =>
      this.#pass(role, client, server),
    )
    this.#servers.push(listener)
    this.#paths.set(role, path)
    await new Promise<void>((resolve, reject) =>
      listener.once('error', reject).listen(path, resolve),
    )
  }

  stop(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #pass(role: 'proxy' | 'cache', client: Socket, path: string): void {
    const connection = `${role} ${this.opens.length + 1}`
    const now = () => Math.round((performance.now() - this.#begin) * 10) / 10
    const open = new RelayedOpen({ role, connection, trace: this.#trace, now })
    this.opens.push(open.seen)
    const server = connect({ path, allowHalfOpen: true })
    for (const socket of [client, server])
      this.#sockets.add(socket.on('close', () => this.#sockets.delete(socket)))
    open.watch(client, server, 'in')
    open.watch(server, client, 'out')
  }
}
