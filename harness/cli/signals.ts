import { type EndingSignal, endingSignals } from '../ending-signals.ts'

export { endingSignals }

/**
 * Calls `act` for the first signal of each kind. A second signal of a kind ends the process at
 * once. The listener stays until then: the leftovers of a host end the process at a signal that no
 * other listener is there for (harness/hosts/leftovers.ts).
 */
export function onEndingSignal(act: (signal: EndingSignal) => void): void {
  for (const signal of endingSignals) {
    let isFirst = true
    const listener = () => {
      if (isFirst) act(signal)
      else {
        process.off(signal, listener)
        process.kill(process.pid, signal)
      }
      isFirst = false
    }
    process.on(signal, listener)
  }
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
