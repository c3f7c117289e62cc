import { constants } from 'node:os'

/** A failed file system operation. The kernel passes its errno to the caller. */
export class Errno extends Error {
  readonly errno: number

  constructor(name: keyof typeof constants.errno, reason = '') {
    super(reason === '' ? name : `${name}: ${reason}`)
    this.name = 'Errno'
    this.errno = constants.errno[name]
  }

  /**
   * Returns the errno of a thrown value: EIO unless it is an Errno, so that no failure becomes a
   * short read or a success.
   */
  static of(thrown: unknown): number {
    return thrown instanceof Errno ? thrown.errno : constants.errno.EIO
  }
}
