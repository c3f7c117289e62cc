import { O_APPEND, O_WRONLY } from '../proto/messages.ts'

/*
 * The differences between the CRIU versions that spoke this protocol, as values (the table
 * 'Dialects' of the protocol): the names of the control requests, and how an append is forwarded.
 * `auto` accepts the control names of either version, request by request, and is `ours` in
 * everything else.
 */

export const dialectNames = ['auto', 'ours', 'criu-2017', 'criu-2019'] as const
export type DialectName = (typeof dialectNames)[number]

/** Names under the null snapshot id that are requests instead of images (S2, E1, E2). */
interface ControlNames {
  nullSnapshotId: string
  dumpFinish: string
  restoreFinish: string
}

export interface Dialect {
  name: DialectName
  /** Names that this project's client sends. */
  client: ControlNames
  /** Names that a proxy or cache accepts. */
  server: readonly ControlNames[]
  /**
   * The body of a forwarded append: the whole image, or only its new bytes. The header has the size
   * of the whole image.
   */
  appendForwardedAs: 'whole image' | 'new bytes'
  /** Whether a forwarded new image carries O_APPEND even if the client's open mode was O_WRONLY. */
  alwaysAppend: boolean
}

/** Name of the image under the null snapshot id that holds the list of snapshots (S2). */
export const SNAPSHOT_LIST = 'parent'

const names2017: ControlNames = {
  nullSnapshotId: 'null',
  dumpFinish: 'DUMP_FINISH',
  restoreFinish: 'RESTORE_FINISH',
}
const names2019: ControlNames = { nullSnapshotId: '', dumpFinish: '', restoreFinish: '' }

const dialects: Record<DialectName, Omit<Dialect, 'name'>> = {
  auto: {
    client: names2017,
    server: [names2017, names2019],
    appendForwardedAs: 'whole image',
    alwaysAppend: false,
  },
  ours: {
    client: names2017,
    server: [names2017],
    appendForwardedAs: 'whole image',
    alwaysAppend: false,
  },
  'criu-2017': {
    client: names2017,
    server: [names2017],
    appendForwardedAs: 'new bytes',
    alwaysAppend: true,
  },
  'criu-2019': {
    client: names2019,
    server: [names2019],
    appendForwardedAs: 'new bytes',
    alwaysAppend: false,
  },
}

export function dialect(name: DialectName): Dialect {
  return { name, ...dialects[name] }
}

/**
 * Returns the store's key for a snapshot: the same key for every null snapshot id that the dialect
 * accepts.
 */
export function snapshotKey({ server }: Dialect, snapshotId: string): string {
  return server.some((names) => names.nullSnapshotId === snapshotId) ? '' : `=${snapshotId}`
}

interface Identity {
  snapshotId: string
  name: string
}

/** Whether a write of this image means that the dump is finished (E1). */
export function isDumpFinish({ server }: Dialect, { snapshotId, name }: Identity): boolean {
  return server.some((names) => names.nullSnapshotId === snapshotId && names.dumpFinish === name)
}

/** Whether a read of this image means that the restore is finished (E2). */
export function isRestoreFinish({ server }: Dialect, { snapshotId, name }: Identity): boolean {
  return server.some((names) => names.nullSnapshotId === snapshotId && names.restoreFinish === name)
}

/**
 * Returns the open mode of a forwarded image. A CRIU of 2017 always sends O_APPEND, so its caches
 * would add a second write of an image to the first. A write that replaces an image therefore says
 * O_WRONLY, which those caches obey.
 */
export function forwardedMode(
  dialect: Dialect,
  kind: 'write' | 'append',
  replaces: boolean,
): number {
  if (kind === 'append' || (dialect.alwaysAppend && !replaces)) return O_APPEND
  return O_WRONLY
}

/**
 * Whether the bytes of a forwarded image go after the bytes that the cache has of it. Otherwise
 * they replace them.
 */
export function addsToImage(dialect: Dialect, openMode: number): boolean {
  return (openMode & O_APPEND) !== 0 && dialect.appendForwardedAs === 'new bytes'
}
