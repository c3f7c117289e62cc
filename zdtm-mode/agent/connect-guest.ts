import type { Connect } from '../../harness/hosts/connected.ts'
import { type GuestProcess, startGuest } from '../../harness/vm/guest.ts'
import type { VmOptions } from '../../harness/vm/options.ts'

/**
 * Returns a function that boots a guest with a command in it and speaks to the command; `started`
 * resolves with the guest once it has booted.
 */
export function connectGuest(options: Omit<VmOptions, 'command'>): {
  connect: Connect
  started: Promise<GuestProcess>
} {
  const started = Promise.withResolvers<GuestProcess>()
  const connect: Connect = async (command, onOutput) => {
    let errors = ''
    const guest = await startGuest({ ...options, command }, (piece, stream) => {
      if (stream === 'stdout') onOutput(piece)
      else errors += piece
    })
    started.resolve(guest)
    const ended = guest.exited.then(
      (code) => `exit ${code}: ${errors.trim()}`,
      ({ message }: Error) => message,
    )
    return { pid: 0, write: guest.write, ended, kill: async () => guest.kill() }
  }
  return { connect, started: started.promise }
}
