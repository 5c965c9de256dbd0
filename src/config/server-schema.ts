import * as v from 'valibot'
import { sizeSchema } from '#kit/quantity-schema.ts'

/** Limit: the largest `server.memory_limit`. */
const memoryBytesLimit = 16 * 1024 ** 4

/** The `server` section: what the process may take of its machine. */
export const ServerSchema = v.strictObject({
  memory_limit: v.optional(
    sizeSchema(
      'Memory of the process from which on new requests with bodies of more than 1 MB are answered with 503, while what is running goes on. Absent: 80 % of what the container or the machine has. `0`: no limit.',
      { max: memoryBytesLimit },
    ),
  ),
})
