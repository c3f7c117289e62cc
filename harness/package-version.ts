import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseJson } from './checked.ts'
import { checkout } from './hosts/checkout.ts'

/** Returns the version in this project's package.json. */
export function packageVersion(): string {
  const file = `${checkout}/package.json`
  const text = readFileSync(file, 'utf8')
  return parseJson(z.object({ version: z.string() }), text, `reading ${file}`).version
}
