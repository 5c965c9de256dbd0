import type { Talk } from '#core/talk.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { translatedAnswer, type AnswerMeans } from './answer.ts'
import { reject, type Asked, type TranslateMeans, type Translation } from './asked.ts'
import { callFor } from './backend-call.ts'
import { carry } from './carried.ts'
import { bodyOf, factsOf, readBy, requestTo } from './client-request.ts'
import type { RequestFacts } from './codec.ts'
import type { CommonRequest } from './common.ts'
import { withMedia } from './fetched-media.ts'
import { Notes, type Rejection } from './notes.ts'
import { knownCodecs } from './registry.ts'
import { estimateTokens } from './token-estimate.ts'

/** How a talk is translated that is no conversation: counting tokens, embedding. */
export type TranslateOther = (asked: Asked, means: TranslateMeans) => Promise<Translation | Rejection>

/** The call as the backend is asked it, and the way back; or why it cannot be asked. */
export async function translate(asked: Asked, means: TranslateMeans): Promise<Translation | Rejection> {
  const { talk, form, carrier } = asked
  // Clouds make vectors in words of their own.
  if (talk.form === form && carrier !== undefined && talk.does !== 'embed') {
    return await carry(asked, carrier, means)
  }
  if (talk.does === 'generate') return await translateTalk(asked, means)
  const other = await others.get(talk.does)?.()
  return other === undefined ? reject(`a backend of the form ${form} cannot be asked that`) : await other(asked, means)
}

/** Loaded when they are asked for. */
const others: ReadonlyMap<Talk['does'], () => Promise<TranslateOther>> = new Map([
  ['embed', async () => (await import('#translate/embed/translate-embed.ts')).translateEmbed],
  ['count', async () => (await import('#translate/count/translate-count.ts')).translateCount],
])

async function translateTalk(asked: Asked, means: TranslateMeans): Promise<Translation | Rejection> {
  const { talk, form } = asked
  const codecs = means.codecs ?? knownCodecs
  const [client, backend] = await Promise.all([codecs.client(talk.form), codecs.backend(form)])
  if (client === undefined || backend === undefined) return reject(`${talk.form} cannot be told as ${form}`)
  const body = bodyOf(asked.call)
  if (body === undefined) return reject('the body is no JSON object')
  const notes = new Notes(asked.policy.mode)
  if (asked.isRepaired === true) notes.adapt('adapted:param_repaired')
  const facts = factsOf(asked.call, means.recall)
  const read = readBy(client, body, facts, notes)
  const { profile } = asked
  const request = notes.rejection === undefined ? await withMedia(read, form, profile, means.fetchMedia, notes) : read
  if (notes.rejection !== undefined) return notes.rejection
  const inputEstimate = estimateTokens(request)
  const sent = requestTo(backend, request, asked, inputEstimate, notes)
  if (notes.rejection !== undefined) return notes.rejection
  const framing = asked.carrier?.framing ?? backend.framing
  return {
    call: callFor(asked, sent, framing),
    answer: (response) => {
      const told: Told = { client, backend, sent, framing, request, body, facts, inputEstimate, notes }
      return translatedAnswer(response, answerMeans(asked, means, told))
    },
    warnings: notes,
  }
}

/** What one call was translated with. */
interface Told extends Pick<AnswerMeans, 'client' | 'backend' | 'sent' | 'framing' | 'notes'> {
  readonly request: CommonRequest
  readonly body: JsonObject
  readonly facts: RequestFacts
  readonly inputEstimate: number
}

function answerMeans(asked: Asked, { ids, clock, remember }: TranslateMeans, told: Told): AnswerMeans {
  const { call, profile, policy, requestId, model, carrier } = asked
  const { client, backend, sent, framing, request, body, facts, inputEstimate, notes } = told
  const nowWallMs = clock.wallMs()
  const nowSeconds = Math.floor(nowWallMs / 1000)
  return {
    client,
    backend,
    sent,
    framing,
    unwrap: carrier?.event?.bind(carrier),
    unwrapBody: carrier?.body?.bind(carrier),
    context: { request, body, facts, requestId, model: call.model, ids, nowSeconds, inputEstimate, policy },
    facts: { model, profile, ids, nowSeconds },
    stream: call.stream ? call.endpoint.stream : undefined,
    way: { back: sent.back, hasTags: profile.reasoning.hasTags, form: client.form, notes },
    expected: { choices: request.sampling.n ?? 1, inputEstimate },
    notes,
    nowWallMs,
    remember,
  }
}
