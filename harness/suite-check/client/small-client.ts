import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import type { LoadedCase } from '../../conformance/loaded-cases.ts'
import type { CaseResult } from '../../conformance/result.ts'
import { runCases } from '../../conformance/runner.ts'
import { checkout } from '../../hosts/checkout.ts'
import type { Descriptor } from '../../implementation/descriptor.ts'
import { changed, type Mutant } from '../mutant.ts'

/*
 * The small client of fixtures/client/, sound or with changes. It is in C: a restore is a tree of
 * processes that connect at the same time, a write to a server that is gone raises SIGPIPE, and a
 * command starts in a millisecond, so that the suite takes seconds.
 */

/** A fault of the small client, or an oddity that no clause forbids. */
export interface ClientMutant {
  id: string
  /** The clauses that a fault breaks; those that permit an oddity. */
  clauses: readonly string[]
  about: string
  /** A file of fixtures/client/, the text to replace, which is in it once, and the new text. */
  changes: readonly { file: string; find: string; put: string }[]
}

/** How the small client is started. */
export interface Variant {
  dialect: 'criu-2017' | 'criu-2019'
  sockets: 'by-name' | 'by-option'
}

export const variants: readonly Variant[] = (['criu-2017', 'criu-2019'] as const).flatMap(
  (dialect) => (['by-name', 'by-option'] as const).map((sockets) => ({ dialect, sockets })),
)

const COMPILER = 'gcc'
const OPTIONS = ['-std=c11', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror']
const FOLDER = `${checkout}/fixtures/client`

/** Returns the reason for which this machine cannot build the client, or false. */
export function unbuildable(): string | false {
  const { status } = spawnSync(COMPILER, ['--version'], { stdio: 'ignore' })
  return status === 0 ? false : `${COMPILER} is not installed`
}

/**
 * Builds the client with the changes of mutants, does some work with the program, and removes it.
 * Throws if a text to change is not there exactly once, or if the compiler fails.
 */
export async function withClient<T>(
  mutants: readonly ClientMutant[],
  work: (program: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(`${tmpdir()}/criu-remote-client-`)
  try {
    return await work(await build(mutants, directory))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Runs cases against a built client. */
export function runClient(
  program: string,
  cases: readonly LoadedCase[],
  options: { timeout: number; jobs: number },
  variant: Variant = { dialect: 'criu-2017', sockets: 'by-name' },
): Promise<CaseResult[]> {
  const descriptor = descriptorOf(program, variant)
  const rest = { repeat: 1, seed: 1, command: '', onResult() {} }
  return runCases({ descriptor, cases, ...options, ...rest })
}

function descriptorOf(program: string, { dialect, sockets }: Variant): Descriptor {
  const isByOption = sockets === 'by-option'
  const proxy = isByOption ? ['--proxy-socket', '{proxySocket}'] : []
  const cache = isByOption ? ['--cache-socket', '{cacheSocket}'] : []
  const common = ['-D', '{directory}', '-W', '{work}', '--dialect', dialect]
  return {
    name: `the small client, ${dialect}, ${sockets}`,
    dialect,
    client: {
      sockets,
      dump: [program, 'dump', '-t', '{pid}', ...common, ...proxy],
      preDump: [program, 'pre-dump', '-t', '{pid}', ...common, ...proxy],
      restore: [program, 'restore', '--pidfile', '{pidFile}', ...common, ...cache],
    },
    environment: {},
    capabilities: { append: true, inheritedConnection: false },
  }
}

async function build(mutants: readonly ClientMutant[], directory: string): Promise<string> {
  const source = `${directory}/source`
  const program = `${directory}/client`
  await mkdir(source)
  const files = await readdir(FOLDER)
  const all = changesOf(mutants)
  for (const file of files)
    await writeFile(
      `${source}/${file}`,
      changed(all, file, await readFile(`${FOLDER}/${file}`, 'utf8')),
    )
  const sources = files.filter((file) => file.endsWith('.c'))
  await execa(COMPILER, [...OPTIONS, '-o', program, ...sources], { cwd: source })
  return program
}

/** Returns the changes of mutants, each as a mutant of one file. */
export function changesOf(mutants: readonly ClientMutant[]): Mutant[] {
  return mutants.flatMap((mutant) => mutant.changes.map((change) => ({ ...mutant, ...change })))
}
