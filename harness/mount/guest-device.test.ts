import t from 'tap'
import type { Completed, Host, HostProcess } from '../hosts/host.ts'
import { deviceOn } from './guest-device.ts'

/*
 * A port carries one mount after the other. These tests play the guest, because a real one does not
 * leave bytes of an earlier mount, or cut requests anywhere, on demand. zdtm-mode tests mounts in a
 * real guest.
 */

const REQUESTS = [request(40, 1), request(56, 2), request(70_000, 3)]

function request(size: number, fill: number): Buffer {
  const bytes = Buffer.alloc(size, fill)
  bytes.writeUInt32LE(size, 0)
  return bytes
}

/**
 * Returns a fake host, the bytes and commands that it got, and `end`, which ends the mounting
 * program.
 */
function guest() {
  const exited = Promise.withResolvers<Completed>()
  const written: Buffer[] = []
  const commands: (readonly string[])[] = []
  const port = {
    device: '/dev/guest-port-0',
    write: (bytes: Buffer) => void written.push(bytes),
    onBytes: (_: Buffer) => {},
  }
  const started: HostProcess = { pid: 1, exited: exited.promise, kill: async () => {} }
  const host = {
    name: 'guest',
    async start(command: readonly string[]) {
      commands.push(command)
      return started
    },
  } as Partial<Host> as Host
  const end = (code: number, stderr = '') => exited.resolve({ code, stdout: '', stderr })
  return { host, port, written, commands, end }
}

t.test(
  'requests begin after the token and are whole, whatever pieces they arrive in',
  async (t) => {
    for (const size of [1, 7, 4096, 1_000_000]) {
      const { host, port, written, end } = guest()
      const handled: Buffer[] = []
      const opening = deviceOn(host, { program: '/run/mount', port, directory: '/run/images' })(
        async (bytes) => void handled.push(bytes),
      )
      const token = written[0] as Buffer
      const all = Buffer.concat([request(60, 9).subarray(0, 30), token, ...REQUESTS])
      for (let at = 0; at < all.length; at += size) port.onBytes(all.subarray(at, at + size))
      const { reply, closed } = await opening
      t.same(handled, REQUESTS, `in pieces of ${size}`)
      reply([Buffer.from('an'), Buffer.from('swer')])
      t.same(written.slice(1).map(String), ['answer'])
      end(0)
      await closed
      reply([Buffer.from('too late, the port is of another mount now')])
      t.equal(written.length, 2)
    }
  },
)

t.test('a failed mount rejects with the reason', async (t) => {
  const { host, port, end } = guest()
  const opening = deviceOn(host, { program: '/run/mount', port, directory: '/nowhere' })(
    async () => {},
  )
  end(1, 'mount: /nowhere: No such file or directory\n')
  await t.rejects(opening, {
    name: 'HostError',
    message: 'mounting at /nowhere on guest: exit 1: mount: /nowhere: No such file or directory',
  })
})
