import * as v from 'valibot'
import { durationSchema, sizeSchema } from '#kit/quantity-schema.ts'

function flag(about: string, byDefault: boolean) {
  return v.optional(v.pipe(v.boolean(), v.description(about)), byDefault)
}

const headerName = v.pipe(
  v.string(),
  v.maxLength(128),
  v.regex(/^[\w!#$%&'*+.^`|~-]+$/, 'expected the name of a header'),
)

const headerValue = v.pipe(
  v.string(),
  v.maxLength(1024),
  v.regex(/^[\t\u0020-\u007e]*$/, 'expected a value of printable characters'),
)

/** Limit: names and values that an operator may list. */
const listMax = 32

const RedisSchema = v.strictObject({
  url: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(4096),
      v.regex(/^(?:rediss?|valkeys?):\/\/[^\s]+$/, 'expected an address such as "redis://host:6379"'),
      v.description('Where it is: `redis://host:6379`, `rediss://user:password@host:6380`.'),
      v.metadata({ 'x-secret': true }),
    ),
    'redis://127.0.0.1:6379',
  ),
  db: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(65_535),
      v.description('Number of its database. 0: the one that `url` names, or the first.'),
    ),
    0,
  ),
})

const MemcachedSchema = v.strictObject({
  address: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(512),
      v.regex(/^(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):[0-9]{1,5}$/, 'expected "host:port"'),
      v.description('Where it is, as `host:port`.'),
    ),
    '127.0.0.1:11211',
  ),
})

/** The `cache` section: answers that are given again. */
export const CacheSchema = v.strictObject({
  enabled: flag('Equal requests are answered by what was answered before.', false),
  backend: v.optional(
    v.pipe(
      v.picklist(['memory', 'redis', 'memcached']),
      v.description(
        'Where answers are kept. memory: in each process. redis, memcached: outside, shared by all that use the same one.',
      ),
    ),
    'memory',
  ),
  ttl: v.optional(durationSchema('How long an answer is given again.', { min: 1, max: 30 * 86_400_000 }), '1h'),
  max_size: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(10_000_000),
      v.description('Of `memory`: answers that are kept; the one that was not asked for the longest goes first.'),
    ),
    10_000,
  ),
  max_bytes: v.optional(
    sizeSchema('Of `memory`: bytes of all answers that are kept.', { min: 1024, max: 64 * 1_073_741_824 }),
    '256mb',
  ),
  max_entry_bytes: v.optional(
    sizeSchema('A larger answer is not kept. Memcached takes no more than 1000000 bytes.', {
      min: 1,
      max: 64 * 1_048_576,
    }),
    '1mb',
  ),
  redis: v.optional(v.pipe(RedisSchema, v.description('The Redis of `backend: redis`.')), {}),
  memcached: v.optional(v.pipe(MemcachedSchema, v.description('The memcached of `backend: memcached`.')), {}),
  key_prefix: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(128),
      // Without one, emptying the cache would empty the whole database.
      v.regex(/^[\w:.{}-]+$/, 'expected letters, digits and any of _ : . - { }'),
      v.description('What the names of all entries in Redis or memcached begin with.'),
    ),
    'llm-proxy:cache:',
  ),
  timeout: v.optional(
    durationSchema('Longest wait for Redis or memcached, after which a backend is asked as if nothing were kept.', {
      min: 1,
      max: 1000,
    }),
    '50ms',
  ),
  key_generation: v.optional(
    v.pipe(
      v.strictObject({
        include_headers: v.optional(
          v.pipe(
            v.array(headerName),
            v.maxLength(listMax),
            v.description('Headers of requests that have to be equal, too.'),
          ),
          [],
        ),
        normalize: flag(
          'The order of members, and members that say what holds without them, make no difference.',
          true,
        ),
      }),
      v.description('Which requests are equal.'),
    ),
    {},
  ),
  scope: v.optional(
    v.pipe(
      v.strictObject({
        cache_by_model: flag('false: an answer of any model will do.', true),
        cache_by_system_prompt: flag('false: system prompts make no difference.', true),
        cache_by_tools: flag('false: tools make no difference.', true),
        shared: flag('Callers get what others were answered. false: each has a cache of its own.', false),
      }),
      v.description('For whom an answer is good.'),
    ),
    {},
  ),
  hit_response: v.optional(
    v.pipe(
      v.strictObject({
        headers: v.optional(
          v.pipe(
            v.record(headerName, headerValue),
            v.check((headers) => Object.keys(headers).length <= listMax, `expected at most ${listMax} headers`),
            v.description(
              'Headers of answers that were kept. Where X-Cache is among them, other answers have it as MISS or BYPASS.',
            ),
          ),
          { 'X-Cache': 'HIT' },
        ),
        latency_improvement_tracking: flag(
          'Tell in the log and in metrics how much time answers that were kept have saved.',
          true,
        ),
      }),
      v.description('How answers are told that were kept.'),
    ),
    {},
  ),
})

export type CacheConfig = v.InferOutput<typeof CacheSchema>
