import type { CaseResult } from './result.ts'

/**
 * The cases of each role without which no other case works, the simplest first: one image written,
 * one image read, clients one after the other. A failure of one blocks all later cases of its role.
 * A pair needs the basics of both daemons as well.
 */
const basics: Record<CaseResult['role'], readonly string[]> = {
  proxy: ['proxy-forwards-an-image', 'proxy-read-back', 'proxy-socket-where-told'],
  cache: ['cache-read-held', 'cache-socket'],
  pair: ['pair-migration'],
  client: ['client-dump', 'client-migration'],
}

const ofDaemons = [...basics.cache, ...basics.proxy, ...basics.pair]
const all = [...ofDaemons, ...basics.client]

/** Returns the place of a case among the basic ones, 0 the simplest; undefined for other cases. */
export function basicRank(id: string): number | undefined {
  const rank = all.indexOf(id)
  return rank === -1 ? undefined : rank
}

/** Returns the basic cases on which a case depends, the simplest first. */
export function basicsOf({ id, role }: Pick<CaseResult, 'id' | 'role'>): readonly string[] {
  const own = role === 'pair' ? ofDaemons : basics[role]
  const rank = own.indexOf(id)
  return rank === -1 ? own : own.slice(0, rank)
}
