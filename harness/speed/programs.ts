import { checkout } from '../hosts/checkout.ts'
import { type Host, HostError, run, shell } from '../hosts/host.ts'

/*
 * Compiles floor.c and load.c of harness/native on the host. In C they are fast enough that their
 * own time does not change the results.
 */

/** Command lines of the compiled programs. */
export interface Programs {
  floor: readonly string[]
  load: readonly string[]
}

const sources = `${checkout}/harness/native`

/** Compiles the programs into a directory of the host. Throws HostError without gcc. */
export async function buildPrograms(host: Host): Promise<Programs> {
  const directory = await host.directory()
  const { code } = await run(host, ['gcc', '--version']).catch(() => ({ code: 127 }))
  if (code !== 0) throw new HostError('compiling the load: expected gcc to be installed')
  await shell(
    host,
    'for each in floor load; do gcc -O2 -pthread -o "$2/$each" "$1/$each.c" || exit 1; done',
    [sources, directory],
  )
  return { floor: [`${directory}/floor`], load: [`${directory}/load`] }
}
