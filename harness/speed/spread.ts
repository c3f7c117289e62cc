/** The values of one quantity in all repeats. */
export interface Spread {
  median: number
  least: number
  most: number
  values: readonly number[]
}

/** Returns the median, the least and the greatest of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median =
    ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2
  return { median, least: sorted[0] as number, most: sorted.at(-1) as number, values }
}
