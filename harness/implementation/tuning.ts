import { cacheDirectory } from '../hosts/checkout.ts'

/*
 * The environment and the flags with which Node runs a proxy, cache or mount well, which a process can't change once it runs.
 *
 * Huge pages: images are written to fresh memory, and a page fault costs more than the copy of the 4 KiB behind it. With
 * this tunable glibc asks the kernel for pages of 2 MiB (madvise), which makes one fault of 512. Elsewhere it does nothing.
 * One arena: the pool's threads would each have one, of huge pages too.
 * A small young generation: what a connection leaves behind is garbage at once, and three spaces of up to 32 MiB are more
 * than many small images together; with 1 MiB each they are looked through more often, which takes no longer. Garbage that grew old is
 * looked for when the heap has grown by a tenth: it is small beside the images. Functions are optimised one after the other and not on
 * threads: what several compilers take at once is more than a thousand connections.
 * A cache of compiled code from the start: one that the program enables itself comes too late for its first modules, and to strip their
 * types takes 15 MB and a third of a start. V8 refuses code that was compiled under other flags, so that these processes need a
 * cache of their own: with that of the command line they would compile all of it at every start.
 */

/** Of V8, and NODE_OPTIONS can't hold them: for the command line, behind the path of node. */
const daemonFlags = ['--heap-growing-percent=10', '--no-concurrent-recompilation']

const tuned = {
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1',
  NODE_OPTIONS: '--max-semi-space-size=1',
}
const ownCache = `${cacheDirectory}/tuned`

/** The command line of a daemon, which begins with the path of node, with these flags. */
export const tunedCommand = ([node = '', ...words]: readonly string[]) => [
  node,
  ...daemonFlags,
  ...words,
]

/** These variables, behind what they hold already. */
export function tunedEnvironment(): Record<string, string> {
  const {
    GLIBC_TUNABLES: tunables,
    NODE_OPTIONS: options,
    NODE_COMPILE_CACHE: cache = ownCache,
  } = process.env
  return {
    NODE_COMPILE_CACHE: cache,
    GLIBC_TUNABLES: tunables ? `${tunables}:${tuned.GLIBC_TUNABLES}` : tuned.GLIBC_TUNABLES,
    NODE_OPTIONS: options ? `${options} ${tuned.NODE_OPTIONS}` : tuned.NODE_OPTIONS,
  }
}

/**
 * Where the words of the command line are those of a proxy, cache or mount, starts this process again in its place, tuned, unless
 * it is. Not with a connection that was handed over as a file descriptor: Node closes those at an exec.
 */
export function ensureTuned([role, ...words]: readonly string[]): void {
  const wanted = role === 'proxy' || role === 'cache' || role === 'mount'
  const inherits = words.some((word) => word.startsWith('--inherit-fd'))
  if (!wanted || inherits || process.env['GLIBC_TUNABLES']?.includes(tuned.GLIBC_TUNABLES)) return
  const command = [process.execPath, ...process.execArgv, ...daemonFlags, ...process.argv.slice(1)]
  process.execve?.(process.execPath, command, { ...process.env, ...tunedEnvironment() })
}
