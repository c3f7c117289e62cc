/** Levels of the daemons' log, quietest first. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]
export type Log = Record<LogLevel, (text: string) => void>

/** Returns a log that passes lines of the form `LEVEL text` to `write`, up to the given level. */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const highest = logLevels.indexOf(level)
  const at = (own: LogLevel) => (text: string) => {
    if (logLevels.indexOf(own) <= highest) write(`${own} ${text}`)
  }
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

export const silent: Log = createLog('error', () => {})

/** Returns the identity of an image (S1) for log lines and error messages. */
export const imageName = ({ snapshotId, name }: { snapshotId: string; name: string }): string =>
  `${snapshotId || '(null)'}:${name}`
