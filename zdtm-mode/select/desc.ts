import { existsSync, readFileSync } from 'node:fs'
import JSON5 from 'json5'
import type { Desc, Flavor } from '../plan.ts'

/* .desc files: what a test says of itself, as a literal dict of Python; those of CRIU have the same keys as ours. */

const FLAVORS: readonly Flavor[] = ['h', 'ns', 'uns']
const DEFAULT_TIMEOUT = 30

/** What a .desc says. None is as an empty one; undefined is one that computes something, or is no dict. */
export function readDesc(file: string): Desc | undefined {
  const fields = readLiteral(existsSync(file) ? readFileSync(file, 'utf8') : '')
  if (fields === undefined) return undefined
  const words = (key: string) =>
    String(fields[key] ?? '')
      .split(/\s+/)
      .filter(Boolean)
  const deps = fields['deps'] ?? []
  return {
    flavor:
      fields['flavor'] === undefined
        ? FLAVORS
        : FLAVORS.filter((flavor) => words('flavor').includes(flavor)),
    flags: words('flags'),
    feature: words('feature'),
    arch: words('arch'),
    opts: words('opts'),
    dopts: words('dopts'),
    ropts: words('ropts'),
    deps: Array.isArray(deps) ? deps.map(String) : [],
    timeout: Number(fields['timeout'] ?? DEFAULT_TIMEOUT) || DEFAULT_TIMEOUT,
  }
}

/** A literal dict of strings, numbers and lists is JSON5 but for its comments. */
export function readLiteral(text: string): Record<string, unknown> | undefined {
  const bare = text.replaceAll(/^\s*#.*$/gm, '').trim()
  if (bare === '') return {}
  try {
    const value: unknown = JSON5.parse(bare)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
