import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { execa } from 'execa'
import { checkout } from '../../hosts/checkout.ts'
import type { Descriptor } from '../../implementation/descriptor.ts'
import { type Mutant, changed as withMutants } from '../mutant.ts'
import type { Architecture, ArchitectureFault } from './architecture.ts'

/** Returns the reason why this machine cannot build the implementation, or false. */
export function unbuildable({ compiler }: Architecture): string | false {
  const { status } = spawnSync(compiler, ['--version'], { stdio: 'ignore' })
  return status === 0 ? false : `${compiler} is not installed`
}

/**
 * Builds the implementation, with the changes of a fault if one is given, inside a directory.
 * Returns its descriptor. Throws if a text to change is not there exactly once, or if the compiler
 * fails.
 */
export async function build(
  architecture: Architecture,
  fault: ArchitectureFault | undefined,
  directory: string,
): Promise<Descriptor> {
  const program = `${directory}/program`
  const folder = `${directory}/source`
  const sources = await writeSources(architecture, fault, folder)
  const { compiler } = architecture
  const parameters = architecture.parameters(sources, program)
  const { exitCode, stderr } = await execa(compiler, parameters, { cwd: folder, reject: false })
  if (exitCode !== 0) throw new Error(`${compiler} for ${fault?.id ?? 'no fault'}: ${stderr}`)
  return descriptorOf(architecture, fault?.id ?? architecture.name, program)
}

/** Writes the sources with the changes into a folder, and returns the names of those to compile. */
async function writeSources(
  { name, source }: Architecture,
  fault: ArchitectureFault | undefined,
  folder: string,
): Promise<string[]> {
  const origin = `${checkout}/fixtures/${name}`
  const files = (await readdir(origin)).filter(
    (file) => file.endsWith(source) || file.endsWith('.h'),
  )
  await mkdir(folder)
  for (const file of files) {
    const text = await readFile(`${origin}/${file}`, 'utf8')
    await writeFile(`${folder}/${file}`, changed(fault, file, text))
  }
  return files.filter((file) => file.endsWith(source))
}

/**
 * Returns the text of a source file with the changes of the fault. Throws if a text to replace is
 * not there exactly once.
 */
export function changed(fault: ArchitectureFault | undefined, file: string, text: string): string {
  if (fault === undefined) return text
  const mutants = fault.changes.map((change): Mutant => ({ ...fault, ...change }))
  return withMutants(mutants, file, text)
}

function descriptorOf({ dialect }: Architecture, name: string, program: string): Descriptor {
  const command = (role: string, option: string) => ({
    command: [program, role, '--socket', '{socket}', option, '{host}:{port}'],
  })
  return {
    name,
    dialect,
    proxy: command('proxy', '--connect'),
    cache: command('cache', '--listen'),
    environment: {},
    capabilities: { append: true, inheritedConnection: false },
  }
}
