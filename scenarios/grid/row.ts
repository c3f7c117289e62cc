/*
 * The form of the rows of the grid, a clause each. A cell has cases that cite the clause, or the
 * reason for which there is none. A reason of several columns is true of each of them.
 */

/** The columns, by group. */
export const groups = {
  order: ['before', 'after', 'beside'],
  concurrency: ['readers', 'writers', 'appends', 'waiters', 'finish', 'link end'],
  sizes: ['empty', 'less than a buffer', 'more than a buffer'],
  ends: ['close', 'half close', 'reset', 'stall', 'stop'],
  limits: ['descriptors', 'processes', 'memory'],
} as const

type Groups = typeof groups
type GroupName = keyof Groups
type Column<G extends GroupName> = Groups[G][number]

/** Ids of cases, or a reason. */
export type Cell = readonly string[] | string

/** The cells of a group: a reason for all, or each cell; `rest` is the reason of all others. */
type Cells<G extends GroupName> = string | ({ [C in Column<G>]?: Cell } & { rest?: string })

export type Row = { [G in GroupName]: Cells<G> }

/** Reasons that hold for several clauses. */
export const form =
  'The clause is about the form of one message, which no act of another client changes.'
export const formSizes =
  'The clause is about a header; its cases in F2 and W4 vary the size of the image.'
export const limits =
  'The clause names no limit: R1 and R4 judge a daemon that runs out of descriptors, processes or ' +
  'memory.'
export const limitsOf = (cells: { descriptors: Cell }) => ({ ...cells, rest: limits })
export const noWaiters = 'No client waits at a proxy (P1), and the clause is about a proxy.'
export const stopsOrder =
  'A stop only delays a daemon, and the clause has no order of two acts that a delay could change.'
