import { z } from 'zod'

/** Options of a guest. They go to run-in-guest.ts as JSON. */
export const vmOptions = z.object({
  /** Path of a Debian kernel package, or of a directory with an unpacked package. */
  kernel: z.string(),
  /** Whether to try KVM first. */
  kvm: z.boolean(),
  /**
   * Files and directories that the guest sees, read-only at the same path, also below a directory
   * where the guest has a tmpfs of its own.
   */
  shares: z.array(z.string()).readonly(),
  /** Number of ports besides the command's own; 0 by default. */
  ports: z.number().exactOptional(),
  command: z.array(z.string()).readonly(),
})
export type VmOptions = z.infer<typeof vmOptions>

/** How a guest booted. It is the first line of run-in-guest.ts, as JSON. */
export const bootedSchema = z.object({
  accelerator: z.enum(['kvm', 'tcg']),
  /** Time from the start of QEMU to the start of the command, in ms. */
  boot: z.number(),
  /** Why the attempt with KVM failed; absent without a failed attempt. */
  kvmFailed: z.string().exactOptional(),
})
export type Booted = z.infer<typeof bootedSchema>

/**
 * Exit code of run-in-guest.ts for a guest that did not boot, or that ended without the command's
 * exit code. The last line of stderr gives the reason.
 */
export const NO_GUEST = 125
