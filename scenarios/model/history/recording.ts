import { type Answer, ENOENT, show } from '../../../harness/conformance/index.ts'
import type { Barrier, Forward, ImageHistory, Moment, Read, Write } from './history.ts'
import { type Finding, judge } from './judge.ts'
import { label, timeline } from './timeline.ts'
import { type Part, parse } from './values.ts'

/*
 * The record of a run: each operation with its moments on one clock, and with its bytes. The clock
 * counts the events that this process sees, in their order. An operation is noted before its first
 * system call and after its last one, so an order on this clock is an order in fact.
 */

export interface Image {
  snapshotId: string
  name: string
}

/** A write or append with the bytes that were sent so far. */
export interface RecordedWrite extends Write, Part {}

interface RecordedRead extends Omit<Read, 'got'> {
  answer: Answer
}

interface RecordedForward extends Omit<Forward, 'got'> {
  bytes: Buffer
}

interface RecordedImage {
  name: string
  /** The bytes before the run; none if the image is new. */
  base: Buffer
  writes: RecordedWrite[]
  reads: RecordedRead[]
  link: RecordedForward[]
}

/** The id of the bytes that an image has before the run. */
const BASE = 0

export class Recording {
  #clock = 0
  #ids = BASE
  readonly #images = new Map<string, RecordedImage>()
  readonly #barriers: Barrier[] = []
  /** Before the finish or the end of the link; infinite until then. */
  finished: Moment = Number.POSITIVE_INFINITY
  /** Whether versions on the link are recorded. */
  readonly #seesLink: boolean

  constructor(seesLink: boolean) {
    this.#seesLink = seesLink
  }

  /** Returns the next moment. */
  now(): Moment {
    return ++this.#clock
  }

  /** Notes the opening of a write, whose client has not closed. */
  write(image: Image, mode: 'write' | 'append', client: string): RecordedWrite {
    const write: RecordedWrite = {
      id: ++this.#ids,
      ...{ client, mode, size: 0, bytes: Buffer.alloc(0) },
      ...{ opened: this.now(), closing: Number.POSITIVE_INFINITY },
      closed: Number.POSITIVE_INFINITY,
    }
    this.of(image).writes.push(write)
    return write
  }

  /** Forgets a write whose connection was refused. */
  forget(image: Image, write: RecordedWrite): void {
    const { writes } = this.of(image)
    writes.splice(writes.indexOf(write), 1)
  }

  read(image: Image, read: RecordedRead): void {
    this.of(image).reads.push(read)
  }

  /** Returns the bytes of an image before the run. */
  baseOf(image: Image): Buffer {
    return this.#images.get(key(image))?.base ?? Buffer.alloc(0)
  }

  /** Notes that a version has come on the link; images of other runs are left out. */
  forward(image: Image, forward: RecordedForward): void {
    this.#images.get(key(image))?.link.push(forward)
  }

  barrier(barrier: Barrier): void {
    this.#barriers.push(barrier)
  }

  /** Returns the images so far. */
  all(): Image[] {
    return [...this.#images.keys()].map((text) => {
      const [snapshotId, name] = JSON.parse(text)
      return { snapshotId, name }
    })
  }

  /** Returns whether a write of the image was closed that may not be dropped. */
  isWritten(image: Image): boolean {
    const { base, writes } = this.of(image)
    return (
      base.length > 0 || writes.some(({ closed, optional }) => closed < this.#clock && !optional)
    )
  }

  /** Returns the record of an image, and makes it with its bytes before the run. */
  of(image: Image, base: Buffer = Buffer.alloc(0)): RecordedImage {
    const known = this.#images.get(key(image))
    if (known !== undefined) return known
    const made = {
      name: show(image.snapshotId, image.name),
      ...{ base, writes: [], reads: [], link: [] },
    }
    this.#images.set(key(image), made)
    return made
  }

  /** Returns the first breach that the record shows. */
  judge(): Finding | undefined {
    const all = [...this.#images.values()].map((image) => this.#history(image))
    const broken = all.find((each) => 'picture' in each)
    if (broken !== undefined) return broken as Finding
    return judge(all as ImageHistory[])
  }

  /** Returns the history of an image; a finding if an answer is no version at all. */
  #history(image: RecordedImage): ImageHistory | Finding {
    const { name, base } = image
    const parts = [{ id: BASE, bytes: base }, ...image.writes]
    const history = this.#emptyHistory(image)
    const reads: Read[] = []
    for (const { answer, ...read } of image.reads) {
      if (answer.error === ENOENT && answer.size === 0) {
        reads.push({ ...read, got: 'missing' })
        continue
      }
      const parsed = parse(answer.bytes, parts)
      const close = answer.end === 'end' ? 'a close' : 'a reset'
      if ('broken' in parsed && !(parsed.isCut && answer.end === 'reset'))
        return {
          what: `a read of ${name} at the ${read.side}`,
          permitted: { outcome: 'a whole version and a close', clause: 'L7' },
          actual: `${parsed.broken}, and ${close}`,
          picture: timeline({ ...history, reads: [...reads, { ...read, got: parsed.version }] }),
        }
      // A reset after the reply tells nothing of the version (L7).
      if (answer.end === 'end') reads.push({ ...read, got: parsed.version })
    }
    const link: Forward[] = []
    for (const { bytes, ...forward } of image.link) {
      const parsed = parse(bytes, parts)
      if ('broken' in parsed)
        return {
          what: `the versions of ${name} on the link`,
          permitted: { outcome: 'a version that clients made', clause: 'W4' },
          actual: parsed.broken,
          picture: timeline({ ...history, reads, link }),
        }
      link.push({ ...forward, got: parsed.version })
    }
    return { ...history, reads, link: history.link && link }
  }

  #emptyHistory({ name, base, writes }: RecordedImage): ImageHistory {
    return {
      name,
      initial: base.length > 0 ? [BASE] : 'missing',
      writes: writes.filter(({ closing }) => Number.isFinite(closing)),
      ...{ reads: [], link: this.#seesLink ? [] : undefined, linkIsWhole: true },
      ...{ barriers: this.#barriers, linkEnds: this.finished },
    }
  }
}

/** Returns the short name of a recorded write. */
export const nameOfWrite = (write: RecordedWrite): string => label(write)

const key = ({ snapshotId, name }: Image) => JSON.stringify([snapshotId, name])
