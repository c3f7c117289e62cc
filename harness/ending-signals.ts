/** The signals that ask this process to end. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

export type EndingSignal = (typeof endingSignals)[number]
