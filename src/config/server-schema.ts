import * as v from 'valibot'
import { durationSchema, sizeSchema } from '#kit/quantity-schema.ts'
import { idleSecondsMax } from './legacy-variables.ts'

/** Limit: the largest `server.memory_limit`. */
const memoryBytesLimit = 16 * 1024 ** 4

/** Limit: the most processes that `server.workers` starts. */
export const workersMax = 64

/** The `server` section: what the program may take of its machine. */
export const ServerSchema = v.strictObject({
  reuse_port: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Another process of the same user may listen on the same port, so that a new one can take over before the old one stops. Linux only. Needs a restart.',
      ),
    ),
    false,
  ),
  workers: v.optional(
    v.pipe(
      v.union(
        [v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(workersMax)), v.literal('auto')],
        `expected a whole number from 1 to ${workersMax}, or "auto"`,
      ),
      v.description(
        'Processes that serve the port together; `auto`: as many as there are processors. Linux only. Needs a restart.',
      ),
    ),
    1,
  ),
  idle_timeout: v.optional(
    durationSchema(
      'How long a connection of a client may be idle between two requests; the platform counts whole seconds and no further than 255. A change needs a restart.',
      { min: 1000, max: idleSecondsMax * 1000 },
    ),
    '75s',
  ),
  memory_limit: v.optional(
    sizeSchema(
      'Memory of the process from which on new requests with bodies of more than 1 MB are answered with 503, while what is running goes on. Absent: 80 % of what the container or the machine has. `0`: no limit.',
      { max: memoryBytesLimit },
    ),
  ),
})
