import { hasFeature } from '../../harness/criu/criu.ts'
import type { Host } from '../../harness/hosts/host.ts'
import { IMAGE_KERNEL } from '../../harness/vm/guest.ts'
import { kvmIsKnownToFail } from '../../harness/vm/known-kvm.ts'
import type { Plan } from '../plan.ts'

/* Which kernel the tests run on: the host's, or that of a guest within the host. */

/** The guest's kernel, if it is to be a guest; or `cannot`, why none of the tests can run there. */
export type Chosen = { guest?: { kernel: string; kvm: boolean } } | { cannot: string }

/** For 'host', 'auto', or the path of a kernel package, in the host. */
export async function chooseKernel(host: Host, kernel: string, plan: Plan): Promise<Chosen> {
  const given = kernel !== 'host' && kernel !== 'auto'
  if (given) return { guest: { kernel, kvm: !kvmIsKnownToFail() } }
  const tracks = !needsTracking(plan) || (await hasFeature(host, plan.mode.criu, TRACKING))
  if (tracks) return {}
  if (kernel === 'host')
    return { cannot: `this kernel can't track memory (criu check --feature ${TRACKING})` }
  return { guest: { kernel: IMAGE_KERNEL, kvm: !kvmIsKnownToFail() } }
}

const TRACKING = 'mem_dirty_track'

/** Pre-dumps, and full dumps that are the parents of others. */
const needsTracking = ({ mode, tests }: Plan) =>
  mode.pre > 0 || tests.some(({ desc }) => desc.feature.includes(TRACKING))
