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
 * Compiles the programs of zdtm mode in a host: those of fixtures/zdtm, and the small ones that the
 * agent needs.
 *
 * Linking fifty static programs takes longer than ten tests. So the programs are stored in the
 * checkout, which every host and guest sees, under a key of their sources and the compiler.
 */

const NATIVE = `${checkout}/harness/native`
const TESTS = `${checkout}/fixtures/zdtm`
const STORE = `${cacheDirectory}/programs`

const BUILD = `set -e
for each in ${INIT} ${MOUNT} ${BREAKPOINT}; do gcc -O2 -static -o "$1/$each" "$2/$each.c"; done
make -s -j2 -C "$3" OUT="$1"
tar -C "$1" -cf "$1.tar" .`

/**
 * Returns the directory of all programs, which has the same path on every host. Throws HostError.
 */
export async function buildPrograms(host: Host): Promise<string> {
  const directory = `${STORE}/${await keyOf(host)}`
  if (existsSync(directory)) return directory
  mkdirSync(STORE, { recursive: true })
  const unpacked = mkdtempSync(`${STORE}/unpacked-`)
  try {
    await execa('tar', ['-C', unpacked, '-x'], { input: await compile(host) })
    renameUnlessPresent(unpacked, directory)
    return directory
  } finally {
    rmSync(unpacked, { recursive: true, force: true })
  }
}

/** Compiles all programs and returns them as a tar archive. */
async function compile(host: Host): Promise<Buffer> {
  const directory = await host.directory()
  await shell(host, BUILD, [directory, NATIVE, TESTS])
  const archive = await fileOn(host, `${directory}.tar`)
  if (archive === undefined)
    throw new HostError(`compiling programs on ${host.name}: expected an archive of them, got none`)
  return archive
}

/** Renames a directory, unless another run was faster and the target is there. */
function renameUnlessPresent(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (thrown) {
    const { code = '' } = thrown as NodeJS.ErrnoException
    if (!['ENOTEMPTY', 'EEXIST'].includes(code)) throw thrown
  }
}

/** Returns a key of the sources, the compiler and the C library. */
async function keyOf(host: Host): Promise<string> {
  const versions = await output(host, ['sh', '-c', 'gcc --version; ldd --version'])
  const hash = createHash('sha256').update(versions)
  const sources = [
    ...globSync(`${NATIVE}/*.[ch]`),
    ...globSync(`${TESTS}/**/{*.c,*.h,*.desc,Makefile}`),
  ].sort()
  for (const file of sources) hash.update(`${file}\0`).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}
