import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { execa } from 'execa'
import { cacheDirectory, checkout } from '../../harness/hosts/checkout.ts'
import { fileOn, type Host, HostError, output, shell } from '../../harness/hosts/host.ts'
import { BREAKPOINT, INIT, MOUNT } from '../plan.ts'

/*
 * The programs of zdtm mode, compiled in a host: those of fixtures/zdtm, and the small ones that the agent needs.
 *
 * To link fifty static programs takes longer than ten tests. So they are kept in the checkout, which every host and guest sees, for as long
 * as their sources and the compiler are the same.
 */

const SMALL = `${checkout}/harness/native`
const TESTS = `${checkout}/fixtures/zdtm`
const KEPT = `${cacheDirectory}/programs`

const BUILD = `set -e
for each in ${INIT} ${MOUNT} ${BREAKPOINT}; do gcc -O2 -static -o "$1/$each" "$2/$each.c"; done
make -s -j2 -C "$3" OUT="$1"
tar -C "$1" -cf "$1.tar" .`

/** The directory with all of them. It is the same at every host. Throws HostError. */
export async function buildPrograms(host: Host): Promise<string> {
  const directory = `${KEPT}/${await keyOf(host)}`
  if (existsSync(directory)) return directory
  mkdirSync(KEPT, { recursive: true })
  const fresh = mkdtempSync(`${KEPT}/unpacked-`)
  try {
    const there = await host.directory()
    await shell(host, BUILD, [there, SMALL, TESTS])
    const packed = await fileOn(host, `${there}.tar`)
    if (packed === undefined)
      throw new HostError(
        `compiling programs on ${host.name}: expected an archive of them, got none`,
      )
    await execa('tar', ['-C', fresh, '-x'], { input: packed })
    // Another run may have been faster.
    try {
      renameSync(fresh, directory)
    } catch (thrown) {
      if (!['ENOTEMPTY', 'EEXIST'].includes((thrown as NodeJS.ErrnoException).code ?? ''))
        throw thrown
    }
    return directory
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** The same for the same sources, compiler and C library. */
async function keyOf(host: Host): Promise<string> {
  const hash = createHash('sha256').update(
    await output(host, ['sh', '-c', 'gcc --version; ldd --version']),
  )
  const sources = [
    ...globSync(`${SMALL}/*.[ch]`),
    ...globSync(`${TESTS}/**/{*.c,*.h,*.desc,Makefile}`),
  ].sort()
  for (const file of sources) hash.update(`${file}\0`).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}
