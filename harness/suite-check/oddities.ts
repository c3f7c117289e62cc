import type { Mutant } from './mutant.ts'

/*
 * Oddities: behaviour that the protocol permits although the reference differs. No case may fail on
 * one.
 */

export interface Oddity extends Mutant {
  /** The group of the oddity: all oddities of a group work in one implementation together. */
  together: 'a' | 'b' | 'c'
}

export const oddities: readonly Oddity[] = [
  {
    id: 'late-replies',
    together: 'a',
    clauses: ['L3'],
    about: 'Sends replies with a delay of 100 ms.',
    file: 'reference/transport/local-server.ts',
    find: 'socket.write(localReply.encode(',
    put: 'await new Promise((resolve) => setTimeout(resolve, 100))\n  socket.write(localReply.encode(',
  },
  {
    id: 'reply-byte-by-byte',
    together: 'b',
    clauses: ['F2'],
    about: 'Sends replies in segments of one byte.',
    file: 'reference/transport/local-server.ts',
    find: 'socket.write(localReply.encode(content === undefined ? ENOENT : 0))',
    put: 'socket.uncork()\n  for (const byte of localReply.encode(content === undefined ? ENOENT : 0)) await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => setImmediate(resolve)))\n  socket.cork()',
  },
  {
    id: 'header-byte-by-byte',
    together: 'b',
    clauses: ['F2'],
    about: 'Sends the headers of forwarded images in segments of one byte.',
    file: 'reference/transport/forwarder.ts',
    find: 'this.#link.write(remoteImage.encode(header))',
    put: 'this.#link.uncork()\n    for (const byte of remoteImage.encode(header)) await new Promise<void>((resolve) => this.#link.write(Buffer.from([byte]), () => globalThis.setImmediate(resolve)))\n    this.#link.cork()',
  },
  {
    id: 'small-segments',
    together: 'c',
    clauses: ['F2'],
    about: 'Sends images in segments of 1000 bytes.',
    file: 'reference/transport/send.ts',
    find: 'socket.write(chunk)',
    put: 'for (let at = 0; at < chunk.length; at += 1000) socket.write(chunk.subarray(at, at + 1000))',
  },
  {
    id: 'exits-a-second-later',
    together: 'b',
    clauses: ['E1', 'E2'],
    about: 'Exits one second after its work is finished.',
    file: 'harness/cli/daemons.ts',
    find: 'await daemon.finished.catch(fail(1))',
    put: 'await daemon.finished.finally(() => new Promise((resolve) => setTimeout(resolve, 1000))).catch(fail(1))',
  },
  {
    id: 'unknown-fields',
    together: 'a',
    clauses: ['F6'],
    about: 'Adds unknown fields to forwarded headers and replies.',
    file: 'proto/schema.ts',
    find: 'encode: (fields) => type.encode(type.create(fields)).finish()',
    put: 'encode: (fields) => Buffer.concat([type.encode(type.create(fields)).finish(), Buffer.from([0x98, 0x06, 0x07])])',
  },
  {
    id: 'forwards-late',
    together: 'c',
    clauses: ['W5'],
    about: 'Forwards each image with a delay of 10 ms.',
    file: 'reference/transport/forwarder.ts',
    find: 'this.#log.debug(`forwarding',
    put: 'await setTimeout(10)\n    this.#log.debug(`forwarding',
  },
  {
    id: 'small-frame-limit',
    together: 'b',
    clauses: ['F5'],
    about: 'Accepts frames of at most 8,300 bytes, which is just enough for two names.',
    file: 'proto/frame.ts',
    find: 'FRAME_LIMIT = 65_536',
    put: 'FRAME_LIMIT = 8_300',
  },
  {
    id: 'large-frame-limit',
    together: 'a',
    clauses: ['F6'],
    about: 'Accepts frames of up to 1 MiB.',
    file: 'proto/frame.ts',
    find: 'FRAME_LIMIT = 65_536',
    put: 'FRAME_LIMIT = 1_048_576',
  },
  {
    id: 'refusal-with-a-reply',
    together: 'c',
    clauses: ['F6', 'L4'],
    about: 'Replies with EINVAL to a header that it refuses.',
    file: 'reference/transport/local-server.ts',
    find: 'this.#log.warn(',
    put: 'socket.write(Buffer.from([2, 0, 0, 0, 8, 22]))\n      this.#log.warn(',
  },
  {
    id: 'write-kept-open',
    together: 'a',
    clauses: ['L5'],
    about: 'Closes the connection of a write 50 ms after the client.',
    file: 'reference/transport/local-server.ts',
    find: 'await this.#handle(open)\n',
    put: "await this.#handle(open)\n      if (open.purpose !== 'read') await new Promise((resolve) => setTimeout(resolve, 50))\n",
  },
  {
    id: 'restore-finish-unanswered',
    together: 'c',
    clauses: ['E2'],
    about: 'Closes the read that ends a restore without a reply, which a CRIU of 2019 accepts.',
    file: 'reference/cache.ts',
    find: 'await answer(open, { chunks: [], size: 0 })',
    put: '',
  },
]
