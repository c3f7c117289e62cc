import { Presets, SingleBar } from 'cli-progress'
import { printable } from '../../harness/printable.ts'
import { rememberKvmFails } from '../../harness/vm/known-kvm.ts'
import type { Booted } from '../../harness/vm/options.ts'
import type { LineOf, ZdtmResult } from '../agent-line.ts'
import type { TestId } from '../plan.ts'

const AS_ROOT =
  "all of them run as root: this machine has no CAP_SYS_RESOURCE to dump another user's process\n"

/** Shows a run: a bar on a terminal, else a line for each test. */
export class Progress {
  readonly #total: number
  readonly #bar = new SingleBar(
    { format: '  {bar} {value}/{total} | {test}', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  )

  constructor(total: number) {
    this.#total = total
    if (process.stderr.isTTY) this.#bar.start(total, 0, { test: '' })
  }

  /** Prints which machine runs the tests. */
  ready({ kernel, criu, asRoot, booted }: LineOf<'ready'>): void {
    if (booted !== undefined) printBoot(booted)
    process.stdout.write(`${this.#total} tests, kernel ${kernel}, CRIU ${criu}\n`)
    if (asRoot) process.stdout.write(AS_ROOT)
  }

  begin({ name, flavor }: TestId): void {
    this.#bar.update({ test: `${name} ${flavor}` })
  }

  end(result: ZdtmResult): void {
    this.#bar.increment()
    const { name, flavor, outcome, duration } = result
    if (!process.stderr.isTTY)
      process.stdout.write(`${outcome} ${name} ${flavor} (${duration} ms)${reasonOf(result)}\n`)
  }

  stop(): void {
    this.#bar.stop()
  }
}

function reasonOf({ outcome, what, actual }: ZdtmResult): string {
  if (outcome === 'pass') return ''
  return `: ${printable([what, actual].filter(Boolean).join(': ').replaceAll('\n', ' '))}`
}

function printBoot({ accelerator, boot, kvmFailed }: Booted): void {
  if (kvmFailed !== undefined) {
    rememberKvmFails()
    process.stdout.write(`no KVM: ${kvmFailed}\n`)
  }
  process.stdout.write(`guest up in ${(boot / 1000).toFixed(1)} s (${accelerator})\n`)
}
