import { type EndingSignal, endingSignals } from '../ending-signals.ts'

export { endingSignals }

/**
 * Calls `act` for the first signal of each kind. A second signal of a kind ends the process at
 * once.
 */
export function onEndingSignal(act: (signal: EndingSignal) => void): void {
  for (const signal of endingSignals) process.once(signal, act)
}
