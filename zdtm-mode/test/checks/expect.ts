/** Something that is wrong, with what the protocol or the contract of the test permits. */
export class Finding extends Error {
  override name = 'Finding'
  readonly what: string
  readonly permitted: string
  readonly actual: string
  readonly clause: string | undefined
  /** The end of the log of whoever failed. */
  readonly tail: string | undefined

  constructor(what: string, permitted: string, actual: string, clause?: string, tail?: string) {
    super(`${what}: expected ${permitted}, got ${actual}`)
    this.what = what
    this.permitted = permitted
    this.actual = actual
    this.clause = clause
    this.tail = tail
  }
}

/** Throws a Finding if the condition does not hold. */
export function expect(
  condition: boolean,
  what: string,
  permitted: string,
  actual: string,
  clause?: string,
): void {
  if (!condition) throw new Finding(what, permitted, actual, clause)
}
