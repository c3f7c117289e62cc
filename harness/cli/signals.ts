/** Signals that ask this process to end. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** Calls `act` at the first of each such signal; a second one ends the process as if nobody listened. */
export function onEndingSignal(act: (signal: (typeof endingSignals)[number]) => void): void {
  for (const signal of endingSignals) process.once(signal, act)
}
