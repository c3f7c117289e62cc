/* What scenarios import: cases, benches, and what is demanded of an implementation. */
export {
  ENOENT,
  encodeFrame,
  localImage,
  NAME_LIMIT,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  remoteImage,
  snapshotEntry,
} from '../../proto/index.ts'
export {
  type CacheBench,
  describe,
  header,
  LIST,
  MORE_THAN_A_LINK_HOLDS,
  names2017,
  names2019,
  type PairBench,
  type ProxyBench,
  show,
} from './bench.ts'
export { type Case, Violation } from './case.ts'
export type { Answer, Connection } from './connection.ts'
export {
  demand,
  expectForwarded,
  expectImage,
  expectMissing,
  expectOneOf,
  expectRefused,
  MEGABYTE,
  messageFields,
  sha256,
  someBytes,
  times,
} from './expect.ts'
