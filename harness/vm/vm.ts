import { parseJson } from '../checked.ts'
import { checkout } from '../hosts/checkout.ts'
import { type Completed, type Host, HostError, lastLine } from '../hosts/host.ts'
import { kvmIsKnownToFail, rememberKvmFails } from './known-kvm.ts'
import { type Booted, bootedSchema, NO_GUEST, type VmOptions } from './options.ts'

/*
 * A guest in a host, for one command: see guest.ts. The guest ends with the command, and with the
 * host.
 */

export interface VmProcess {
  booted: Booted
  /**
   * Resolves at the end of the command and the guest. Rejects with HostError if the guest ended
   * without the command's exit code.
   */
  exited: Promise<Completed>
}

/** Boots a kernel and starts a command on it. Throws HostError if the guest does not boot. */
export async function startInVm(
  host: Host,
  { kernel, shares, command }: Omit<VmOptions, 'kvm'>,
  onLine?: (line: string) => void,
): Promise<VmProcess> {
  const doing = `booting kernel ${kernel} in ${host.name}`
  const options: VmOptions = { kernel, shares, command, kvm: !kvmIsKnownToFail() }
  const first = firstLine(onLine)
  const started = await host.start(
    [...host.node, `${checkout}/harness/vm/run-in-guest.ts`, JSON.stringify(options)],
    { onLine: first.onLine },
  )
  const exited = started.exited.then((completed) => {
    if (completed.code === NO_GUEST) throw new HostError(lastLine(completed.stderr))
    return completed
  })
  const early = exited.then(({ code, stderr }) => {
    throw new HostError(`${doing}: exit ${code}: ${lastLine(stderr)}`)
  })
  early.catch(() => {})
  const booted = bootedFrom(await Promise.race([first.line, early]), doing)
  if (booted.kvmFailed !== undefined) rememberKvmFails()
  return { booted, exited }
}

/** Returns the first line of an output as a promise; `onLine` gets the later lines. */
function firstLine(onLine?: (line: string) => void): {
  line: Promise<string>
  onLine: (line: string) => void
} {
  const first = Promise.withResolvers<string>()
  let isFirst = true
  return {
    line: first.promise,
    onLine(line) {
      if (!isFirst) onLine?.(line)
      isFirst = false
      first.resolve(line)
    },
  }
}

function bootedFrom(line: string, doing: string): Booted {
  try {
    return parseJson(bootedSchema, line, 'reading how the guest booted')
  } catch (thrown) {
    throw HostError.from(thrown, doing)
  }
}
