import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cacheDirectory } from '../hosts/checkout.ts'

/* A KVM that hangs costs its deadline; so it is remembered until this machine boots again. */

const MARK = `${cacheDirectory}/no-kvm`

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')

export const kvmIsKnownToFail = () => existsSync(MARK) && readFileSync(MARK, 'utf8') === bootId()

export function rememberKvmFails(): void {
  mkdirSync(cacheDirectory, { recursive: true })
  writeFileSync(MARK, bootId())
}
