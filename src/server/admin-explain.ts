import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { explainCourse } from '#route/explain.ts'
import { resolve } from '#route/resolve.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { dialectOfPath } from '#wire/dialect.ts'
import { readNumber, readQuery, readWord } from './admin-query.ts'

/** Who would be asked for a model at this moment, and why. */
export function explainPage(
  { breakers, clock, random }: Pick<Gateway, 'breakers' | 'clock' | 'random'>,
  snapshot: Snapshot,
  query: string,
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
  const plan = resolve(snapshot, model)
  if (isRefusal(plan)) return plan
  const call = { path, dialect: dialectOfPath(path), stream: stream === 'true' }
  return explainCourse(plan, call, breakers, seed, clock.monotonicMs())
}

/** Seeds are 32 bits wide. */
const seeds = 4_294_967_296
