/*
 * Reads the command-line arguments of CRIU's tests from their Makefiles.
 *
 * No other file has them. They are in rules for NAME.pid, each for one test or for all tests that a
 * variable lists. `make` could print them, but it may not be installed, and it may build things. So
 * this reads the few forms that CRIU's Makefiles use: lists of words, and the first line of such
 * rules. It ignores conditions: a test that this machine does not have has no program.
 */

const LIST = /^([\w-]+)\s*[:+?]?=(.*)$/
const RULE = /^(\S+)\s*:[^=]/
const RECIPE = /^\t\$\(<D\)\/\$\(<F\)\s+(--pidfile=.*)$/

/** Returns the arguments of each test by its name: `--pidfile=NAME.pid` and so on. */
export function readParameters(makefile: string): Map<string, string[]> {
  const lines = makefile.replaceAll('\\\n', ' ').split('\n')
  const lists = readLists(lines)
  const parameters = new Map<string, string[]>()
  for (const [at, line] of lines.entries()) {
    const target = RULE.exec(line)?.[1]
    const recipe = RECIPE.exec(lines[at + 1] ?? '')?.[1]
    if (target === undefined || recipe === undefined) continue
    for (const name of namesOf(target, lists))
      parameters.set(name, wordsOf(recipe.replaceAll('$@', `${name}.pid`).replaceAll('$<', name)))
  }
  return parameters
}

function readLists(lines: readonly string[]): Map<string, string[]> {
  const lists = new Map<string, string[]>()
  for (const line of lines) {
    const [, name, words] = LIST.exec(line) ?? []
    if (name !== undefined && words !== undefined)
      lists.set(name, [...(lists.get(name) ?? []), ...wordsOf(words)])
  }
  return lists
}

/**
 * Returns the tests of a target: `$(LIST:%=%.pid)` is those that a variable lists, `NAME.pid` is
 * one.
 */
function namesOf(target: string, lists: ReadonlyMap<string, string[]>): string[] {
  const list = /^\$\((\S+):%=%\.pid\)$/.exec(target)?.[1]
  if (list !== undefined) return lists.get(list)?.filter((word) => !word.includes('$')) ?? []
  return target.endsWith('.pid') && !target.includes('%') ? [target.slice(0, -'.pid'.length)] : []
}

const wordsOf = (text: string) => text.trim().split(/\s+/).filter(Boolean)
