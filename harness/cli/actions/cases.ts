import { allCases } from '../../../scenarios/index.ts'
import type { Clause } from '../../conformance/clause.ts'
import { clause, clauses } from '../../conformance/register.ts'
import { suggest } from '../../nearest.ts'
import { Failure } from '../failure.ts'

/* `criu-remote list` and `explain`. */

interface JsonFlag {
  json?: true
}

export function list({ clauses: byClause, json }: JsonFlag & { clauses?: true }): void {
  print(byClause ? listClauses(json) : listCases(json))
}

export function explain(id: string, { json }: JsonFlag): void {
  const found = clauses.find((each) => isSame(each.id, id))
  print(found === undefined ? explainCase(id, json) : explainClause(found, json))
}

function listCases(json?: true): string {
  const cases = allCases.map(({ group, value: { run: _, ...about } }) => ({
    ...{ group, level: 'must' },
    ...about,
  }))
  if (json) return JSON.stringify(cases, null, 2)
  return cases
    .map(({ id, clauses: cited, about }) => `${id.padEnd(44)}${cited.join(' ').padEnd(16)}${about}`)
    .join('\n')
}

function listClauses(json?: true): string {
  const listed = clauses.map((clause) => ({ ...clause, cases: casesOf(clause.id) }))
  if (json) return JSON.stringify(listed, null, 2)
  return listed
    .map(({ id, level, text, cases }) => {
      const names = cases.join(' ') || '(no case)'
      return `${id.padEnd(4)}${level.padEnd(7)}${text}\n           ${names}`
    })
    .join('\n')
}

function explainCase(id: string, json?: true): string {
  const found = allCases.find(({ value }) => isSame(value.id, id))
  if (found === undefined)
    throw new Failure(2, `explaining ${id}: there is no such case and no such clause${hint(id)}`)
  const { run: _, ...about } = found.value
  if (json) return JSON.stringify({ group: found.group, ...about }, null, 2)
  const cited = about.clauses.flatMap((each) => {
    const { text, loss } = clause(each)
    return [`  ${each}: ${text}`, ...describeLoss(loss).map((line) => `    ${line}`)]
  })
  return [
    `${about.id} (${about.role}; ${about.level ?? 'must'}; scenarios/cases/${found.group}.ts)`,
    about.about,
    ...cited,
    `run: criu-remote conform ${about.role === 'client' ? '-i CLIENT.yaml ' : ''}--only ${about.id}`,
  ].join('\n')
}

function explainClause(clause: Clause, json?: true): string {
  const cases = casesOf(clause.id)
  if (json) return JSON.stringify({ ...clause, cases }, null, 2)
  const { id, section, level, source, text, weaker, loss, origin } = clause
  return [
    `${id} (${section}; ${level}; source: ${source})`,
    text,
    ...(weaker === undefined ? [] : [`${weaker.level}: ${weaker.text}`]),
    ...describeLoss(loss),
    `where it comes from: ${origin}`,
    `cases: ${cases.join(', ')}`,
  ].join('\n')
}

/** Suggests the case or clause whose id is nearest to a wrong one. */
function hint(id: string): string {
  return suggest(
    id,
    [...clauses, ...allCases.map(({ value }) => value)].map((each) => each.id),
  )
}

const isSame = (id: string, typed: string) => id.toLowerCase() === typed.toLowerCase()
const describeLoss = (loss?: string) => (loss === undefined ? [] : [`if it is broken: ${loss}`])

function casesOf(clause: string): string[] {
  return allCases.filter(({ value }) => value.clauses.includes(clause)).map(({ value }) => value.id)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
