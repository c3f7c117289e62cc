import type { Test } from 'tap'

/** Which tests run: those of each change, or all of them, with CRIU_REMOTE_TIER=all. */
export const tier: 'usual' | 'all' = process.env['CRIU_REMOTE_TIER'] === 'all' ? 'all' : 'usual'

/** Tells in the output how many tests the usual tier leaves to the full one. */
export function leaveToAll(t: Test, count: number, what: string): void {
  t.comment(`left to --all: ${count} ${what}`)
}
