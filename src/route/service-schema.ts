import * as v from 'valibot'
import { AffinitySchema, strategySchema } from './schema.ts'

/** Limit: characters of the name of a service or of one of its models. */
const nameMax = 512

const id = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(200),
  // oxlint-disable-next-line no-control-regex -- ids stand in log lines and headers
  v.regex(/^[^\u0000-\u001f\u007f]*$/, 'expected an id without control characters'),
)

export const weightBounds = { min: 0, max: 1_000_000 } as const

const weight = v.pipe(v.number(), v.minValue(weightBounds.min), v.maxValue(weightBounds.max))

const balanceEntries = {
  strategy: v.optional(
    v.pipe(strategySchema, v.description('How the traffic is shared; default: `round_robin`, in turn by weight.')),
  ),
  affinity: v.optional(
    v.pipe(
      AffinitySchema,
      v.description(
        'Which requests stay with one backend while it is well; default: those of one address (`by: ip`). `by: off`: none.',
      ),
    ),
  ),
}

/** One of several backends that answer for the same thing; `entries` are the keys of a backend, all of them optional. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
function poolSchema<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.array(
      v.strictObject({
        ...entries,
        id: v.optional(
          v.pipe(id, v.description('Tells it from the others of the same model; needed unless `backend` is given.')),
        ),
        name: v.optional(v.pipe(id, v.description('What people call it; default: its id.'))),
        backend: v.optional(
          v.pipe(
            v.string(),
            v.minLength(1),
            v.description('Name of one of `backends`, in place of an address and keys of its own.'),
          ),
        ),
        weight: v.optional(
          v.pipe(weight, v.description('Share of the traffic. 0: only when the others cannot answer.')),
          1,
        ),
      }),
    ),
    v.maxLength(10_000),
    v.description('Who answers.'),
  )
}

/** The `services` section: what paths `/{service}/{model}/…` lead to. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
export function servicesSchema<Entries extends v.ObjectEntries>(entries: Entries) {
  const model = v.strictObject({ ...balanceEntries, backends: poolSchema(entries) })
  const service = v.strictObject({
    ...balanceEntries,
    models: v.pipe(
      v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(nameMax)), model),
      v.description('Models of the service, by the name that stands in the path.'),
    ),
  })
  return v.pipe(
    v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(nameMax)), service),
    v.description(
      'Services: requests to `/{service}/{model}/…` go to one of its backends as they are, whatever they ask.',
    ),
  )
}

/** The `passthrough` section: who gets every request that nothing else takes. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
export function passthroughSchema<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.strictObject({ ...balanceEntries, backends: poolSchema(entries) }),
    v.description(
      'Who gets every request that nothing else takes: paths that are not known, and models that no alias names. Absent: nobody.',
    ),
  )
}
