import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { readDesc, readLiteral } from './desc.ts'
import { readStarts } from './makefile.ts'
import type { Found } from './select-tests.ts'

/*
 * The tests in a checkout of CRIU (`--criu-source`). They are what zdtm.py finds, executable files beside their .desc,
 * and what the Makefiles list: so a test that was not built is seen, and skipped with that reason.
 */

const FOLDERS = ['static', 'transition']
/** The owner may execute it. */
const EXECUTABLE = 0o100

/** The tests below `directory`/test/zdtm, sorted by name; none if it is no such checkout. */
export function testsOfCriu(directory: string): Found[] {
  const excluded = excludedBy(`${directory}/test/zdtm.desc`)
  return FOLDERS.flatMap((folder) => testsIn(`${directory}/test`, folder)).filter(
    ({ name }) => !excluded.has(name),
  )
}

function testsIn(test: string, folder: string): Found[] {
  const directory = `${test}/zdtm/${folder}`
  if (!existsSync(directory)) return []
  const makefile = `${directory}/Makefile`
  const starts = existsSync(makefile)
    ? readStarts(readFileSync(makefile, 'utf8'))
    : new Map<string, string[]>()
  const built = new Set(readdirSync(directory).filter((name) => isProgram(directory, name)))
  return [...new Set([...starts.keys(), ...built])].sort().map((name) => {
    const parameters = starts.get(name)
    const impossible = built.has(name)
      ? parameters === undefined && {
          impossible: 'the Makefile beside it does not say how it is started',
        }
      : { impossible: 'it is not built' }
    return {
      name: `zdtm/${folder}/${name}`,
      program: `${directory}/${name}`,
      desc: readDesc(`${directory}/${name}.desc`),
      parameters: parameters ?? [],
      ...impossible,
    }
  })
}

function isProgram(directory: string, name: string): boolean {
  if (/\.(hook|checkskip)$/.test(name)) return false
  const file = lstatSync(`${directory}/${name}`)
  return file.isFile() && (file.mode & EXECUTABLE) !== 0
}

/** Names that the set's own description leaves out. */
function excludedBy(file: string): Set<string> {
  const { exclude } = (existsSync(file) && readLiteral(readFileSync(file, 'utf8'))) || {}
  return new Set((Array.isArray(exclude) ? exclude : []).map((name) => `zdtm/${name}`))
}
