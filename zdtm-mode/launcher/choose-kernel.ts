import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { hasFeature } from '../../harness/criu/criu.ts'
import type { Host } from '../../harness/hosts/host.ts'
import { IMAGE_KERNEL } from '../../harness/vm/guest.ts'
import { kvmIsKnownToFail } from '../../harness/vm/known-kvm.ts'
import type { Plan } from '../plan.ts'
import { SelectionError } from '../select/selection-error.ts'
import type { GuestKernel } from './agent-process.ts'

/* The kernel that the tests run on: the host's own, or that of a guest in the host. */

/** The guest's kernel, absent for the host's own; or `cannot`, the reason why no test can run. */
export type Chosen = { guest?: GuestKernel } | { cannot: string }

const TRACKING = 'mem_dirty_track'

/**
 * Returns 'host' and 'auto' unchanged, else the absolute path of a kernel. Throws SelectionError if
 * the path does not exist: a container engine would make a directory there.
 */
export function kernelPath(given: string): string {
  if (given === 'host' || given === 'auto') return given
  if (statSync(given, { throwIfNoEntry: false }) === undefined)
    throw new SelectionError(`using the kernel ${given}: there is no such file or directory`)
  return resolve(given)
}

/** Chooses the kernel for 'host', 'auto' or the path of a kernel package in the host. */
export async function chooseKernel(host: Host, kernel: string, plan: Plan): Promise<Chosen> {
  if (kernel !== 'host' && kernel !== 'auto') return { guest: guestWith(kernel) }
  if (!needsTracking(plan) || (await hasFeature(host, plan.mode.criu, TRACKING))) return {}
  if (kernel === 'auto') return { guest: guestWith(IMAGE_KERNEL) }
  return { cannot: `this kernel can't track memory (criu check --feature ${TRACKING})` }
}

const guestWith = (kernel: string): GuestKernel => ({ kernel, kvm: !kvmIsKnownToFail() })

/** Pre-dumps and full dumps that are parents of others need a kernel that tracks memory. */
const needsTracking = ({ mode, tests }: Plan) =>
  mode.pre > 0 || tests.some(({ desc }) => desc.feature.includes(TRACKING))
