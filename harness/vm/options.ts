/** What a virtual machine is started with. */
export interface VmOptions {
  /** A Debian kernel package, or a directory with one unpacked. */
  kernel: string
  /** Whether to try KVM. */
  kvm: boolean
  /** Files and directories that the guest shall see, read-only at the same path, also where it has a tmpfs of its own. */
  shares: readonly string[]
  /** Ports beside those of the command, 0 if not given. */
  ports?: number
  command: readonly string[]
}

/** How a guest came up. */
export interface Booted {
  accelerator: 'kvm' | 'tcg'
  /** From the start of QEMU to the start of the command, in ms. */
  boot: number
  /** Why KVM was not used, where it was tried. */
  kvmFailed?: string
}

/** Exit code for a guest that did not boot, or that ended without the command's exit code; the reason is the last line of stderr. */
export const NO_GUEST = 125
