import type { OpenDevice } from './device.ts'
import { Files } from './files.ts'
import type { ImagesOptions } from './images.ts'
import { mount, type Session } from './session.ts'

/** Options of the images, and the device that makes the mount and connects it to the kernel. */
export interface MountOptions extends ImagesOptions {
  device: OpenDevice
}

/** Mounts the images of a proxy or cache. Needs root and /dev/fuse. Throws RemoteError. */
export function mountImages({ device, ...options }: MountOptions): Promise<Session> {
  return mount(device, new Files(options), options.log)
}
