import { type GuestProcess, startGuest } from './guest.ts'
import { NO_GUEST, type VmOptions } from './options.ts'

/*
 * Runs in the host, a container: boots a guest and runs a command in it, with its output and its exit code as if it ran here. The first
 * line is a Booted. Exit 125 with a reason of one line is a guest that could not be booted, or that died.
 */

async function main(options: VmOptions): Promise<number> {
  const early: [Buffer, 'stdout' | 'stderr'][] = []
  let guest: GuestProcess | undefined
  guest = await startGuest(options, (piece, stream) => {
    if (guest === undefined) early.push([piece, stream])
    else process[stream].write(piece)
  })
  process.stdout.write(`${JSON.stringify(guest.booted)}\n`)
  for (const [piece, stream] of early) process[stream].write(piece)
  return guest.exited
}

const [options] = process.argv.slice(2)
process.exitCode = await main(JSON.parse(options as string) as VmOptions).catch(
  ({ message }: Error) => {
    process.stderr.write(`${message}\n`)
    return NO_GUEST
  },
)
