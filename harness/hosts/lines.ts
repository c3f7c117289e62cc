/** Limit of what is kept of a process's output, in characters. */
const KEPT = 65_536

/** Collects text, keeping its last 64 Ki characters, and hands over whole lines. */
export class Lines {
  readonly #onLine: ((line: string) => void) | undefined
  #text = ''
  #partial = ''

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine
  }

  get text(): string {
    return this.#text
  }

  add(piece: string): void {
    this.#text = (this.#text + piece).slice(-KEPT)
    if (this.#onLine === undefined) return
    const lines = (this.#partial + piece).split('\n')
    this.#partial = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line)
  }
}
