import { RemoteError } from '../proto/error.ts'
import { imageName } from './log.ts'
import { type Content, ContentBuilder } from './memory/content.ts'
import type { ImageStore } from './memory/image-store.ts'

/** Passes the bytes of one image to `sink`, piece by piece. Resolves after the last piece. */
type ReadImage = (sink: (piece: Buffer) => void) => Promise<void>

/**
 * Returns the bytes of one image when all have arrived. They count against the store's limit from
 * their arrival on. Throws a RemoteError that names the image if reading fails: then the image is
 * dropped and its bytes are un-counted.
 */
export async function receiveImage(
  store: ImageStore,
  image: { snapshotId: string; name: string },
  read: ReadImage,
): Promise<Content> {
  const builder = new ContentBuilder()
  try {
    await read((piece) => {
      store.reserve(piece.length)
      builder.add(piece)
    })
  } catch (thrown) {
    store.release(builder.size)
    throw dropped(image, builder.size, RemoteError.from(thrown, 'reading'))
  }
  return builder.finish()
}

function dropped(
  image: { snapshotId: string; name: string },
  bytes: number,
  failure: RemoteError,
): RemoteError {
  const text = `receiving ${imageName(image)}: ${failure.message}; the image is dropped after ${bytes} bytes`
  return new RemoteError(failure.code, text, { cause: failure })
}
