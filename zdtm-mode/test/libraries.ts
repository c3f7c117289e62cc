import { existsSync } from 'node:fs'
import { execa } from 'execa'

/* Finds the files that a dynamically linked program needs in another root directory. */

/** Returns the first existing file of `a|b`; undefined if none exists. */
export const firstOf = (alternatives: string) =>
  alternatives.split('|').find((file) => existsSync(file))

/**
 * Returns the paths of the libraries that a file is linked to, and with `itself` that of the file.
 */
export async function withLibraries(alternatives: string, itself: boolean): Promise<string[]> {
  const file = firstOf(alternatives)
  if (file === undefined) throw new Error(`expected one of ${alternatives}, got none`)
  return [...(itself ? [file] : []), ...(await librariesOf(file))]
}

async function librariesOf(file: string): Promise<string[]> {
  const { stdout } = await execa('ldd', [file], { reject: false })
  return stdout.split('\n').flatMap((line) => /(?:=>)?\s(\/\S+) \(0x/.exec(line)?.[1] ?? [])
}
