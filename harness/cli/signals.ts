/** The signals that ask this process to end. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Calls `act` for the first signal of each kind. A second signal of a kind ends the process at
 * once.
 */
export function onEndingSignal(act: (signal: (typeof endingSignals)[number]) => void): void {
  for (const signal of endingSignals) process.once(signal, act)
}
