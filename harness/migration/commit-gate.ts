import { type Host, output, run, shell } from '../hosts/host.ts'

/*
 * The commit gate: CRIU may kill the source's process only when every image has reached the cache.
 *
 * The protocol has no acknowledgement. But images are forwarded in the order in which they completed (W5), and a read of
 * one that has not come waits (C2). So after CRIU closed its last image the gate writes one more, through the same
 * mount, which lets it go only behind all the others; the cache has it when it has them all. If the
 * connection is lost it answers 'no such image', and if an image was lost the mount refuses the write.
 *
 * CRIU asks through its `post-dump` action script, which waits at a pipe. No answer is a 'no': CRIU
 * then lets the process run on.
 */

/** How long the process may stay frozen at the gate, in seconds. */
const PATIENCE = 60

const SCRIPT = `#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" = post-dump ] || exit 0
cd "$(dirname "$0")" || exit 1
timeout ${PATIENCE} sh -c 'echo ask > gate.ask' || exit 1
[ "$(timeout ${PATIENCE} cat gate.answer)" = commit ]
`

export interface Gate {
  /** CRIU options that set the gate up. */
  options: string[]
  /** Waits until CRIU asks, and answers by what `committed` says; false too if CRIU never asked. */
  serve(committed: () => Promise<boolean>): Promise<boolean>
  /** Ends a `serve` that CRIU never came to. */
  abandon(): Promise<void>
}

/** Sets up a gate on the source host, in CRIU's work directory. */
export async function makeGate(source: Host, work: string): Promise<Gate> {
  await shell(
    source,
    'printf %s "$2" > "$1/gate.sh" && chmod 700 "$1/gate.sh" && mkfifo -m 600 "$1/gate.ask" "$1/gate.answer"',
    [work, SCRIPT],
  )
  const asked = await source.start(['cat', `${work}/gate.ask`])
  return {
    options: ['--action-script', `${work}/gate.sh`],
    async serve(committed) {
      const { stdout } = await asked.exited
      if (!stdout.includes('ask')) return false
      const yes = await committed().catch(() => false)
      await shell(source, 'timeout 10 sh -c \'echo "$2" > "$1/gate.answer"\' sh "$@"', [
        work,
        yes ? 'commit' : 'resume',
      ]).catch(() => {})
      return yes
    },
    abandon: () => asked.kill('SIGKILL'),
  }
}

/** Whether everything written through the source's mount is in the cache behind the destination's mount. */
export async function everythingArrived(
  source: Host,
  sourceMount: string,
  destination: Host,
  destinationMount: string,
  snapshot: string,
): Promise<boolean> {
  const marker = `null/committed-${snapshot}`
  const { code } = await run(
    source,
    ['sh', '-c', 'echo "$1" > "$2"', 'sh', snapshot, `${sourceMount}/${marker}`],
    {
      timeout: PATIENCE * 1000,
    },
  )
  if (code !== 0) return false
  const arrived = await output(destination, ['cat', `${destinationMount}/${marker}`], {
    timeout: PATIENCE * 1000,
  })
  return arrived.trim() === snapshot
}
