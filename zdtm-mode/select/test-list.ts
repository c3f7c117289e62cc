import { existsSync, readFileSync } from 'node:fs'
import type { Flavor } from '../plan.ts'
import { SelectionError } from './selection-error.ts'

const FLAVORS: readonly string[] = ['h', 'ns', 'uns'] satisfies Flavor[]

/** A line of a list of tests; without a flavor it stands for every selected flavor. */
export interface ListedTest {
  name: string
  flavor?: Flavor
}

/**
 * Reads a list of tests: lines `NAME` or `NAME FLAVOR`, the second as a dry run prints them. Throws
 * SelectionError.
 */
export function readTestList(file: string): ListedTest[] {
  if (!existsSync(file))
    throw new SelectionError(`reading the list of tests ${file}: there is no such file`)
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => parse(line, file))
}

function parse(line: string, file: string): ListedTest {
  const [name = '', flavor] = line.split(/\s+/)
  if (flavor === undefined) return { name }
  if (!isFlavor(flavor))
    throw new SelectionError(
      `reading the list of tests ${file}: expected h, ns or uns after ${name}, got ${flavor}`,
    )
  return { name, flavor }
}

const isFlavor = (word: string): word is Flavor => FLAVORS.includes(word)
