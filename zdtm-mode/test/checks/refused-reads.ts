import { ENOENT } from '../../../proto/index.ts'
import type { SeenOpen } from '../relay.ts'
import { expect } from './expect.ts'

/** Deadline for an answer that has nothing to wait for, from a proxy on a busy machine, in ms. */
const AT_ONCE = 2_000

/** Throws a Violation unless CRIU read that image at the proxy and got ENOENT at once each time. */
export function expectRefused(snapshot: string, name: string, opens: readonly SeenOpen[]): void {
  const reads = opens.filter(
    (open) =>
      open.role === 'proxy' &&
      open.purpose === 'read' &&
      open.snapshotId === snapshot &&
      open.name === name,
  )
  const image = `${snapshot}:${name}`
  const asked = `reads of ${image}, of a process born since`
  expect(reads.length > 0, asked, 'at least one', 'none')
  const answer = `the answer to the read of ${image}`
  for (const { error, waited = Number.POSITIVE_INFINITY } of reads) {
    const late = `after ${waited} ms`
    expect(error === ENOENT, answer, 'ENOENT', String(error), { clause: 'L4', side: 'proxy' })
    expect(waited < AT_ONCE, answer, 'at once', late, { clause: 'P1', side: 'proxy' })
  }
}
