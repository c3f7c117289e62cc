import { type LoadedCase, loadCases } from '../harness/conformance/loaded-cases.ts'
import { cases as cacheCuts } from './cases/cache-cuts.ts'
import { cases as cacheEnd } from './cases/cache-end.ts'
import { cases as cacheFraming } from './cases/cache-framing.ts'
import { cases as cacheLink } from './cases/cache-link.ts'
import { cases as cacheLocal } from './cases/cache-local.ts'
import { cases as cacheOrder } from './cases/cache-order.ts'
import { cases as cacheReads } from './cases/cache-reads.ts'
import { cases as cacheResources } from './cases/cache-resources.ts'
import { cases as cacheStrangers } from './cases/cache-strangers.ts'
import { cases as clientEnd } from './cases/client-end.ts'
import { cases as clientReplies } from './cases/client-replies.ts'
import { cases as clientRequests } from './cases/client-requests.ts'
import { cases as clientSnapshots } from './cases/client-snapshots.ts'
import { cases as foundByAdversary } from './cases/found-by-adversary.ts'
import { cases as foundByArchitectures } from './cases/found-by-architectures.ts'
import { cases as foundByThreads } from './cases/found-by-threads.ts'
import { cases as frames } from './cases/frames.ts'
import { cases as fuzz } from './cases/fuzz.ts'
import { cases as model } from './cases/model.ts'
import { cases as pair } from './cases/pair.ts'
import { cases as proxyCompleted } from './cases/proxy-completed.ts'
import { cases as proxyCuts } from './cases/proxy-cuts.ts'
import { cases as proxyEnd } from './cases/proxy-end.ts'
import { cases as proxyFinishOrder } from './cases/proxy-finish-order.ts'
import { cases as proxyForwarding } from './cases/proxy-forwarding.ts'
import { cases as proxyFraming } from './cases/proxy-framing.ts'
import { cases as proxyLocal } from './cases/proxy-local.ts'
import { cases as proxyOrder } from './cases/proxy-order.ts'
import { cases as proxyReads } from './cases/proxy-reads.ts'
import { cases as proxyResources } from './cases/proxy-resources.ts'
import { cases as proxySnapshots } from './cases/proxy-snapshots.ts'

/**
 * All cases of the suite, by group. Their ids are unique, and their clauses are in the register.
 */
export const allCases: readonly LoadedCase[] = loadCases({
  'cache-end': cacheEnd,
  'cache-framing': cacheFraming,
  'cache-link': cacheLink,
  'cache-local': cacheLocal,
  'cache-reads': cacheReads,
  'cache-resources': cacheResources,
  fuzz,
  'found-by-threads': foundByThreads,
  model,
  pair,
  'proxy-end': proxyEnd,
  'proxy-forwarding': proxyForwarding,
  'proxy-framing': proxyFraming,
  'proxy-local': proxyLocal,
  'proxy-reads': proxyReads,
  'proxy-completed': proxyCompleted,
  'proxy-resources': proxyResources,
  'proxy-snapshots': proxySnapshots,
  'proxy-order': proxyOrder,
  'proxy-finish-order': proxyFinishOrder,
  'proxy-cuts': proxyCuts,
  'cache-order': cacheOrder,
  'cache-cuts': cacheCuts,
  'cache-strangers': cacheStrangers,
  frames,
  'found-by-architectures': foundByArchitectures,
  'found-by-adversary': foundByAdversary,
  'client-requests': clientRequests,
  'client-replies': clientReplies,
  'client-snapshots': clientSnapshots,
  'client-end': clientEnd,
})

/** The cases that run without a selection: none of them takes minutes or gigabytes. */
export const usualCases: readonly LoadedCase[] = allCases.filter(
  ({ value }) => value.optIn !== true,
)
