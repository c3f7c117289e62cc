/* The one place where testcontainers enters. Its own reaper needs an image from Docker Hub; ours does not. */
process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true'

export {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  type StartedNetwork,
  type StartedTestContainer,
} from 'testcontainers'
