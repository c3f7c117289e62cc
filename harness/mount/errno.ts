import { constants } from 'node:os'

/** A failed file system operation: the errno that the kernel passes to the caller. */
export class Errno extends Error {
  readonly errno: number

  constructor(name: keyof typeof constants.errno, why = '') {
    super(why === '' ? name : `${name}: ${why}`)
    this.name = 'Errno'
    this.errno = constants.errno[name]
  }

  /** errno of any thrown value; what is not an Errno is EIO: never a short read, never a silent success. */
  static of(thrown: unknown): number {
    return thrown instanceof Errno ? thrown.errno : constants.errno.EIO
  }
}
