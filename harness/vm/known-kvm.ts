import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cacheDirectory } from '../hosts/checkout.ts'

/*
 * Remembers a KVM that fails until the next boot of this machine: each attempt with a KVM that
 * hangs costs a whole deadline.
 */

const MARK = `${cacheDirectory}/no-kvm`

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')

/** Returns whether KVM failed since this machine's last boot. */
export const kvmIsKnownToFail = () => existsSync(MARK) && readFileSync(MARK, 'utf8') === bootId()

/** Records that KVM fails on this machine. */
export function rememberKvmFails(): void {
  mkdirSync(cacheDirectory, { recursive: true })
  writeFileSync(MARK, bootId())
}
