import { InvalidArgumentError } from 'commander'

/* Values of options: each function takes the text and returns the value, or says what it expected. */

const UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** Bytes, with K, M, G or T for powers of 1024. */
export function size(text: string): number {
  const [, digits, unit] = /^(\d+)([KMGT]?)$/.exec(text) ?? []
  if (digits === undefined)
    throw new InvalidArgumentError('Expected a number of bytes, such as 1048576 or 512M.')
  return Number(digits) * (UNITS[unit ?? ''] as number)
}

/** HOST:PORT; an IPv6 host in brackets. */
export function address(text: string): { host: string; port: number } {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:9996.')
  return { host, port: Number(port) }
}

/** A whole number from `least` on. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    if (!/^\d+$/.test(text) || Number(text) < least)
      throw new InvalidArgumentError(`Expected a whole number, at least ${least}.`)
    return Number(text)
  }
}

/** For options that may be repeated. */
export function repeated(text: string, before: string[]): string[] {
  return [...before, text]
}
