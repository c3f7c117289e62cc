/* What the protocol's messages offer to the harness. */
export { encodeFrame, FRAME_LIMIT, FrameDecoder } from './frame.ts'
export {
  ENOENT,
  type LocalImage,
  localImage,
  localReply,
  NAME_LIMIT,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  type RemoteImage,
  remoteImage,
  snapshotEntry,
} from './messages.ts'
