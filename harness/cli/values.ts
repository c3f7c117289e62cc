import { InvalidArgumentError } from 'commander'

/* Values of options. Each function returns the value of a text. Throws InvalidArgumentError. */

const UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** Returns a number of bytes; the suffixes K, M, G and T stand for powers of 1024. */
export function size(text: string): number {
  const [, digits, unit] = /^(\d+)([KMGT]?)$/.exec(text) ?? []
  if (digits === undefined)
    throw new InvalidArgumentError('Expected a number of bytes, such as 1048576 or 512M.')
  return Number(digits) * (UNITS[unit ?? ''] as number)
}

/** Returns host and port of HOST:PORT. An IPv6 host is in brackets. */
export function address(text: string): { host: string; port: number } {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:9996.')
  return { host, port: Number(port) }
}

/** Returns a function that accepts whole numbers not below `least`. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    if (!/^\d+$/.test(text) || Number(text) < least)
      throw new InvalidArgumentError(`Expected a whole number, at least ${least}.`)
    return Number(text)
  }
}

/** Returns the values of a repeatable option so far, and the new one. */
export function repeated(text: string, before: string[]): string[] {
  return [...before, text]
}
