/* The interface of the conformance harness for scenarios/: cases, contexts and demands. */
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
export type { Completed } from '../hosts/host.ts'
export { signalProcess } from '../hosts/process-tree.ts'
export { bytesInMemoryFiles } from '../hosts/resources.ts'
export { Violation } from '../violation.ts'
export type { Case } from './case.ts'
export type { ClientRequest } from './client/client-request.ts'
export type { Answer, Connection } from './connection.ts'
export { type CacheUnderTest, header } from './contexts/cache.ts'
export {
  type ClientUnderTest,
  demandOfAll,
  describeRequest,
} from './contexts/client.ts'
export type { DaemonContext } from './contexts/daemon.ts'
export type { PairUnderTest } from './contexts/pair.ts'
export { MORE_THAN_A_LINK_HOLDS, type ProxyUnderTest } from './contexts/proxy.ts'
export { LIST, names2017, names2019 } from './control-names.ts'
export {
  demand,
  expectForwarded,
  expectImage,
  expectMissing,
  expectOneOf,
  expectRefused,
  expectVersion,
  MEGABYTE,
  messageFields,
  sha256,
  someBytes,
  times,
} from './expect.ts'
export { NotApplicable } from './not-applicable.ts'
export {
  DiskWatch,
  expectGivenBack,
  expectMemoryGivenBack,
  inTens,
  type Kind,
  LeftoverWatch,
  SPARE,
  untilFull,
} from './resources.ts'
export { describe, show } from './texts.ts'
