import * as v from 'valibot'
import { durationSchema } from '#kit/quantity-schema.ts'

/** Limit: the largest rate that can be written. */
const rateMax = 1_000_000_000

function count(about: string) {
  return v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(rateMax), v.description(about))
}

const rates = {
  requests_per_minute: v.optional(count('Requests in any minute. 0: no limit.'), 0),
  requests_per_second: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(rateMax),
      v.description('Requests in any second; may be a fraction. 0: no limit.'),
    ),
    0,
  ),
  tokens_per_minute: v.optional(
    count(
      'Tokens in any minute, of prompts and answers. What a request takes is guessed first and put right at its end. 0: no limit.',
    ),
    0,
  ),
}

const RatesSchema = v.strictObject(rates)

function switchedRates(about: string) {
  return v.strictObject({ enabled: v.optional(v.pipe(v.boolean(), v.description(about)), true), ...rates })
}

/** An address of Redis, and who we are there; it may hold a password. */
const redisUrl = v.pipe(
  v.string(),
  v.maxLength(4096),
  v.regex(/^(?:rediss?|valkeys?):\/\/[^\s]+$/, 'expected an address such as "redis://host:6379/0"'),
  v.description('Where it is: `redis://host:6379`, `rediss://user:password@host:6380/2`.'),
  v.metadata({ 'x-secret': true }),
)

const RedisSchema = v.strictObject({
  url: v.optional(redisUrl, 'redis://127.0.0.1:6379'),
  key_prefix: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(128),
      v.regex(/^[\w:.{}-]*$/, 'expected letters, digits and any of _ : . - { }'),
      v.description('What the names of all keys begin with. Gateways that share limits have the same one.'),
    ),
    'llm-proxy:',
  ),
  timeout: v.optional(
    durationSchema('Longest wait for an answer of it, after which `on_error` decides.', { min: 1, max: 5000 }),
    '50ms',
  ),
})

const StrategiesSchema = v.strictObject({
  overflow: v.optional(
    v.pipe(
      v.picklist(['reject', 'queue', 'fallback']),
      v.description(
        'What becomes of a request above a limit. reject: 429. queue: it waits. fallback: the fallback aliases of its alias, or `fallback_model`, answer it.',
      ),
    ),
    'reject',
  ),
  queue_max_size: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(100_000),
      v.description('Requests that may wait at a time; more are refused with 429.'),
    ),
    1000,
  ),
  queue_timeout: v.optional(
    durationSchema('Longest wait, after which the request is refused with 429.', { max: 3_600_000 }),
    '30s',
  ),
  fallback_model: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(512),
      v.description('The alias that answers above a limit, where the asked one has no fallback aliases.'),
    ),
  ),
})

/** The `rate_limiting` section: how many requests and tokens in a minute. */
export const RateLimitingSchema = v.strictObject({
  enabled: v.optional(v.pipe(v.boolean(), v.description('false: none of the limits of this section holds.')), true),
  backend: v.optional(
    v.pipe(
      v.picklist(['memory', 'redis']),
      v.description(
        'Where is counted. memory: each process for itself. redis: together with all that use the same one.',
      ),
    ),
    'memory',
  ),
  algorithm: v.optional(
    v.pipe(
      v.picklist(['sliding_window', 'token_bucket']),
      v.description(
        'sliding_window: no minute, whenever it begins, has more than the limit. token_bucket: the limit comes back little by little, and what was saved up may be taken at once.',
      ),
    ),
    'sliding_window',
  ),
  burst: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0.01),
      v.maxValue(100),
      v.description('Of `token_bucket`: what may be saved up, as a multiple of the limit.'),
    ),
    1,
  ),
  headers: v.optional(
    v.pipe(v.boolean(), v.description('Tell clients what is left to them: x-ratelimit-…, anthropic-ratelimit-….')),
    true,
  ),
  global: v.optional(v.pipe(RatesSchema, v.description('All requests together.')), {}),
  per_user: v.optional(
    v.pipe(
      switchedRates('false: callers have no limits but those of their own key.'),
      v.description('Each caller; where callers have no keys of their own, each address.'),
    ),
    {},
  ),
  per_ip: v.optional(
    v.pipe(
      switchedRates('false: addresses have no limits.'),
      v.description('Each address of a client; of IPv6 each network of 64 bits.'),
    ),
    {},
  ),
  per_model: v.optional(
    v.pipe(
      v.objectWithRest(
        {
          enabled: v.optional(v.pipe(v.boolean(), v.description('false: models have no limits.')), true),
        },
        RatesSchema,
      ),
      v.description(
        'Each alias by its name; `*` in it stands for any characters, and every alias like that is counted for itself.',
      ),
    ),
    {},
  ),
  strategies: v.optional(v.pipe(StrategiesSchema, v.description('What becomes of requests above a limit.')), {}),
  redis: v.optional(v.pipe(RedisSchema, v.description('The Redis of `backend: redis`.')), {}),
  on_error: v.optional(
    v.pipe(
      v.picklist(['local', 'allow', 'refuse']),
      v.description(
        'While Redis does not answer: local: each process counts for itself. allow: nothing is limited. refuse: requests are refused with 503.',
      ),
    ),
    'local',
  ),
})

/** The `concurrency` section: how many requests at a time. */
export const ConcurrencySchema = v.strictObject({
  enabled: v.optional(v.pipe(v.boolean(), v.description('Whether any of these limits holds.')), false),
  max_requests: v.optional(count('Requests that run at a time. 0: no limit.'), 500),
  per_user: v.optional(
    count('Those of one caller; where callers have no keys of their own, of one address. 0: no limit.'),
    0,
  ),
  per_backend_limit: v.optional(
    count('Those at one backend; a full one is passed over, and when all are full the request waits. 0: no limit.'),
    0,
  ),
  max_queue_size: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(100_000),
      v.description('Requests that may wait for their turn; more are refused with 503.'),
    ),
    1000,
  ),
  queue_timeout: v.optional(
    durationSchema('Longest wait, after which the request is refused with 503.', { max: 3_600_000 }),
    '30s',
  ),
})
