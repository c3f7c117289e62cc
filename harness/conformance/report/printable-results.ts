import { printable } from '../../printable.ts'

/**
 * Returns a value with all its texts printable: the implementation's name and output, and names
 * from the wire, reach a report in this form only.
 */
export function printableTexts<T>(value: T): T
export function printableTexts(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map((each) => printableTexts(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, printableTexts(each)]))
}

/** Returns a value as JSON in which unprintable characters are escaped; no character is lost. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/[\u{7f}-\u{10ffff}]/gu, escapeUnprintable)
}

function escapeUnprintable(character: string): string {
  if (printable(character) === character) return character
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
