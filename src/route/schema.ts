import * as v from 'valibot'
import { protocolNames } from '#core/dialect.ts'
import { durationSchema } from '#kit/quantity-schema.ts'
import { stringKeys } from '#kit/string-keys.ts'

const aliasName = v.pipe(v.string(), v.minLength(1), v.maxLength(512))

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
  routes: v.pipe(v.array(RouteSchema), v.maxLength(10_000), v.description('Ways to answer this alias.')),
}

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
