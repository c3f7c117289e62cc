import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { GenericContainer } from './docker.ts'
import { HostError } from './host.ts'

/** The image of the hosts: what set-up built or pulled, unless the user names another. */
export const defaultImage = () => process.env['CRIU_REMOTE_IMAGE'] ?? 'criu-remote-host:latest'

/** An image by its name, or built from a Dockerfile where the name is the path of one; the name. */
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
