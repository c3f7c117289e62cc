import { existsSync } from 'node:fs'
import { arch } from 'node:os'
import { dirname } from 'node:path'
import { type Host, run } from '../../harness/hosts/host.ts'
import type { Mode, PlannedTest } from '../plan.ts'
import { firstOf } from '../test/libraries.ts'

/* What keeps a test from being run in a host, found before it is tried: such a test is skipped, never passed. */

const CHECK_TIMEOUT = 60_000
/** Node's names of architectures where `uname -m` has others. */
const MACHINES: Record<string, string> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  ppc64: 'ppc64le',
  arm: 'armv7l',
}

/** The reason not to run it, if there is one. */
export async function whyNot(
  host: Host,
  test: PlannedTest,
  mode: Mode,
  has: (host: Host, feature: string) => Promise<boolean>,
): Promise<string | undefined> {
  const { desc, flavor, program } = test
  const machine = MACHINES[arch()] ?? arch()
  // As zdtm.py has it, which knows no list here.
  if (desc.arch.length > 0 && desc.arch.join(' ') !== machine)
    return `it is for ${desc.arch.join(', ')}, and this is ${machine}`
  if (mode.norst && desc.flags.includes('reqrst')) return 'it needs a restore'
  for (const feature of desc.feature)
    if (!(await has(host, feature))) return `criu check --feature ${feature} fails`
  const options = [...desc.opts, ...desc.dopts, ...desc.ropts]
  if (options.includes('--pidfd-store'))
    return "its option --pidfd-store is not one of criu's command line"
  if (options.some((word) => word.startsWith('../')))
    return "an option of criu names a file by its way from zdtm.py's images directory"
  const missing = flavor === 'h' ? undefined : desc.deps.find((file) => firstOf(file) === undefined)
  if (missing !== undefined) return `none of its deps ${missing.replaceAll('|', ', ')} is there`
  return checkSkip(host, program)
}

async function checkSkip(host: Host, program: string): Promise<string | undefined> {
  const check = `${program}.checkskip`
  if (!program.startsWith('/') || !existsSync(check)) return undefined
  const directory = dirname(dirname(dirname(program)))
  const { code, stdout } = await run(host, ['sh', '-c', '"$1" 2>&1', 'sh', check], {
    workingDirectory: directory,
    timeout: CHECK_TIMEOUT,
  })
  if (code === 0) return undefined
  return `its .checkskip ends with exit ${code}: ${stdout.trim().split('\n').at(-1) || 'it said nothing'}`
}
