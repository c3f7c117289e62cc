import { readFile } from 'node:fs/promises'

/** Reads a JSON file. Throws with one line; `what` says what it should be. */
export async function readJson(file: string, what: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (thrown) {
    throw new Error(`reading ${what} ${file}: ${(thrown as Error).message.split('\n')[0]}`)
  }
}
