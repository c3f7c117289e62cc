import type { Forward, ImageHistory, Read, Version, Write } from './history.ts'

/* Histories made by hand, for tests of the search and of the judgement. */

/** Returns a write: its connection is opened, then its close begins and ends. */
export const write = (
  id: number,
  [opened, closing, closed]: [number, number, number],
  more: Partial<Write> = {},
): Write => ({
  ...{ id, client: `client ${id}`, mode: 'write', size: 10 },
  ...{ opened, closing, closed },
  ...more,
})

export const append = (
  id: number,
  moments: [number, number, number],
  more: Partial<Write> = {},
): Write => write(id, moments, { mode: 'append', ...more })

export const read = (
  [opened, answered]: [number, number],
  got: Version | 'missing',
  side: Read['side'] = 'proxy',
): Read => ({ side, client: 'a reader', opened, answered, got })

export const forward = (came: number, got: Version, place = came): Forward => ({ place, came, got })

export const history = (parts: Partial<ImageHistory>): ImageHistory => ({
  ...{ name: '1:a.img', initial: 'missing', writes: [], reads: [] },
  ...{ link: undefined, linkIsWhole: true, barriers: [], linkEnds: Number.POSITIVE_INFINITY },
  ...parts,
})
