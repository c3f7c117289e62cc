/*
 * Text of an implementation (its output, and names from the wire) may hold escape sequences of a
 * terminal, and marks that reorder a line. A terminal or a report shows them instead of obeying.
 */

/**
 * Control characters but newline and tab, lone surrogates, noncharacters, line separators, and the
 * marks that change the direction of text.
 */
const UNPRINTABLE =
  /(?![\n\t])[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u{61c}\u{200e}\u{200f}\u{2028}-\u{202e}\u{2066}-\u{2069}\u{feff}]/gu

/** Returns the text with control characters as `\xNN` or `\u{NNNN}`; newline and tab stay. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter)
}

/** Returns the text with newline and tab escaped as well: it stays on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

function escapeCharacter(character: string): string {
  const hex = (character.codePointAt(0) as number).toString(16)
  return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`
}
