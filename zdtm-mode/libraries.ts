import { existsSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { execa } from 'execa'

/* What a dynamically linked file needs in another root directory. */

/** The first file that there is of `a|b`; undefined if there is none. */
export const firstOf = (alternatives: string) => alternatives.split('|').find((file) => existsSync(file))

/** Copies the libraries that a file is linked to into `root`, at their own paths, and if `itself` the file, too. */
export async function copyWithLibraries(alternatives: string, root: string, itself: boolean): Promise<void> {
  const file = firstOf(alternatives)
  if (file === undefined) throw new Error(`expected one of ${alternatives}, got none`)
  for (const each of [...(itself ? [file] : []), ...(await librariesOf(file))]) await copyInto(root, each)
}

async function librariesOf(file: string): Promise<string[]> {
  const { stdout } = await execa('ldd', [file], { reject: false })
  return stdout.split('\n').flatMap((line) => /(?:=>)?\s(\/\S+) \(0x/.exec(line)?.[1] ?? [])
}

async function copyInto(root: string, file: string): Promise<void> {
  const copy = root + file
  if (existsSync(copy)) return
  await mkdir(dirname(copy), { recursive: true })
  await copyFile(file, copy)
}
