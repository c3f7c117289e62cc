import { existsSync } from 'node:fs'
import { arch } from 'node:os'
import { dirname } from 'node:path'
import { type Host, run } from '../../harness/hosts/host.ts'
import type { Mode, PlannedTest } from '../plan.ts'
import { firstOf } from '../test/libraries.ts'

/*
 * Reasons why a test cannot run on a host, found before it starts: the test is skipped, never
 * passed.
 */

/** Deadline of a .checkskip, in ms. */
const CHECK_TIMEOUT = 60_000
/** Node's names of architectures whose name in `uname -m` is another. */
const MACHINES: Record<string, string> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  ppc64: 'ppc64le',
  arm: 'armv7l',
}

type HasFeature = (host: Host, feature: string) => Promise<boolean>

/** Returns the reason to skip the test, if there is one. */
export async function skipReason(
  host: Host,
  test: PlannedTest,
  mode: Mode,
  has: HasFeature,
): Promise<string | undefined> {
  return (
    otherArchitecture(test) ??
    (mode.norst && test.desc.flags.includes('reqrst') ? 'it needs a restore' : undefined) ??
    (await missingFeature(host, test, has)) ??
    unusableOption(test) ??
    missingFile(test) ??
    (await checkSkip(host, test.program))
  )
}

/** zdtm.py compares the whole key `arch` with the machine: to it the key is no list. */
function otherArchitecture({ desc }: PlannedTest): string | undefined {
  const machine = MACHINES[arch()] ?? arch()
  if (desc.arch.length === 0 || desc.arch.join(' ') === machine) return undefined
  return `it is for ${desc.arch.join(', ')}, and this is ${machine}`
}

async function missingFeature(
  host: Host,
  { desc }: PlannedTest,
  has: HasFeature,
): Promise<string | undefined> {
  for (const feature of desc.feature)
    if (!(await has(host, feature))) return `criu check --feature ${feature} fails`
  return undefined
}

function unusableOption({ desc }: PlannedTest): string | undefined {
  const options = [...desc.opts, ...desc.dopts, ...desc.ropts]
  if (options.includes('--pidfd-store'))
    return "its option --pidfd-store is not one of criu's command line"
  if (options.some((word) => word.startsWith('../')))
    return "a criu option uses a path relative to zdtm.py's images directory"
  return undefined
}

function missingFile({ desc, flavor }: PlannedTest): string | undefined {
  const missing = flavor === 'h' ? undefined : desc.deps.find((file) => firstOf(file) === undefined)
  return missing && `none of its deps ${missing.replaceAll('|', ', ')} is there`
}

/** Runs the .checkskip beside one of CRIU's tests, if there is one. */
async function checkSkip(host: Host, program: string): Promise<string | undefined> {
  const check = `${program}.checkskip`
  if (!program.startsWith('/') || !existsSync(check)) return undefined
  const { code, stdout } = await run(host, ['sh', '-c', '"$1" 2>&1', 'sh', check], {
    workingDirectory: dirname(dirname(dirname(program))),
    timeout: CHECK_TIMEOUT,
  })
  if (code === 0) return undefined
  const lastWords = stdout.trim().split('\n').at(-1) || 'it said nothing'
  return `its .checkskip ends with exit ${code}: ${lastWords}`
}
