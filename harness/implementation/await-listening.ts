import { connect } from 'node:net'
import { askAgain, tcpListens } from './listening.ts'

/*
 * Waits, on the host where a daemon starts, until it listens: `node await-listening.ts MS unix:PATH | tcp:PORT ...`, until one of
 * them does; exit 1 at the deadline. A UNIX socket is tried by connecting, a TCP port is looked up.
 */

const [milliseconds, ...places] = process.argv.slice(2)
const listening = await askAgain(async () => (await Promise.all(places.map(isListening))).includes(true) || undefined, Number(milliseconds))
process.exit(listening ? 0 : 1)

function isListening(place: string): Promise<boolean> {
  if (place.startsWith('tcp:')) return Promise.resolve(tcpListens(Number(place.slice(4))))
  return new Promise((resolve) => {
    const socket = connect(place.slice('unix:'.length), () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}
