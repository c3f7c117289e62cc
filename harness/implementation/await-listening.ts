import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/*
 * Waits, on the host where a daemon starts, until it listens: `node await-listening.ts MS unix:PATH | tcp:PORT ...`, until one of
 * them does. A UNIX socket is tried by connecting; a TCP port is looked up, since a cache takes only the first connection.
 * Another's process gives no event for this, so it is asked again at growing intervals until the deadline.
 */

const [milliseconds, ...places] = process.argv.slice(2)
const deadline = Date.now() + Number(milliseconds)

for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
  const listening = await Promise.all(places.map(isListening))
  if (listening.includes(true)) process.exit(0)
  if (Date.now() > deadline) process.exit(1)
  await new Promise((resolve) => setTimeout(resolve, pause))
}

function isListening(place: string): Promise<boolean> {
  if (place.startsWith('tcp:')) return Promise.resolve(tcpListens(Number(place.slice(4))))
  return new Promise((resolve) => {
    const socket = connect(place.slice('unix:'.length), () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}

function tcpListens(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const row = new RegExp(`:${hex} [0-9A-F]+:0000 0A `)
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((table) => row.test(readTable(table)))
}

function readTable(table: string): string {
  try {
    return readFileSync(table, 'utf8')
  } catch {
    return ''
  }
}
