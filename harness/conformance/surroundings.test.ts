import { execFileSync } from 'node:child_process'
import t from 'tap'
import type { Descriptor } from '../implementation/descriptor.ts'
import { canMakeSharedMemory, lastProcessor, type Surroundings, surround } from './surroundings.ts'

/** Runs a script as the proxy of a descriptor, in these surroundings; returns its output. */
function outputOf(script: string, surroundings: Surroundings): string {
  const descriptor = {
    name: 'script',
    proxy: { command: ['sh', '-c', script] },
  } as unknown as Descriptor
  const [file = '', ...words] = surround(descriptor, 'proxy', surroundings).proxy?.command ?? []
  return execFileSync(file, words, { encoding: 'utf8' }).trim()
}

t.test('a daemon has the limit of descriptors, soft and hard', async (t) => {
  t.equal(outputOf('ulimit -Sn; ulimit -Hn', { limits: { descriptors: 256 } }), '256\n256')
})

t.test('a daemon under pressure runs on one processor', async (t) => {
  const processor = lastProcessor()
  const list = outputOf('grep Cpus_allowed_list /proc/self/status', { processor })
  t.match(list, new RegExp(`:\\s+${processor}$`))
})

const skip = !canMakeSharedMemory() && 'this machine lets the suite make no /dev/shm of its own'

t.test('a daemon has a /dev/shm of its own', { skip }, async (t) => {
  const script = 'touch /dev/shm/mine; ls /dev/shm'
  t.equal(outputOf(script, { ownSharedMemory: true }), 'mine')
  t.notMatch(execFileSync('ls', ['/dev/shm'], { encoding: 'utf8' }), /mine/)
})

t.test('a descriptor without that role stays as it is', async (t) => {
  const descriptor = { name: 'none' } as unknown as Descriptor
  t.equal(surround(descriptor, 'cache', { processor: 0 }), descriptor)
})
