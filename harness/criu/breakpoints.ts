import { checkout } from '../hosts/checkout.ts'
import { type Host, run } from '../hosts/host.ts'

/*
 * Finds out whether CRIU can use hardware breakpoints.
 *
 * CRIU stops a process at the end of its parasite by a hardware breakpoint. In a virtual machine
 * whose hypervisor does not pass the debug registers on, a breakpoint never fires, and a CRIU
 * before 4.2 waits for ever. CRIU can step from system call to system call instead, which works
 * everywhere and takes longer. So a small program tries a breakpoint once for each kernel; a host
 * without a compiler counts as a host whose breakpoints do not fire.
 */

/** CRIU's own switch for stepping (FI_NO_BREAKPOINTS). */
const STEPPING = { CRIU_FAULT: '130' }

const SCRIPT =
  'd=$(mktemp -d) && cc -o "$d/breakpoint" "$1" && "$d/breakpoint"; code=$?; rm -rf "$d"; exit $code'

const answers = new WeakMap<object, Promise<boolean>>()

/**
 * Returns whether a hardware breakpoint stops a traced process on the host's kernel. The first call
 * for a kernel tries it, with `program` (breakpoint.c, compiled) or by the host's own compiler.
 */
export function breakpointsFire(host: Host, program?: string): Promise<boolean> {
  const known = answers.get(host.kernel)
  if (known !== undefined) return known
  const source = `${checkout}/harness/native/breakpoint.c`
  const command = program === undefined ? ['sh', '-c', SCRIPT, 'sh', source] : [program]
  const answer = run(host, command).then(({ code }) => code === 0)
  answers.set(host.kernel, answer)
  answer.catch(() => answers.delete(host.kernel))
  return answer
}

/** Returns the environment variables that every criu on the host needs. */
export async function criuVariables(host: Host): Promise<Record<string, string>> {
  return (await breakpointsFire(host)) ? {} : STEPPING
}
