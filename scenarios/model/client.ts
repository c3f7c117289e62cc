import {
  type Case,
  type ClientRequest,
  type ClientUnderTest,
  type Completed,
  demand,
  LIST,
} from '../../harness/conformance/index.ts'

/* Steps and marks that several cases of a client share. */

/** A case of a client. */
export type ClientCase = Extract<Case, { role: 'client' }>

/** A request or an image. */
type Named = { name: string }

export const isInventory = ({ name }: Named) => name === 'inventory.img'
export const isCore = ({ name }: Named) => /^core-\d+\.img$/.test(name)
export const isPages = ({ name }: Named) => /^pages-\d+\.img$/.test(name)
export const isPagemap = ({ name }: Named) => /^pagemap-\d+\.img$/.test(name)
export const isList = ({ name }: Named) => name === LIST
export const isListRead = (request: ClientRequest) => isList(request) && request.isRead

/** Dumps the target as snapshot `2` and demands success. */
export async function dumped(client: ClientUnderTest, clause: string): Promise<void> {
  client.succeeded(await client.dump('2'), 'dump', clause)
}

/** Dumps the target after a pre-dump `1`, and demands success of both. */
export async function dumpedTwice(client: ClientUnderTest, clause: string): Promise<void> {
  client.succeeded(await client.preDump('1'), 'pre-dump', clause)
  client.targetLives('a pre-dump', clause)
  await dumped(client, clause)
}

/** Restores snapshot `2` and demands that the tree runs. */
export async function restored(client: ClientUnderTest, clause: string): Promise<void> {
  client.succeeded(await client.restore('2'), 'restore', clause)
  client.restoredLives('2', clause)
}

/**
 * Restores snapshot `2` and demands a failure that leaves nothing. With sound servers the same
 * images are then restored.
 */
export async function failsAndCanBeRepeated(
  client: ClientUnderTest,
  clause: string,
): Promise<void> {
  await failsAndLeavesNothing(client, clause)
  client.cache.heal()
  await restored(client, 'K18')
}

/** Restores snapshot `2` and demands a failure that leaves nothing and sends no finish. */
export async function failsAndLeavesNothing(
  client: ClientUnderTest,
  clause: string,
): Promise<void> {
  await leavesNothing(client, await client.restore('2'), clause)
}

/** Demands that a restore failed, left nothing, and sent no finish. */
export async function leavesNothing(
  client: ClientUnderTest,
  completed: Completed,
  clause: string,
): Promise<void> {
  client.failed(completed, 'restore', clause)
  await client.nothingIsRestored('K18')
  const permitted = { outcome: 'none after a failed restore', clause: 'K17' }
  const count = client.restoreFinishes.length
  demand(count === 0, 'the finishes of the restore', permitted, `${count}`)
}

/** Demands that a dump of the target failed and left it as it was. */
export async function dumpFails(client: ClientUnderTest, clause: string): Promise<void> {
  client.failed(await client.dump('2'), 'dump', clause)
  client.targetLives('a failed dump')
}

/** Returns a rule that treats the first request of a kind in some way, and no other. */
export function once<T>(
  isIt: (request: ClientRequest) => boolean,
  behaviour: T,
): (request: ClientRequest) => T | undefined {
  let done = false
  return (request) => {
    if (done || !isIt(request)) return undefined
    done = true
    return behaviour
  }
}

/** Returns a rule for every request of a kind. */
export function always<T>(
  isIt: (request: ClientRequest) => boolean,
  behaviour: T,
): (request: ClientRequest) => T | undefined {
  return (request) => (isIt(request) ? behaviour : undefined)
}

/** Returns the image of a client that satisfies; throws an error of the suite if there is none. */
export function imageOf(
  client: ClientUnderTest,
  snapshot: string,
  isIt: (image: { name: string }) => boolean,
): { name: string; bytes: Buffer } | undefined {
  return client.store.of(client.id(snapshot)).find(isIt)
}
