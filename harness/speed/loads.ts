/* What is measured: each load as a value. `--scale` makes them smaller. */

const KIB = 1024
const MIB = 1024 * KIB

interface Common {
  name: string
  about: string
  /** Images; of an append, how often; of an open, how many are held. */
  images: number
  /** Bytes of each. */
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

/** The load that needs containers: see through-mount.ts. */
export const MOUNT = 'mount'
/** Random memory of its process, in MiB. */
const MOUNT_MEBIBYTES = 2048

export const loadNames = [...all.map(({ name }) => name), MOUNT]

/** The loads of these names, or all; at a scale below 1 with less of what there is most of. */
export function selectLoads(names: readonly string[], scale: number): Load[] {
  const selected = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
  return selected.map((load) => scaled(load, scale))
}

/** MiB of the process to dump and restore through the mount, where that was asked for. */
export function selectMount(names: readonly string[], scale: number): number | undefined {
  if (names.length > 0 && !names.includes(MOUNT)) return undefined
  return Math.ceil(MOUNT_MEBIBYTES * scale)
}

/** Bytes that a proxy or cache holds at the end. */
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
  const about = `opens of an image of 1 KiB, one after the other, among ${images} held by the cache`
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
