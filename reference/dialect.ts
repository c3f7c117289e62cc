import { O_APPEND, O_WRONLY } from '../proto/messages.ts'

/*
 * What differs between the CRIU versions that spoke this protocol, as values (the table 'Dialects' of the protocol):
 * the names of the control requests, and how an append is forwarded. `auto` takes the control names of
 * either version, request by request, and otherwise does as `ours`.
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
  /** What our client sends. */
  client: ControlNames
  /** What a server understands. */
  server: readonly ControlNames[]
  /** Whether an append is forwarded as the whole image, or as its new bytes only with the size of all. */
  appendForwardedAs: 'whole image' | 'new bytes'
  /** Whether a forwarded image always carries O_APPEND, whatever the client's open mode was. */
  alwaysAppend: boolean
}

/** Image holding the list of snapshots, under the null snapshot id (S2). */
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

/** Key of a snapshot in the store: the null snapshot is one, whatever a client calls it. */
export function snapshotKey({ server }: Dialect, snapshotId: string): string {
  return server.some((names) => names.nullSnapshotId === snapshotId) ? '' : `=${snapshotId}`
}

/** Whether a write of this image means 'the dump is finished' (E1). */
export function isDumpFinish({ server }: Dialect, snapshotId: string, name: string): boolean {
  return server.some((names) => names.nullSnapshotId === snapshotId && names.dumpFinish === name)
}

/** Whether a read of this image means 'the restore is finished' (E2). */
export function isRestoreFinish({ server }: Dialect, snapshotId: string, name: string): boolean {
  return server.some((names) => names.nullSnapshotId === snapshotId && names.restoreFinish === name)
}

/**
 * The open mode of a forwarded image. A CRIU of 2017 always sends O_APPEND, so that a second write of an image
 * would be added to the first by its caches; a write that replaces therefore says O_WRONLY, which they obey.
 */
export function forwardedMode(
  dialect: Dialect,
  kind: 'write' | 'append',
  replaces: boolean,
): number {
  if (kind === 'append' || (dialect.alwaysAppend && !replaces)) return O_APPEND
  return O_WRONLY
}
