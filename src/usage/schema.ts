import * as v from 'valibot'
import { durationSchema } from '#kit/quantity-schema.ts'

const amount = (about: string) => v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000), v.description(about))

const PriceSchema = v.strictObject({
  input: amount('US dollars for the tokens of prompts.'),
  output: amount('US dollars for the tokens of answers.'),
  cached_input: v.optional(amount('Of prompts, those that the provider had in its cache. Absent: as `input`.')),
  cache_write: v.optional(amount('Of prompts, those that went into the cache. Absent: as `input`.')),
  reasoning: v.optional(amount('Of answers, the thoughts. Absent: as `output`.')),
  per: v.optional(
    v.pipe(v.picklist(['million', 'thousand', 'token']), v.description('For how many tokens these prices are.')),
    'million',
  ),
})

/** The `usage` section: what requests take, and what that costs. */
export const UsageSchema = v.strictObject({
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Tokens are counted, for the log, limits, metrics and `/api/usage/summary`. false: nobody counts.'),
    ),
    true,
  ),
  file: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(4096),
      v.description(
        'An SQLite file in which the sums are kept over restarts, such as "./data/usage.db"; several workers write it together. Absent: in memory only.',
      ),
    ),
  ),
  retention_days: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3650), v.description('Sums of older days are dropped.')),
    90,
  ),
  pricing: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(512)), PriceSchema),
      v.check((prices) => Object.keys(prices).length <= 10_000, 'expected at most 10000 models'),
      v.description(
        'What models cost, by "<backend>/<model>", the name that the backend knows, or the alias; `*` stands for any characters.',
      ),
    ),
    {},
  ),
  pricing_source: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(4096),
      v.description(
        'An address or a file with prices for whatever `pricing` does not name: what LiteLLM serves at /model/info, or its model_prices_and_context_window.json.',
      ),
    ),
  ),
  pricing_key: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(4096),
      v.description('Key that is shown to `pricing_source`, as a bearer token.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  pricing_refresh: v.optional(
    durationSchema('How often `pricing_source` is read; 0: only at the start and with each new configuration.', {
      max: 30 * 86_400_000,
    }),
    '1h',
  ),
})

export type UsageConfig = v.InferOutput<typeof UsageSchema>
