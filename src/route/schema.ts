import * as v from 'valibot'
import { protocolNames } from '#core/dialect.ts'
import { durationSchema } from '#kit/quantity-schema.ts'
import { stringKeys } from '#kit/string-keys.ts'

const aliasName = v.pipe(v.string(), v.minLength(1), v.maxLength(512))

/** `weighted` is what it was called elsewhere. */
export const strategySchema = v.pipe(
  v.picklist(['weighted_random', 'round_robin', 'least_connections', 'latency', 'cost', 'hash', 'random', 'weighted']),
  v.transform((name) => (name === 'weighted' ? 'weighted_random' : name)),
)

const price = v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000))

/** The `affinity` section of an alias or a service. */
export const AffinitySchema = v.strictObject({
  by: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^(?:auto|ip|user|system|off|header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128})$/,
        'expected auto, ip, user, system, off, or header: and a name, such as "header:x-session-id"',
      ),
      v.description(
        'What tells which requests belong together. auto: the first of an own header, the session headers of coding agents, ' +
          'the conversation that is gone on with, prompt_cache_key, the user, instructions and first message, the caller, ' +
          'address. ip: the address (of IPv6 its /64). user: the user that the body names. system: equal instructions. ' +
          'header:NAME: the value of that header. off: nothing.',
      ),
    ),
    'auto',
  ),
  ttl: v.optional(
    durationSchema('How long they stay with the route that answered them, after each answer.', {
      min: 1000,
      max: 30 * 86_400_000,
    }),
    '1h',
  ),
})

const RouteSchema = v.strictObject({
  backend: v.pipe(v.string(), v.minLength(1), v.description('Name of the backend that answers.')),
  model: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(512),
    v.description('The model name that this backend knows; it replaces the alias in the request.'),
  ),
  priority: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(-1_000_000),
      v.maxValue(1_000_000),
      v.description(
        'Smaller numbers are tried first; routes of one number share the traffic. Left out it is 0, the most preferred.',
      ),
    ),
  ),
  weight: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(1_000_000),
      v.description('Share of the traffic among routes of one priority. 0: only when the others cannot answer.'),
    ),
    1,
  ),
  enabled: v.optional(v.pipe(v.boolean(), v.description('false takes the route out of use.')), true),
  cost: v.optional(
    v.pipe(
      v.strictObject({
        input: v.pipe(price, v.description('Price of a million tokens that are read, in any currency.')),
        output: v.pipe(price, v.description('Price of a million tokens that are written.')),
      }),
      v.description('What the tokens of this route cost, for the strategy `cost`.'),
    ),
  ),
  protocol: v.optional(
    v.pipe(
      v.picklist(stringKeys(protocolNames)),
      v.description('Protocol of this route, where it differs from that of its backend.'),
      v.transform((name) => protocolNames[name]),
    ),
  ),
})

/** The `models` section; `entries` are the keys of an alias that belong to other rooms. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
export function modelsSchema<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.record(aliasName, v.strictObject({ ...ownEntries, ...entries })),
    v.description('Model aliases: the names that clients ask for.'),
  )
}

const ownEntries = {
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'false hides the alias from the model lists; requests for it go to its `fallback.alias_fallback`, if it has one.',
      ),
    ),
    true,
  ),
  strategy: v.optional(
    v.pipe(
      strategySchema,
      v.description('How the traffic is shared among routes of one priority; default: `load_balancing.strategy`.'),
    ),
  ),
  affinity: v.optional(
    v.pipe(
      AffinitySchema,
      v.description(
        'Keeps requests that belong together with one route while it is well. Absent: off; an empty section `{}` switches it on.',
      ),
    ),
  ),
  routes: v.pipe(v.array(RouteSchema), v.maxLength(10_000), v.description('Ways to answer this alias.')),
}

/** The `load_balancing` section: what holds for every alias that says nothing else. */
export const LoadBalancingSchema = v.strictObject({
  strategy: v.optional(
    v.pipe(
      strategySchema,
      v.description(
        'How traffic is shared among routes of one priority. weighted_random: chance, by weight. round_robin: in turn, by weight. ' +
          'least_connections: whoever works on the fewest requests for its weight. latency: the faster of two. cost: the cheapest ' +
          'by `routes[].cost`. hash: equal affinity keys to equal routes. random: chance, whatever the weights.',
      ),
    ),
    'weighted_random',
  ),
  fail_open: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Ask routes whose backends fail their health checks, as if they were well, when nobody else can be asked. ' +
          'false: such a request gets 503 with Retry-After.',
      ),
    ),
    true,
  ),
  slow_start: v.optional(
    durationSchema(
      'Time in which a route that comes back from an open circuit, an ejection or failed health checks gets from a tenth of ' +
        'its weight to all of it; for weighted_random, round_robin, least_connections and random. 0: all at once.',
      { max: 3_600_000 },
    ),
    0,
  ),
})

/** The `owned_ids` section. */
export const OwnedIdsSchema = v.strictObject({
  max: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(10_000_000),
      v.description(
        'How many ids of files, batches, answers and the like are remembered with the backend that has them, about 20 MB for ' +
          '100,000. Requests that speak of one go there. The one that was used longest ago makes room. 0: none.',
      ),
    ),
    100_000,
  ),
  ttl: v.optional(
    durationSchema('How long each of them is remembered, after each use.', { min: 60_000, max: 366 * 86_400_000 }),
    '30d',
  ),
  resources: v.optional(
    v.pipe(
      v.picklist(['off', 'own', 'all']),
      v.description(
        'Which files, batches, former answers and the like clients may ask for by path. own: what they made through here, ' +
          'known by its id. all: whatever the account of a backend has, lists too, and fine-tuning, assistants, evals and ' +
          'skills; for clients that are trusted with all of it. off: none, such paths are unknown.',
      ),
    ),
    'own',
  ),
})

/** The `fallback` section: what happens when a route fails. */
export const FallbackSchema = v.strictObject({
  cooldown_seconds: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(86_400),
      v.description('Seconds that a route rests after a failure of its own. 0: no rest.'),
    ),
    30,
  ),
  max_retries: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(1000),
      v.description('Attempts that one request may make in total, over all routes and fallbacks. 0: no limit.'),
    ),
    3,
  ),
  alias_fallback: v.optional(
    v.pipe(
      v.record(aliasName, v.pipe(v.array(aliasName), v.maxLength(1000))),
      v.description('Aliases to go on with, in order, when no route of an alias can answer.'),
    ),
    {},
  ),
  cooldown_on: v.optional(
    v.pipe(
      v.union(
        [v.literal('default'), v.array(v.union([v.string(), v.number()]))],
        'expected "default" or a list of status codes such as [400, "42x", "5xx"]',
      ),
      v.description(
        'Statuses that make a route rest beyond the built-in rule ' +
          '(401, 402, 403, 404, 408, 409, 425, 429, 5xx, and every failure of the connection).',
      ),
      v.transform((codes) => (codes === 'default' ? [] : codes.map(String))),
    ),
    'default',
  ),
  when_all_cooling: v.optional(
    v.pipe(
      v.picklist(['refuse', 'wait', 'least_bad']),
      v.description(
        'What to do while every route rests: answer 503 with Retry-After, wait for the first to recover, ' +
          'or ask the one that recovers soonest.',
      ),
    ),
    'refuse',
  ),
  deadline: v.optional(
    durationSchema('Time that one request may take until its answer begins, all attempts together. 0: no limit.', {
      max: 86_400_000,
    }),
    0,
  ),
  respect_retry_after: v.optional(
    v.pipe(v.boolean(), v.description('Let a route rest for as long as its backend asks for by Retry-After.')),
    true,
  ),
  retry_after_max: v.optional(
    durationSchema('Upper bound for a rest that a backend asks for.', { max: 86_400_000 }),
    '300s',
  ),
})
