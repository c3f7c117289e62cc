import { execa } from 'execa'
import { HostError, lastLine } from '../hosts/host.ts'
import { Lines } from '../hosts/lines.ts'

/**
 * Shares this host's root tree with a guest by virtiofs, until `stop` or the end of the guest.
 * Throws HostError.
 */
export async function shareRoot(socket: string): Promise<{ stop: () => void }> {
  const ready = Promise.withResolvers<void>()
  const said = new Lines((line) => {
    if (line.includes('Waiting for vhost-user socket connection')) ready.resolve()
  })
  const options = [
    '--socket-path',
    socket,
    '--shared-dir',
    '/',
    '--sandbox',
    'none',
    '--cache',
    'always',
  ]
  const daemon = execa('/usr/libexec/virtiofsd', options, {
    reject: false,
    buffer: false,
    stdin: 'ignore',
    all: true,
  })
  daemon.all.setEncoding('utf8').on('data', (text: string) => said.add(text))
  const early = daemon.then(({ originalMessage }) => {
    throw new HostError(
      `sharing the root tree with a guest: virtiofsd ended: ${lastLine(said.text) || originalMessage}`,
    )
  })
  await Promise.race([ready.promise, early])
  early.catch(() => {})
  return { stop: () => void daemon.kill('SIGKILL') }
}
