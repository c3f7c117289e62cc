/** A selection that matches nothing, or names a file that does not exist: wrong usage. */
export class SelectionError extends Error {
  override name = 'SelectionError'
}
