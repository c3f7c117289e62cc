import { RemoteError } from './error.ts'
import { codec } from './schema.ts'

/*
 * Decodes CRIU's own images: two magic numbers, then entries. Each entry follows its size, a 32-bit
 * little-endian number.
 */

/** Flag of a page map entry: the parent snapshot has these pages. */
const IN_PARENT = 1
/** Size of the two magic numbers, in bytes. */
const MAGIC_NUMBERS = 8

const statistics = codec('statistics')
const pageRange = codec('page_range')

/**
 * Returns the statistics in stats-dump: pages written, pages skipped because the parent has them,
 * and the seconds for which the process was frozen. Throws RemoteError.
 */
export function decodeDumpStatistics(image: Buffer): {
  written: number
  skipped: number
  frozen: number
} {
  const [entry] = entries(image, 'stats-dump')
  const dump = entry && (statistics.decode(entry)['dump'] as Record<string, number> | undefined)
  if (dump === undefined)
    throw new RemoteError(
      'message-invalid',
      'decoding stats-dump: expected the statistics of a dump',
    )
  return {
    written: dump['pages_written'] ?? 0,
    skipped: dump['pages_skipped_parent'] ?? 0,
    frozen: (dump['frozen_time'] ?? 0) / 1e6,
  }
}

/** A range of pages in a page map. */
export interface PageRange {
  /** The address of the first page. */
  start: number
  pages: number
  /** Whether the parent snapshot has the bytes of these pages. */
  inParent: boolean
}

/** Returns the page ranges of a page map. Throws RemoteError. */
export function decodePageMap(image: Buffer): PageRange[] {
  const [, ...ranges] = entries(image, 'a page map')
  return ranges.map((range) => {
    const fields = pageRange.decode(range) as Record<string, number>
    const { vaddr, nr_pages, nr_pages_64, in_parent, flags } = fields
    return {
      start: vaddr ?? 0,
      pages: nr_pages_64 || (nr_pages ?? 0),
      inParent: Boolean(in_parent) || ((flags ?? 0) & IN_PARENT) !== 0,
    }
  })
}

/**
 * Returns the entries of an image. Throws RemoteError, with `name`, if the image ends inside an
 * entry.
 */
function entries(image: Buffer, name: string): Buffer[] {
  const found: Buffer[] = []
  for (let at = MAGIC_NUMBERS; at < image.length; ) {
    const size = at + 4 <= image.length ? image.readUInt32LE(at) : image.length
    if (at + 4 + size > image.length)
      throw new RemoteError(
        'message-invalid',
        `decoding ${name}: expected a whole entry at byte ${at}, got ${image.length - at} bytes`,
      )
    found.push(image.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  return found
}
