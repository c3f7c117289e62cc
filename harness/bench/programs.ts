import { checkout } from '../hosts/checkout.ts'
import { type Host, HostError, run, shell } from '../hosts/host.ts'

/* The programs of fixtures/bench: C where there is a compiler, which is fast enough to measure anything, else Python. */

export interface Programs {
  floor: readonly string[]
  load: readonly string[]
  language: 'C' | 'Python'
}

const sources = `${checkout}/fixtures/bench`

export async function buildPrograms(host: Host): Promise<Programs> {
  const directory = await host.directory()
  if (await has(host, 'gcc')) {
    await shell(host, 'for each in floor load; do gcc -O2 -pthread -o "$2/$each" "$1/$each.c" || exit 1; done', [sources, directory])
    return { floor: [`${directory}/floor`], load: [`${directory}/load`], language: 'C' }
  }
  if (!(await has(host, 'python3'))) throw new HostError('making the load: expected gcc or python3 to be installed')
  return { floor: ['python3', `${sources}/bench.py`, 'floor'], load: ['python3', `${sources}/bench.py`, 'load'], language: 'Python' }
}

async function has(host: Host, program: string): Promise<boolean> {
  return (await run(host, ['sh', '-c', `command -v ${program}`])).code === 0
}
