import type { LocalFile } from './local-file.ts'

/*
 * The files of a mount by the node numbers that the kernel knows. A node exists from its first
 * look-up until the kernel has forgotten all its look-ups. Directories stay, because they are the
 * snapshots that this mount knows.
 */

export type Node =
  | { kind: 'root' }
  | { kind: 'snapshot'; id: string }
  | { kind: 'image'; snapshot: string; name: string }
  | { kind: 'parent'; snapshot: string }
  | { kind: 'local'; snapshot: string; name: string; file: LocalFile }

export const ROOT = 1

/** File type and permissions of each kind of node, as st_mode. */
export const modeOf: Record<Node['kind'], number> = {
  root: 0o40755,
  snapshot: 0o40755,
  image: 0o100644,
  parent: 0o120777,
  local: 0o100644,
}

export class Tree {
  readonly #nodes = new Map<number, Node>([[ROOT, { kind: 'root' }]])
  readonly #numbers = new Map<string, number>()
  readonly #lookups = new Map<number, number>()
  #next = ROOT + 1

  get(number: number): Node | undefined {
    return this.#nodes.get(number)
  }

  /** Returns the node's number and counts one more look-up by the kernel. */
  enter(node: Node): number {
    const key = keyOf(node)
    const number = this.#numbers.get(key) ?? this.#next++
    this.#numbers.set(key, number)
    this.#nodes.set(number, node)
    this.#lookups.set(number, (this.#lookups.get(number) ?? 0) + 1)
    return number
  }

  /** Un-counts look-ups; removes the node after the last one. */
  forget(number: number, times: number): void {
    const left = (this.#lookups.get(number) ?? 0) - times
    this.#lookups.set(number, left)
    const node = this.#nodes.get(number)
    if (left > 0 || node === undefined || node.kind === 'root' || node.kind === 'snapshot') return
    this.#nodes.delete(number)
    this.#lookups.delete(number)
    this.#numbers.delete(keyOf(node))
  }
}

function keyOf(node: Node): string {
  switch (node.kind) {
    case 'root':
      return ''
    case 'snapshot':
      return node.id
    case 'parent':
      return `${node.snapshot}/parent`
    default:
      return `${node.snapshot}/${node.name}`
  }
}
