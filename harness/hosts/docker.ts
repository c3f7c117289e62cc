/*
 * The only file that imports testcontainers. Its own reaper needs an image from Docker Hub; the
 * reaper of this project (reaper.ts) needs none.
 */
process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true'

export {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  type StartedNetwork,
  type StartedTestContainer,
} from 'testcontainers'
