import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import { RemoteError } from './error.ts'

/* The one place where protobufjs enters: the .proto files made into functions from values to bytes and back. */

const root = new protobuf.Root()
for (const file of ['messages.proto', 'criu-images.proto'])
  protobuf.parse(readFileSync(new URL(file, import.meta.url), 'utf8'), root, { keepCase: true })

/** Both directions of one message type. `decode` throws `message-invalid`: missing field, bad UTF-8, not protobuf. */
export interface Codec {
  encode(fields: object): Uint8Array
  decode(payload: Buffer): Record<string, unknown>
}

/** The codec of a message named in a .proto file. Unknown fields are skipped (F6). */
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

/** protobufjs replaces invalid UTF-8 silently, which would make two different names one: this reader refuses it (F6). */
class StrictReader extends protobuf.BufferReader {
  override string(): string {
    return utf8.decode(this.bytes())
  }
}
