import { askAgain, isListening } from './listening.ts'

/*
 * `node await-listening.ts MS unix:PATH | tcp:PORT ...` runs on a daemon's host. It waits until a
 * process listens at one of the places, and exits 1 at the deadline.
 */

const [milliseconds, ...places] = process.argv.slice(2)
const ask = async () =>
  (await Promise.all(places.map((place) => isListening(place)))).includes(true) || undefined
process.exit((await askAgain(ask, Number(milliseconds))) ? 0 : 1)
