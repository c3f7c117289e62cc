/* The loads: each is a pattern of writes and reads to measure. `--scale` makes loads smaller. */

const KIB = 1024
const MIB = 1024 * KIB

interface Common {
  name: string
  about: string
  /** Number of images; for an append the number of appends, for an open the images in the cache. */
  images: number
  /** Bytes of each image, or of each append. */
  size: number
}

export type Load =
  | (Common & { kind: 'transfer'; writers: number; readers: number; reads: number })
  | (Common & { kind: 'append' })
  | (Common & { kind: 'open'; opens: number })

const all: readonly Load[] = [
  transfer('one-large', 'one image of 1 GiB', {
    images: 1,
    size: 1024 * MIB,
    writers: 1,
    readers: 1,
  }),
  transfer('many-large', '64 images of 16 MiB, 4 writers', {
    images: 64,
    size: 16 * MIB,
    writers: 4,
    readers: 1,
  }),
  transfer('many-small', '20,000 images of 2 KiB, 8 writers', {
    images: 20_000,
    size: 2 * KIB,
    writers: 8,
    readers: 8,
  }),
  transfer('many-readers', '1,000 readers that wait for one image of 1 MiB', {
    images: 1,
    size: MIB,
    writers: 1,
    readers: 1000,
    reads: 1000,
  }),
  {
    kind: 'append',
    name: 'append',
    about: '10,000 appends of 256 bytes to one image',
    images: 10_000,
    size: 256,
  },
  open('open-100', '100'),
  open('open-10000', '10,000'),
  open('open-1000000', '1,000,000'),
]

/** Name of the load that needs a container: see through-mount.ts. */
export const MOUNT = 'mount'
/** Random memory of the target process of that load, in MiB. */
const MOUNT_MEBIBYTES = 2048

export const loadNames = [...all.map(({ name }) => name), MOUNT]

/**
 * Returns the loads with the given names, or all loads. A scale below 1 reduces the number of
 * images, or the size of a single image.
 */
export function selectLoads(names: readonly string[], scale: number): Load[] {
  const selected = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
  return selected.map((load) => scaled(load, scale))
}

/** Returns the memory of the load `mount` in MiB; undefined if `names` leaves it out. */
export function selectMount(names: readonly string[], scale: number): number | undefined {
  if (names.length > 0 && !names.includes(MOUNT)) return undefined
  return Math.ceil(MOUNT_MEBIBYTES * scale)
}

/** Returns the bytes that a proxy or cache holds at the end of a load. */
export function bytesHeld({ images, size }: Load): number {
  return images * size
}

type Transfer = Extract<Load, { kind: 'transfer' }>

function transfer(
  name: string,
  about: string,
  numbers: Pick<Transfer, 'images' | 'size' | 'writers' | 'readers'> & { reads?: number },
): Load {
  return { kind: 'transfer', name, about, reads: 1, ...numbers }
}

function open(name: string, images: string): Load {
  const about = `opens of an image of 1 KiB, one after the other, in a cache that holds ${images}`
  return {
    kind: 'open',
    name,
    about,
    images: Number(images.replaceAll(',', '')),
    size: KIB,
    opens: 5000,
  }
}

function scaled(load: Load, scale: number): Load {
  if (scale === 1) return load
  const less = (value: number) => Math.max(1, Math.round(value * scale))
  const smaller = load.images === 1 ? { size: less(load.size) } : { images: less(load.images) }
  return { ...load, ...smaller, about: `${load.about}, scaled by ${scale}` }
}
