import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { GenericContainer } from './docker.ts'
import { HostError } from './host.ts'

/** Returns the default image of container hosts: the set-up builds it and exports its name. */
export const defaultImage = () => process.env['CRIU_REMOTE_IMAGE'] ?? 'criu-remote-host:latest'

/**
 * Returns the name of an image. If `image` is the path of a Dockerfile, builds the image first.
 * Throws HostError.
 */
export async function imageByName(image: string): Promise<string> {
  const file = statSync(image, { throwIfNoEntry: false })
  if (file === undefined || !image.includes('/')) return image
  if (!file.isFile()) throw new HostError(`building an image from ${image}: expected a Dockerfile`)
  const path = resolve(image)
  const name = `criu-remote-built:${createHash('sha256').update(path).digest('hex').slice(0, 12)}`
  await GenericContainer.fromDockerfile(dirname(path), basename(path))
    .build(name, { deleteOnExit: false })
    .catch((thrown) => {
      throw HostError.from(thrown, `building an image from ${image}`)
    })
  return name
}
