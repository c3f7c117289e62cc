import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import { RemoteError } from './error.ts'

/* Makes encoders and decoders from the .proto files. The only file that uses protobufjs. */

const root = new protobuf.Root()
for (const file of ['messages.proto', 'criu-images.proto'])
  protobuf.parse(readFileSync(new URL(file, import.meta.url), 'utf8'), root, { keepCase: true })

/**
 * Encoder and decoder of a message type. `decode` throws `message-invalid` for a missing field, bad
 * UTF-8 or bytes that are no protobuf.
 */
export interface Codec {
  encode(fields: object): Uint8Array
  decode(payload: Buffer): Record<string, unknown>
}

/** Returns the codec of the message `name` of a .proto file. It skips unknown fields (F6). */
export function codec(name: string): Codec {
  const type = root.lookupType(name)
  return {
    encode: (fields) => type.encode(type.create(fields)).finish(),
    decode(payload) {
      try {
        return type.toObject(type.decode(new StrictReader(payload)), {
          longs: Number,
          defaults: true,
        })
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown)
        throw new RemoteError(
          'message-invalid',
          `decoding a ${name} of ${payload.length} bytes: ${reason}`,
          { cause: thrown },
        )
      }
    },
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Refuses invalid UTF-8 (F6). protobufjs replaces it silently, which could make one name of two.
 */
class StrictReader extends protobuf.BufferReader {
  override string(): string {
    return utf8.decode(this.bytes())
  }
}
