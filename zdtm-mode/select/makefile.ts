/*
 * With what each test of a checkout of CRIU is started. Only the Makefiles beside the tests know it, in rules for NAME.pid, each for
 * one test or for those that a variable lists. `make` could say it, but only where it is installed, and it may build things. So
 * the few forms are read that there are: lists of words, and the first line of such rules. Conditions are not looked at:
 * a test that this machine does not have has no program.
 */

const LIST = /^([\w-]+)\s*[:+?]?=(.*)$/
const RULE = /^(\S+)\s*:[^=]/
const RECIPE = /^\t\$\(<D\)\/\$\(<F\)\s+(--pidfile=.*)$/

/** The parameters of each test, by its name: `--pidfile=NAME.pid` and so on. */
export function readStarts(makefile: string): Map<string, string[]> {
  const lines = makefile.replaceAll('\\\n', ' ').split('\n')
  const lists = readLists(lines)
  const starts = new Map<string, string[]>()
  for (const [at, line] of lines.entries()) {
    const target = RULE.exec(line)?.[1]
    const recipe = RECIPE.exec(lines[at + 1] ?? '')?.[1]
    if (target === undefined || recipe === undefined) continue
    for (const name of namesOf(target, lists))
      starts.set(name, wordsOf(recipe.replaceAll('$@', `${name}.pid`).replaceAll('$<', name)))
  }
  return starts
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

/** `$(LIST:%=%.pid)` stands for those that are listed, `NAME.pid` for one. */
function namesOf(target: string, lists: ReadonlyMap<string, string[]>): string[] {
  const list = /^\$\((\S+):%=%\.pid\)$/.exec(target)?.[1]
  if (list !== undefined) return lists.get(list)?.filter((word) => !word.includes('$')) ?? []
  return target.endsWith('.pid') && !target.includes('%') ? [target.slice(0, -'.pid'.length)] : []
}

const wordsOf = (text: string) => text.trim().split(/\s+/).filter(Boolean)
