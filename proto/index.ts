/* The exports of the protocol's messages for the harness. */
export { decodeDumpStatistics, decodePageMap } from './criu-images.ts'
export { encodeFrame, FrameDecoder } from './frame.ts'
export {
  ENOENT,
  localImage,
  localReply,
  NAME_LIMIT,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  purpose,
  type RemoteImage,
  remoteImage,
  snapshotEntry,
} from './messages.ts'
