/** How many characters of a process's output are kept, counted from its end. */
const CHARACTERS_KEPT = 65_536

/**
 * Keeps the last 64 Ki characters of a text that arrives in pieces; calls `onLine` for whole lines.
 */
export class Lines {
  readonly #onLine: ((line: string) => void) | undefined
  #text = ''
  #partial = ''

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine
  }

  /** The last characters of the text so far. */
  get text(): string {
    return this.#text
  }

  add(piece: string): void {
    this.#text = (this.#text + piece).slice(-CHARACTERS_KEPT)
    if (this.#onLine === undefined) return
    const lines = (this.#partial + piece).split('\n')
    this.#partial = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line)
  }
}
