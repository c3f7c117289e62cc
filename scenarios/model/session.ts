import {
  type Connection,
  describe,
  expectImage,
  expectMissing,
  expectVersion,
  LIST,
  O_APPEND,
  O_WRONLY,
  type PairUnderTest,
  show,
  snapshotEntry,
  someBytes,
  Violation,
} from '../../harness/conformance/index.ts'
import { migrate, type Side, untilServed } from './pair.ts'
import { explained } from './property.ts'
import type { Step } from './steps.ts'
import { type Image, ModelStore } from './store.ts'

/*
 * A session runs random steps of several clients at both sides of a pair. Each step is compared
 * with the model as soon as its effect can be seen.
 *
 * A write has no answer, so a step that completes an image waits until both sides serve it. Then
 * all clients that wait for this image must have got this version. A step that makes no sense at
 * its place (a piece for a client that has nothing open) is left out, so every part of a sequence
 * is a sequence as well, and fast-check can shrink it.
 */

/** A client that has an image open for writing, and the bytes that it has sent. */
interface Writer {
  image: Image
  mode: 'write' | 'append'
  connection: Connection
  bytes: Buffer
}

/** The list of snapshots, which all sessions of a pair share. */
export interface SharedList {
  bytes: Buffer
}

export class Session {
  readonly #pair: PairUnderTest
  readonly #prefix: string
  readonly #list: SharedList | undefined
  readonly #store = new ModelStore()
  readonly #writers = new Map<number, Writer>()
  readonly #readers = new Map<number, { connection: Connection; side: Side; bytes: Buffer }>()
  #waiters: { image: Image; connection: Connection }[] = []
  #pieces = 0
  /** The steps so far, for people. */
  readonly script: string[] = []

  /**
   * @param prefix of all snapshot ids, so that sessions on one pair do not share images.
   * @param list without it, pushes are left out.
   */
  constructor(pair: PairUnderTest, prefix: string, list?: SharedList) {
    this.#pair = pair
    this.#prefix = prefix
    this.#list = list
  }

  /** Takes the steps and compares all images at the end. Throws Violation. */
  async run(steps: readonly Step[]): Promise<void> {
    try {
      for (const each of steps) await this.#named(each.kind, () => this.#take(each))
      for (const each of [...this.#writers.keys()])
        await this.#named('close', () => this.#close(each))
      for (const each of [...this.#readers.keys()])
        await this.#named('go on', () => this.#goOn(each))
      await this.#named('compare all images', () => this.#compareAll())
    } catch (thrown) {
      this.leave()
      throw thrown
    }
  }

  /** Breaks off the connections of all clients. */
  leave(): void {
    for (const { connection } of [
      ...this.#waiters,
      ...this.#readers.values(),
      ...this.#writers.values(),
    ])
      connection.reset()
    this.#waiters = []
  }

  /**
   * Demands after the dump that waiting clients get ENOENT and that the cache serves all images.
   */
  async runAfterTheEnd(): Promise<void> {
    const { cache } = this.#pair
    for (const { connection } of this.#waiters)
      expectMissing(await this.#named('the end of the dump', () => cache.answer(connection)), 'C3')
    for (const each of this.#store.all())
      await this.#named('compare all images', () => this.#compare(cache, each.image))
  }

  /** Runs a step; a deadline inside it shows the steps before. */
  #named<T>(next: string, work: () => Promise<T>): Promise<T> {
    const lines = [...this.script, `then: ${next}`].map((line) => `  ${line}\n`)
    const what = `the end of the last step of these:\n${lines.join('')} `
    const begin = Promise.withResolvers<void>()
    const permitted = { outcome: 'an end of that step', clause: 'C2' }
    const named = this.#pair.waitFor(what, permitted, begin.promise.then(work))
    begin.resolve()
    return named
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'open':
        return this.#open(step.client, this.#image(step.image), step.mode)
      case 'piece':
        return this.#piece(step.client, step.size)
      case 'close':
        return this.#close(step.client)
      case 'read':
        return this.#read(this.#pair[step.side], this.#image(step.image))
      case 'begin':
        return this.#begin(step.client, this.#pair[step.side], this.#image(step.image))
      case 'go on':
        return this.#goOn(step.client)
      case 'leave':
        return this.#leave(step.client)
      case 'push':
        return this.#push()
    }
  }

  #image(number: number): Image {
    return { snapshotId: `${this.#prefix}${number % 2}`, name: `${Math.floor(number / 2)}.img` }
  }

  async #open(client: number, image: Image, mode: Writer['mode']): Promise<void> {
    // With two writers of one image at a time, the order of their completion is not known.
    const taken = [...this.#writers.values()].some((other) => shown(other.image) === shown(image))
    if (this.#writers.has(client) || taken) return
    this.script.push(`client ${client} opens ${shown(image)} to ${mode}`)
    const connection = await this.#pair.proxy.openWrite(
      image.snapshotId,
      image.name,
      mode === 'append' ? O_APPEND : O_WRONLY,
    )
    this.#writers.set(client, { image, mode, connection, bytes: Buffer.alloc(0) })
  }

  async #piece(client: number, size: number): Promise<void> {
    const writer = this.#writers.get(client)
    if (writer === undefined) return
    this.script.push(`client ${client} sends ${size} bytes`)
    const piece = someBytes(size, ++this.#pieces)
    writer.bytes = Buffer.concat([writer.bytes, piece])
    await writer.connection.send(piece)
  }

  async #close(client: number): Promise<void> {
    const writer = this.#writers.get(client)
    if (writer === undefined) return
    const { image, mode, connection } = writer
    const before = this.#store.get(image)
    // A version that is equal to the one before could not be told from it.
    if (before?.equals(this.#store.result(image, mode, writer.bytes))) await this.#piece(client, 1)
    this.script.push(`client ${client} closes, ${shown(image)} is complete`)
    const bytes = this.#store.result(image, mode, writer.bytes)
    this.#writers.delete(client)
    this.#store.put(image, bytes)
    await connection.end()
    await this.#arrives(image, bytes, before)
    const { received } = connection
    if (received.length > 0)
      throw new Violation(
        `a write of ${shown(image)}`,
        [{ outcome: 'no answer', clause: 'L5' }],
        `${received.length} bytes`,
      )
  }

  async #arrives(image: Image, bytes: Buffer, before: Buffer | undefined): Promise<void> {
    const { proxy, cache } = this.#pair
    await untilServed(proxy, image.snapshotId, image.name, bytes, 'L5', before)
    if (before === undefined) await this.#compare(cache, image)
    else await untilServed(cache, image.snapshotId, image.name, bytes, 'W5', before)
    const mine = this.#waiters.filter((waiter) => shown(waiter.image) === shown(image))
    this.#waiters = this.#waiters.filter((waiter) => !mine.includes(waiter))
    for (const { connection } of mine)
      expectImage(
        await cache.answer(connection),
        bytes,
        'C2',
        `the answer to a client that waited for ${shown(image)}`,
      )
  }

  async #read(side: Side, image: Image): Promise<void> {
    const { role } = side
    const waits = role === 'cache' && this.#store.get(image) === undefined
    this.script.push(`a client ${waits ? 'waits for' : 'reads'} ${shown(image)} at the ${role}`)
    if (waits)
      this.#waiters.push({ image, connection: await side.openRead(image.snapshotId, image.name) })
    else await this.#compare(side, image)
  }

  /** Demands that this side answers as the model does. */
  async #compare(side: Side, image: Image): Promise<void> {
    const bytes = this.#store.get(image)
    const answer = await side.read(image.snapshotId, image.name)
    const what = `a read of ${shown(image)} at the ${side.role}`
    if (bytes === undefined) expectMissing(answer, side.role === 'cache' ? 'C3' : 'P1', what)
    else expectImage(answer, bytes, side.role === 'cache' ? 'C1' : 'L3', what)
  }

  async #begin(client: number, side: Side, image: Image): Promise<void> {
    const bytes = this.#store.get(image)
    if (bytes === undefined || this.#readers.has(client)) return
    this.script.push(
      `client ${client} begins to read ${shown(image)} at the ${side.role}, and stops`,
    )
    const connection = await side.openRead(image.snapshotId, image.name)
    const error = await side.waitFor(
      'the reply',
      { outcome: 'error 0', clause: 'L3' },
      connection.reply(),
    )
    if (error !== 0)
      throw new Violation(
        `a read of ${shown(image)}`,
        [{ outcome: 'error 0', clause: 'L3' }],
        `error ${error}`,
      )
    connection.socket.pause()
    this.#readers.set(client, { connection, side, bytes })
  }

  async #goOn(client: number): Promise<void> {
    const reader = this.#readers.get(client)
    if (reader === undefined) return
    this.script.push(`client ${client} reads on, to the end`)
    this.#readers.delete(client)
    reader.connection.socket.resume()
    expectVersion(
      await reader.side.answer(reader.connection),
      reader.bytes,
      'the rest of the version that a reader had begun',
    )
  }

  async #leave(client: number): Promise<void> {
    const reader = this.#readers.get(client)
    const connection = reader?.connection ?? this.#waiters.shift()?.connection
    if (connection === undefined) return
    this.script.push(
      reader === undefined
        ? 'the first client that waits leaves'
        : `client ${client} leaves inside the image that it reads`,
    )
    this.#readers.delete(client)
    connection.reset()
  }

  async #push(): Promise<void> {
    if (this.#list === undefined) return
    const { proxy, cache, names } = this.#pair
    const before = this.#list.bytes
    const entry = snapshotEntry.encode(`${this.#prefix}${before.length}`)
    this.script.push(`a dump pushes its entry, the list has ${before.length} bytes before`)
    this.#list.bytes = Buffer.concat([before, entry])
    await proxy.append(names.nullId, LIST, entry)
    const was = before.length > 0 ? before : undefined
    for (const side of [proxy, cache])
      await untilServed(side, names.nullId, LIST, this.#list.bytes, 'S2', was)
  }

  async #compareAll(): Promise<void> {
    // All clients that still wait do so for images that nobody wrote: after this image has come, no
    // other one is on its way.
    await migrate(this.#pair, `${this.#prefix}end`, 'end.img', Buffer.from('end'))
    for (const { connection, image } of this.#waiters) {
      const permitted = { outcome: 'nothing, because nobody wrote it', clause: 'C2' }
      if (connection.received.length > 0 || connection.ended !== undefined)
        throw new Violation(
          `the answer to a client that waits for ${shown(image)}`,
          [permitted],
          describe(await connection.answer()),
        )
    }
    for (const { image } of this.#store.all())
      for (const name of ['proxy', 'cache'] as const) await this.#compare(this.#pair[name], image)
  }

  /** Returns the violation with the steps that led to it. */
  explain(violation: Violation, replay: string): Violation {
    return explained(violation, this.script, replay)
  }
}

const shown = ({ snapshotId, name }: Image) => show(snapshotId, name)
