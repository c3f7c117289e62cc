import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { buildPrograms } from '../../zdtm-mode/launcher/build-programs.ts'
import type { Host } from '../hosts/host.ts'
import { main, node } from './criu-remote.ts'

/** A program of fixtures/zdtm, as `static/env`, compiled in a host, where there is a compiler. */
export const ownProgram = async (host: Host, name: string): Promise<Buffer> =>
  readFileSync(`${await buildPrograms(host)}/${name}`)

/** `criu-remote zdtm run`, as a user runs it, whatever its exit code. */
export const zdtm = (...parameters: string[]) =>
  execa(node, [...main, 'zdtm', 'run', ...parameters], { reject: false })

/** The tests that such a run would have, a line each, with the flavor. */
export async function planned(...parameters: string[]): Promise<string[]> {
  const { stdout } = await zdtm(...parameters, '--dry-run')
  return stdout.split('\n')
}
