import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { explainCourse } from '#route/explain.ts'
import { resolve } from '#route/resolve.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Masker } from '#telemetry/mask.ts'
import { dialectOfPath } from '#wire/dialect.ts'
import { readNumber, readQuery, readWord } from './admin-query.ts'
import { endpoints } from './endpoints.ts'

/** Who would be asked for a model at this moment, and why. */
export function explainPage(
  {
    breakers,
    clock,
    credentials,
    figures,
    random,
  }: Pick<Gateway, 'breakers' | 'clock' | 'credentials' | 'figures' | 'random'>,
  snapshot: Snapshot,
  query: string,
  masker: Masker,
): object | Refusal {
  const asked = readQuery(query, ['model', 'path', 'seed', 'stream'])
  if (isRefusal(asked)) return asked
  const { model, path = '/v1/chat/completions' } = asked
  if (model === undefined || model === '') {
    return refuse('missing_model', 'Cannot explain the choice: name the model, as in "?model=…"', { param: 'model' })
  }
  const chance = Math.floor(random.unit() * seeds)
  const seed = readNumber('seed', asked.seed, { min: 0, max: seeds - 1, otherwise: chance })
  if (isRefusal(seed)) return seed
  const stream = readWord('stream', asked.stream, ['true', 'false'])
  if (isRefusal(stream)) return stream
  if (!isModelPath(path)) {
    return refuse('invalid_parameter', `Cannot read the query: "path" must be ${modelPathPhrase}`, { param: 'path' })
  }
  const plan = resolve(snapshot, model)
  if (isRefusal(plan)) return plan
  const call = { path: masker.mask(path), dialect: dialectOfPath(path), stream: stream === 'true' }
  return explainCourse(plan, call, breakers, seed, clock.monotonicMs(), figures, credentials)
}

/** Is this a path that a model can be asked for at? */
export function isModelPath(path: string): boolean {
  return endpoints.some((endpoint) => endpoint.path === path) || /^\/(?:v1|v1beta|v1alpha|api)\/[^\s?#]+$/.test(path)
}

export const modelPathPhrase = 'that of a request for a model, below "/v1/" and the like, such as "/v1/messages"'

/** Seeds are 32 bits wide. */
const seeds = 4_294_967_296
