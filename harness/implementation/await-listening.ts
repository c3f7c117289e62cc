import { askAgain, isListening } from './listening.ts'

/*
 * Waits, on the host where a daemon starts, until it listens: `node await-listening.ts MS unix:PATH | tcp:PORT ...`, until one of
 * them does; exit 1 at the deadline.
 */

const [milliseconds, ...places] = process.argv.slice(2)
const ask = async () =>
  (await Promise.all(places.map((place) => isListening(place)))).includes(true) || undefined
process.exit((await askAgain(ask, Number(milliseconds))) ? 0 : 1)
