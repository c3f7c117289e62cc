import { existsSync } from 'node:fs'
import { execa } from 'execa'

/* What a dynamically linked file needs in another root directory. */

/** The first file that there is of `a|b`; undefined if there is none. */
export const firstOf = (alternatives: string) =>
  alternatives.split('|').find((file) => existsSync(file))

/** The libraries that a file is linked to, by their own paths, and if `itself` the file, too. */
export async function withLibraries(alternatives: string, itself: boolean): Promise<string[]> {
  const file = firstOf(alternatives)
  if (file === undefined) throw new Error(`expected one of ${alternatives}, got none`)
  return [...(itself ? [file] : []), ...(await librariesOf(file))]
}

async function librariesOf(file: string): Promise<string[]> {
  const { stdout } = await execa('ldd', [file], { reject: false })
  return stdout.split('\n').flatMap((line) => /(?:=>)?\s(\/\S+) \(0x/.exec(line)?.[1] ?? [])
}
