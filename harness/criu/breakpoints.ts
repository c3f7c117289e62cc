import { checkout } from '../hosts/checkout.ts'
import { type Host, run } from '../hosts/host.ts'

/*
 * Whether CRIU may use hardware breakpoints.
 *
 * CRIU stops a process at the end of its parasite by one. On a virtual machine whose hypervisor does not pass the debug registers
 * on it never fires, and a CRIU before 4.2 waits for ever. CRIU can step from system call to system call in its place,
 * which works everywhere and takes longer. So this is tried once, with a program that is compiled on the host; where
 * there is no compiler CRIU steps. All hosts that a process has to do with share a kernel.
 */

/** CRIU's own switch for it (FI_NO_BREAKPOINTS). */
const STEPPING = { CRIU_FAULT: '130' }

const SCRIPT =
  'd=$(mktemp -d) && cc -o "$d/breakpoint" "$1" && "$d/breakpoint"; code=$?; rm -rf "$d"; exit $code'

let fires: Promise<boolean> | undefined

/** Whether a hardware breakpoint stops a traced process on this kernel. `program`, if it is given, is breakpoint.c compiled. */
export function breakpointsFire(host: Host, program?: string): Promise<boolean> {
  const command =
    program === undefined
      ? ['sh', '-c', SCRIPT, 'sh', `${checkout}/harness/native/breakpoint.c`]
      : [program]
  fires ??= run(host, command).then(({ code }) => code === 0)
  return fires
}

/** Variables that every criu on the host needs. */
export async function criuVariables(host: Host): Promise<Record<string, string>> {
  return (await breakpointsFire(host)) ? {} : STEPPING
}
