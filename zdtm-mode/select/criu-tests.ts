import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { readDesc, readLiteral } from './desc.ts'
import type { FoundTest } from './found-test.ts'
import { readParameters } from './makefile.ts'

/*
 * The tests in a checkout of CRIU (`--criu-source`): executable files beside their .desc, as
 * zdtm.py finds them, and the programs that the Makefiles list. So a test that is not built is
 * found as well, and skipped with that reason.
 */

const FOLDERS = ['static', 'transition']
/** The permission bit of a file's owner to execute it. */
const EXECUTABLE = 0o100

/**
 * Returns the tests below `directory`/test/zdtm, sorted by name; none if it is no such checkout.
 */
export function testsOfCriu(directory: string): FoundTest[] {
  const excluded = excludedBy(`${directory}/test/zdtm.desc`)
  return FOLDERS.flatMap((folder) => testsIn(`${directory}/test`, folder)).filter(
    ({ name }) => !excluded.has(name),
  )
}

function testsIn(test: string, folder: string): FoundTest[] {
  const directory = `${test}/zdtm/${folder}`
  if (!existsSync(directory)) return []
  const parameters = parametersBy(`${directory}/Makefile`)
  const built = new Set(readdirSync(directory).filter((name) => isProgram(directory, name)))
  return [...new Set([...parameters.keys(), ...built])].sort().map((name) => ({
    name: `zdtm/${folder}/${name}`,
    program: `${directory}/${name}`,
    desc: readDesc(`${directory}/${name}.desc`),
    parameters: parameters.get(name) ?? [],
    ...impossible(built.has(name), parameters.has(name)),
  }))
}

const parametersBy = (makefile: string) =>
  readParameters(existsSync(makefile) ? readFileSync(makefile, 'utf8') : '')

function impossible(isBuilt: boolean, hasParameters: boolean): Pick<FoundTest, 'impossible'> {
  if (!isBuilt) return { impossible: 'it is not built' }
  if (hasParameters) return {}
  return { impossible: 'the Makefile beside it does not say how it is started' }
}

function isProgram(directory: string, name: string): boolean {
  if (/\.(hook|checkskip)$/.test(name)) return false
  const file = lstatSync(`${directory}/${name}`)
  return file.isFile() && (file.mode & EXECUTABLE) !== 0
}

/** Returns the names of tests that zdtm.desc excludes. */
function excludedBy(file: string): Set<string> {
  const { exclude } = (existsSync(file) && readLiteral(readFileSync(file, 'utf8'))) || {}
  return new Set((Array.isArray(exclude) ? exclude : []).map((name) => `zdtm/${name}`))
}
