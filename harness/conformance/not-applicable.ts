/** Thrown when a case does not apply to this implementation; the message is the reason. */
export class NotApplicable extends Error {
  override name = 'NotApplicable'
}
