import { z } from 'zod'

/** The form of one event of a connection. */
export const traceEvent = z.object({
  at: z.number().describe('Milliseconds since the case began.'),
  connection: z.string().describe('The connection, such as `proxy client 1` or `link`.'),
  direction: z.enum(['in', 'out']).describe('Seen from the implementation: `in` is sent to it.'),
  kind: z
    .enum(['open', 'bytes', 'end', 'reset', 'stop', 'no stop', 'go on', 'note'])
    .describe(
      '`stop` to `go on`: every process of the daemon is stopped by the suite. `note`: a remark.',
    ),
  size: z.number().exactOptional().describe('Number of the bytes.'),
  hex: z.string().exactOptional().describe('The first of the bytes.'),
  meaning: z.string().exactOptional().describe('The meaning of the bytes, where it is known.'),
})

export type TraceEvent = z.output<typeof traceEvent>
