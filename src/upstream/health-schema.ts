import * as v from 'valibot'
import { durationSchema } from '#kit/quantity-schema.ts'
import { headersByName } from './header-schema.ts'

const aDay = { max: 86_400_000 }
const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))

const checkEntries = {
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Ask backends for their health. Default: services are asked, and every backend for which this section is given.',
      ),
    ),
  ),
  method: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z]{1,32}$/, 'expected a method such as GET, HEAD or OPTIONS'),
      v.transform((name) => name.toUpperCase()),
      v.check((name) => name !== 'CONNECT', 'expected a method that asks for a page, which CONNECT does not'),
      v.description('Method of a check; default: GET.'),
    ),
  ),
  path: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(2048),
      v.regex(/^\/[\u0021-\u0022\u0024-\u007e]*$/, 'expected a path such as "/health"'),
      v.description(
        "Path of a check behind the backend's address, with its query; default: `/health` for services, else the list of models, which costs no tokens.",
      ),
    ),
  ),
  expect: v.optional(
    v.pipe(
      v.array(v.union([v.string(), v.number()], 'expected a status code such as 200 or "2xx"')),
      v.minLength(1),
      v.transform((codes) => codes.map(String)),
      v.description('Statuses that mean well; `x` stands for any digit. Default: 200 for services, else `2xx`.'),
    ),
  ),
  headers: v.optional(
    v.pipe(
      headersByName,
      v.description('Headers of a check, beside the key of the backend.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  interval: v.optional(
    durationSchema('From one check to the next, a tenth more or less; default: 30 s.', { ...aDay, min: 100 }),
  ),
  timeout: v.optional(durationSchema('Longest time of one check; default: 5 s.', { ...aDay, min: 1 })),
  failure_threshold: v.optional(
    v.pipe(count, v.description('Failed checks in a row after which a backend gets no requests; default: 3.')),
  ),
  success_threshold: v.optional(
    v.pipe(count, v.description('Good checks in a row after which it gets requests again; default: 2.')),
  ),
}

/** The `health_check` section, of the file or of one backend, where the nearer word counts. */
export const HealthCheckSchema = v.strictObject(checkEntries)
