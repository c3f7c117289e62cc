import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import { checkout } from '../hosts/checkout.ts'
import { changed } from './mutant.ts'

/* Programs of fixtures/ that a compiler makes, sound or with changes of their sources. */

export interface Program {
  /** Name of its folder in fixtures/. */
  name: string
  /** The ending of its source files. */
  source: '.c' | '.rs'
  /** The program that shows by `--version` whether this machine can build it. */
  compiler: string
  /**
   * Returns the parameters with which the compiler, in the folder of the sources, makes `program`
   * from them.
   */
  parameters(sources: readonly string[], program: string): string[]
}

/** How a program in C is made. */
export const inC: Omit<Program, 'name'> = {
  source: '.c',
  compiler: 'gcc',
  parameters: (sources, program) => [
    ...['-std=c11', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror'],
    ...['-o', program, ...sources],
  ],
}

/** A fault or an oddity of a program: the sound one with a few changes of its text. */
export interface SourceMutant {
  id: string
  /** The clauses that a fault breaks, or the clauses that permit an oddity. */
  clauses: readonly string[]
  about: string
  changes: readonly SourceChange[]
}

interface SourceChange {
  file: string
  /** The text to replace. It must be in the file exactly once. */
  find: string
  put: string
}

/** Returns the reason why this machine cannot build a program, or false. */
export function unbuildable({ compiler }: Pick<Program, 'compiler'>): string | false {
  const { status } = spawnSync(compiler, ['--version'], { stdio: 'ignore' })
  return status === 0 ? false : `${compiler} is not installed`
}

/**
 * Builds a program with the changes of mutants in a private directory, does some work with its
 * path, and removes it. Throws if a text to change is not there exactly once, or if the compiler
 * fails.
 */
export async function withProgram<T>(
  program: Program,
  mutants: readonly SourceMutant[],
  work: (path: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(`${tmpdir()}/criu-remote-${program.name}-`)
  try {
    return await work(await build(program, mutants, directory))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * Returns the text of a source file with the changes of mutants. Throws if a text to replace is not
 * there exactly once.
 */
export function changedSource(
  mutants: readonly SourceMutant[],
  file: string,
  text: string,
): string {
  const changes = mutants.flatMap((mutant) =>
    mutant.changes.map((change) => ({ ...mutant, ...change })),
  )
  return changed(changes, file, text)
}

async function build(
  { name, source, compiler, parameters }: Program,
  mutants: readonly SourceMutant[],
  directory: string,
): Promise<string> {
  const path = `${directory}/program`
  const folder = `${directory}/source`
  const origin = `${checkout}/fixtures/${name}`
  await mkdir(folder)
  const files = (await readdir(origin)).filter(
    (file) => file.endsWith(source) || file.endsWith('.h'),
  )
  for (const file of files) {
    const text = await readFile(`${origin}/${file}`, 'utf8')
    await writeFile(`${folder}/${file}`, changedSource(mutants, file, text))
  }
  const sources = files.filter((file) => file.endsWith(source))
  const options = { cwd: folder, reject: false } as const
  const { exitCode, stderr } = await execa(compiler, parameters(sources, path), options)
  const ids = mutants.map(({ id }) => id).join(', ') || 'no fault'
  if (exitCode !== 0) throw new Error(`${compiler} for ${ids}: ${stderr}`)
  return path
}
