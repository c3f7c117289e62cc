import { parseJson } from '../checked.ts'
import { type GuestProcess, startGuest } from './guest.ts'
import { NO_GUEST, type VmOptions, vmOptions } from './options.ts'

/*
 * `node run-in-guest.ts OPTIONS` runs in the host, a container. It boots a guest and runs a command
 * in the guest; output and exit code are the command's own. The first line of output is a Booted as
 * JSON. If the guest does not boot, or dies, it exits 125 with a reason of one line.
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

const [, , text = ''] = process.argv
try {
  process.exitCode = await main(parseJson(vmOptions, text, 'reading the options of a guest'))
} catch (thrown) {
  process.stderr.write(`${(thrown as Error).message}\n`)
  process.exitCode = NO_GUEST
}
