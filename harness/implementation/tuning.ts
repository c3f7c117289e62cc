import { cacheDirectory } from '../hosts/checkout.ts'

/*
 * The environment and flags of Node for a proxy, cache or mount. A running process cannot change
 * them.
 *
 * - Huge pages (glibc.malloc.hugetlb). Images are written to fresh memory, where a page fault costs
 *   more than the copy of its 4 KiB. With this tunable glibc asks the kernel for pages of 2 MiB
 *   (madvise), so 512 faults become one. A C library other than glibc ignores it.
 * - One arena (glibc.malloc.arena_max). Otherwise each thread of the pool has an arena of its own,
 *   in huge pages as well.
 * - A small young generation (--max-semi-space-size). The objects of a closed connection are
 *   garbage at once, and three spaces of up to 32 MiB are larger than many small images together.
 *   With 1 MiB each, V8 collects them more often, in no more time.
 * - Early collection of old garbage (--heap-growing-percent), after the heap has grown by a tenth.
 *   The heap is small compared with the images.
 * - No compilation on threads (--no-concurrent-recompilation). Several compilers at once take more
 *   memory than a thousand connections.
 * - A cache of compiled code from the start (NODE_COMPILE_CACHE). A cache that the program enables
 *   itself is too late for its first modules, whose type stripping takes 15 MB and a third of a
 *   start. V8 rejects code that was compiled under other flags, so these processes have a cache of
 *   their own. With the command line's cache they would compile all their code at every start.
 */

/** Flags of V8 for the command line, after the path of node. NODE_OPTIONS does not accept them. */
const daemonFlags = ['--heap-growing-percent=10', '--no-concurrent-recompilation']

const tuned = {
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1',
  NODE_OPTIONS: '--max-semi-space-size=1',
}
const ownCache = `${cacheDirectory}/tuned`

/** Adds the flags to a daemon's command line, which starts with the path of node. */
export const tunedCommand = ([node = '', ...words]: readonly string[]) => [
  node,
  ...daemonFlags,
  ...words,
]

/** Returns the tuned environment variables. The tuned values follow the present ones. */
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
 * Replaces this process by a tuned one if `words`, its command line, start a proxy, cache or mount
 * and it is not tuned yet. A process with an inherited connection (--inherit-fd) stays as it is,
 * because Node closes inherited file descriptors at an exec.
 */
export function ensureTuned([role, ...words]: readonly string[]): void {
  const wanted = role === 'proxy' || role === 'cache' || role === 'mount'
  const inherits = words.some((word) => word.startsWith('--inherit-fd'))
  if (!wanted || inherits || process.env['GLIBC_TUNABLES']?.includes(tuned.GLIBC_TUNABLES)) return
  const command = [process.execPath, ...process.execArgv, ...daemonFlags, ...process.argv.slice(1)]
  process.execve?.(process.execPath, command, { ...process.env, ...tunedEnvironment() })
}
