import { type EndingSignal, endingSignals } from '../ending-signals.ts'

export { endingSignals }

/**
 * Calls `act` for the first signal of each kind. A second signal of a kind ends the process at
 * once. The listener stays: execa's clean-up ends the process if it finds no other listener.
 */
export function onEndingSignal(act: (signal: EndingSignal) => void): void {
  for (const signal of endingSignals) {
    let isFirst = true
    process.on(signal, () => {
      if (isFirst) act(signal)
      else endAtOnce(signal)
      isFirst = false
    })
  }
}

function endAtOnce(signal: EndingSignal): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/**
 * Returns a signal that aborts at the first signal that asks this process to end. The verdict is
 * partial then, and the report is written even if the terminal is gone.
 */
export function untilSignal(): AbortSignal {
  const controller = new AbortController()
  onEndingSignal((signal) => {
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
    controller.abort(`the run was interrupted by ${signal}`)
  })
  return controller.signal
}
