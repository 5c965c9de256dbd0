import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { explainCourse } from '#route/explain.ts'
import { resolveNamed } from '#route/resolve.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Masker } from '#telemetry/mask.ts'
import { dialectOfPath } from '#wire/dialect.ts'
import { talkOfPath } from '#wire/talk.ts'
import { readNumber, readQuery, readWord } from './admin-query.ts'
import { endpoints } from './endpoints.ts'

/** Who would be asked for a model at this moment, and why. */
export function explainPage(
  gateway: Pick<Gateway, 'breakers' | 'clock' | 'credentials' | 'figures' | 'health' | 'random'>,
  snapshot: Snapshot,
  query: string,
  masker: Masker,
): object | Refusal {
  const asked = readQuery(query, ['model', 'path', 'seed', 'stream', 'headers'])
  if (isRefusal(asked)) return asked
  const { model, path = '/v1/chat/completions' } = asked
  if (model === undefined || model === '') {
    return refuse('missing_model', 'Cannot explain the choice: name the model, as in "?model=…"', { param: 'model' })
  }
  const { clock, figures, random } = gateway
  const chance = Math.floor(random.unit() * seeds)
  const seed = readNumber('seed', asked.seed, { min: 0, max: seeds - 1, otherwise: chance })
  if (isRefusal(seed)) return seed
  const stream = readWord('stream', asked.stream, ['true', 'false'])
  if (isRefusal(stream)) return stream
  if (!isModelPath(path)) {
    return refuse('invalid_parameter', `Cannot read the query: "path" must be ${modelPathPhrase}`, { param: 'path' })
  }
  const headers = asked.headers === undefined ? undefined : readHeaders(asked.headers)
  if (isRefusal(headers)) return headers
  const plan = resolveNamed(snapshot, model)
  if (isRefusal(plan)) return plan
  const call = {
    path: masker.mask(path),
    dialect: dialectOfPath(path),
    talk: talkOfPath(path),
    stream: stream === 'true',
    headers,
  }
  return explainCourse(plan, call, gateway, seed, clock.monotonicMs(), figures)
}

/** `Name: value`, a line for each. */
function readHeaders(text: string): Headers | Refusal {
  const headers = new Headers()
  for (const line of text.split('\n')) {
    const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? []
    try {
      headers.append(name ?? '', value ?? '')
    } catch {
      return refuse('invalid_parameter', 'Cannot read the query: "headers" must be lines such as "Name: value"', {
        param: 'headers',
      })
    }
  }
  return headers
}

/** Is this a path that a model can be asked for at? */
export function isModelPath(path: string): boolean {
  return endpoints.some((endpoint) => endpoint.path === path) || /^\/(?:v1|v1beta|v1alpha|api)\/[^\s?#]+$/.test(path)
}

export const modelPathPhrase = 'that of a request for a model, below "/v1/" and the like, such as "/v1/messages"'

/** Seeds are 32 bits wide. */
const seeds = 4_294_967_296
