// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are source texts that contain template literals
import type { Mutant } from '../mutant.ts'

/* Faults of snapshots (clauses S). */

export const snapshots: readonly Mutant[] = [
  {
    id: 'ids-ignored',
    clauses: ['S1'],
    about: 'Identifies images by their name alone, without the snapshot id.',
    file: 'reference/dialect.ts',
    find: '`=${snapshotId}`',
    put: "'='",
  },
  {
    id: 'list-newest-first',
    clauses: ['S2'],
    about: 'Keeps the list of snapshots with the newest entry first.',
    file: 'reference/memory/image-store.ts',
    find: 'before === undefined ? more : concatenate(before, more)',
    put: "before === undefined ? more : snapshotId === '' ? concatenate({ ...more, chunks: [...more.chunks] }, before) : concatenate(before, more)",
  },
  {
    id: 'list-not-served',
    clauses: ['S3'],
    about: 'Answers a read of the list of snapshots with ENOENT.',
    file: 'reference/transport/local-server.ts',
    find: 'export async function answer({ socket }: Open, content: Content | undefined): Promise<void> {',
    put: "export async function answer({ socket, image }: Open, content: Content | undefined): Promise<void> {\n  if (image.name === 'parent') content = undefined",
  },
  {
    id: 'forgets-parents',
    clauses: ['S4'],
    about: 'Drops the images of earlier snapshots when another snapshot begins.',
    file: 'reference/memory/image-store.ts',
    find: 'this.#bytes -= this.get(snapshotId, name)?.size ?? 0',
    put: "for (const other of this.#images.keys()) if (other !== snapshotId && other !== '') this.#images.delete(other)\n    this.#bytes -= this.get(snapshotId, name)?.size ?? 0",
  },
  {
    id: 'snapshot-id-cleaned-as-a-path',
    clauses: ['S1', 'F5'],
    about: 'Takes the ids /a/1, /a/1/ and /a//1 as one.',
    file: 'reference/dialect.ts',
    find: '`=${snapshotId}`',
    put: "`=${snapshotId.replaceAll('//', '/').replace(/\\/$/, '')}`",
  },
  {
    id: 'list-of-64-kib',
    clauses: ['S2', 'S3'],
    about: 'Keeps only the first 64 KiB of the list of snapshots.',
    file: 'reference/memory/image-store.ts',
    find: 'this.#small.get(stored) : stored\n  }\n\n  has(',
    put: "this.#small.get(stored) : name === 'parent' && stored !== undefined && stored.size > 65_536 ? { ...stored, size: 65_536 } : stored\n  }\n\n  has(",
  },
]
