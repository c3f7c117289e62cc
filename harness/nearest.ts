/** Letters that may differ between a wrong name and the nearest known one. */
const DISTANCE = 3

/**
 * Returns the known name that is nearest to a wrong one, upper and lower case aside. Returns
 * undefined if none is near: three letters differ, or more than half of the letters.
 */
export function nearest(wrong: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: distance(wrong.toLowerCase(), name.toLowerCase()) }))
    .filter((each) => each.distance <= Math.min(DISTANCE, each.name.length / 2))
    .sort((a, b) => a.distance - b.distance)
  return ranked[0]?.name
}

/** Returns `, is NAME meant?` for the nearest known name; empty text if none is near. */
export function suggest(wrong: string, known: readonly string[]): string {
  const name = nearest(wrong, known)
  return name === undefined ? '' : `, is ${name} meant?`
}

/** Returns the number of letters to insert, remove or replace between two texts (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1]
    for (const [at, other] of [...to].entries())
      next.push(
        Math.min(
          (row[at] as number) + (letter === other ? 0 : 1),
          (row[at + 1] as number) + 1,
          (next[at] as number) + 1,
        ),
      )
    row = next
  }
  return row.at(-1) as number
}
