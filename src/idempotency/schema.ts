import * as v from 'valibot'
import { durationSchema, sizeSchema } from '#kit/quantity-schema.ts'

/** The `idempotency` section: requests with an Idempotency-Key are done once. */
export const IdempotencySchema = v.strictObject({
  enabled: v.optional(
    v.pipe(v.boolean(), v.description('false: the header Idempotency-Key is passed on, and nothing else.')),
    true,
  ),
  ttl: v.optional(
    durationSchema('How long an answer is kept for those who ask the same again.', { min: 1000, max: 604_800_000 }),
    '24h',
  ),
  wait_timeout: v.optional(
    durationSchema(
      'Longest wait for the answer to the same request that is still under way, after which 409 is answered. 0: at once.',
      { max: 3_600_000 },
    ),
    '10m',
  ),
  max_entries: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(1_000_000),
      v.description('Keys that are remembered at a time; beyond that the oldest are forgotten.'),
    ),
    10_000,
  ),
  max_bytes: v.optional(
    sizeSchema('Memory for answers; beyond that the oldest are forgotten.', { min: 65_536, max: 16 * 1024 ** 3 }),
    '64mb',
  ),
  max_answer_bytes: v.optional(
    sizeSchema('Largest answer that is kept. Whoever asks for a larger one again is told 409.', {
      min: 1024,
      max: 1024 ** 3,
    }),
    '4mb',
  ),
})
