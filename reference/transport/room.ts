import { readFileSync } from 'node:fs'

/** Descriptors that a daemon needs beside its connections: Node's own, the link, and some spare. */
export const RESERVED = 48

/** Returns how many connections may be open at once before this process lacks descriptors. */
export function roomForConnections(): number {
  const [, limit = 'unlimited'] = /^Max open files\s+(\S+)/m.exec(limits()) ?? []
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Math.max(1, Number(limit) - RESERVED)
}

function limits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}
