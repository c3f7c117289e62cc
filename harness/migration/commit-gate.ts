import { type Host, output, run, shell } from '../hosts/host.ts'

/*
 * The commit gate: CRIU may kill the target process at the source only after every image has
 * reached the cache.
 *
 * The protocol has no acknowledgement. But the proxy forwards images in the order of their
 * completion (W5), and a read of an image that has not arrived waits (C2). So after CRIU has closed
 * its last image, the gate writes one more image, the marker, through the same mount. The mount
 * completes it after all the others, so when the cache has the marker, it has every image. If the
 * link is lost, the cache answers 'no such image'. If an image was lost, the mount refuses to write
 * the marker.
 *
 * CRIU asks the gate through its `post-dump` action script, which waits at a pipe. Without an
 * answer the script fails, and CRIU lets the process run on.
 */

/** How long the target process may stay frozen at the gate, in seconds. */
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
  /**
   * Waits for CRIU's question and answers it by `committed`. Returns the answer; false without a
   * question.
   */
  serve(committed: () => Promise<boolean>): Promise<boolean>
  /** Ends a `serve` that waits for a question. */
  abandon(): Promise<void>
}

/** Makes a gate on the source host, in CRIU's work directory. Throws HostError. */
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

/**
 * Returns whether every image that was written through the source's mount is in the cache of the
 * destination's mount. It writes a marker at the source and reads it at the destination.
 */
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
