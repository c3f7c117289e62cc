import { existsSync, readFileSync } from 'node:fs'
import JSON5 from 'json5'
import type { Desc, Flavor } from '../plan.ts'

/*
 * .desc files: the properties of a test, a literal dict of Python. CRIU's and ours have the same
 * keys.
 */

const FLAVORS: readonly Flavor[] = ['h', 'ns', 'uns']
/** Seconds. */
const DEFAULT_TIMEOUT = 30

/**
 * Reads a .desc file; a missing file is the same as an empty one. Returns undefined for a file that
 * computes something or is no dict.
 */
export function readDesc(file: string): Desc | undefined {
  const fields = readLiteral(existsSync(file) ? readFileSync(file, 'utf8') : '')
  if (fields === undefined) return undefined
  const { flavor, deps, timeout } = fields
  const wordsOf = (key: string) => words(fields[key])
  return {
    flavor: flavor === undefined ? FLAVORS : FLAVORS.filter((each) => words(flavor).includes(each)),
    flags: wordsOf('flags'),
    feature: wordsOf('feature'),
    arch: wordsOf('arch'),
    opts: wordsOf('opts'),
    dopts: wordsOf('dopts'),
    ropts: wordsOf('ropts'),
    deps: Array.isArray(deps) ? deps.map(String) : [],
    timeout: Number(timeout ?? DEFAULT_TIMEOUT) || DEFAULT_TIMEOUT,
  }
}

const words = (value: unknown) =>
  String(value ?? '')
    .split(/\s+/)
    .filter(Boolean)

/** Reads a literal dict of strings, numbers and lists, which is JSON5 except for its comments. */
export function readLiteral(text: string): Record<string, unknown> | undefined {
  const bare = text.replaceAll(/^\s*#.*$/gm, '').trim()
  if (bare === '') return {}
  try {
    const value: unknown = JSON5.parse(bare)
    return isDict(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isDict = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
