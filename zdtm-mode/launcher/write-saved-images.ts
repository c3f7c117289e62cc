import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { LineOf } from '../agent-line.ts'

/**
 * Returns a function that writes pieces of saved files below `directory`, in a folder for each
 * test, named as zdtm.py names it. The first piece of a file replaces an older file.
 */
export function writeSavedImages(directory: string): (piece: LineOf<'saved'>) => void {
  const begun = new Set<string>()
  return ({ name, flavor, file, base64 }) => {
    const path = `${directory}/${name.replaceAll('/', '_')}_${flavor}/${file}`
    if (!begun.has(path)) {
      begun.add(path)
      mkdirSync(dirname(path), { recursive: true })
      rmSync(path, { force: true })
    }
    appendFileSync(path, Buffer.from(base64, 'base64'))
  }
}
