import { text } from 'node:stream/consumers'
import { endingSignals } from '../ending-signals.ts'
import { removeAll } from './reaper.ts'

/* The reaper's process: `node reaper-main.ts SESSION`. It reads names of networks from stdin. */

for (const signal of endingSignals) process.on(signal, () => {})
process.stdout.on('error', () => {})
process.stdout.write('watching\n')
const names = await text(process.stdin)
await removeAll(
  process.argv[2] as string,
  names.split('\n').filter((name) => name !== ''),
)
process.exit()
