import { execa } from 'execa'
import { checkout, criuRemoteCommand } from '../harness/hosts/checkout.ts'
import { type Host, shell } from '../harness/hosts/host.ts'

/** A program of fixtures/zdtm, as `static/env`, compiled in a host, where there is a compiler. */
export async function ownProgram(host: Host, name: string): Promise<Buffer> {
  const lines: string[] = []
  const script = 'make -s -C "$1/fixtures/zdtm" OUT=/run/programs "/run/programs/$2" && base64 "/run/programs/$2"'
  await shell(host, script, [checkout, name], { onLine: (line) => lines.push(line) })
  return Buffer.from(lines.join(''), 'base64')
}

const [node, ...main] = criuRemoteCommand(process.execPath) as [string, ...string[]]

/** `criu-remote zdtm run`, as a user runs it, whatever its exit code. */
export const zdtm = (...parameters: string[]) => execa(node, [...main, 'zdtm', 'run', ...parameters], { reject: false })
