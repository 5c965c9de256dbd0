import type { Call } from '#core/call.ts'
import type { Talk } from '#core/talk.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { errorInStream, translatedAnswer, type AnswerMeans } from './answer.ts'
import { reject, type Asked, type TranslateMeans, type Translation } from './asked.ts'
import { callFor } from './backend-call.ts'
import { carry } from './carried.ts'
import { bodyOf, factsOf, readBy, requestTo } from './client-request.ts'
import type { RequestFacts } from './codec.ts'
import type { CommonRequest } from './common.ts'
import { withMedia } from './fetched-media.ts'
import { Joint } from './joint.ts'
import { Notes, type Rejection } from './notes.ts'
import { partsOf, type RequestParts } from './parts.ts'
import { knownCodecs } from './registry.ts'
import { estimateTokens } from './token-estimate.ts'
import { UsageNote, UsageSum } from './usage-note.ts'
import { withheldOf } from './withheld.ts'

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
  const facts = factsOf(asked, means.recall)
  const read = readBy(client, body, facts, asked, notes)
  const { profile } = asked
  const request = notes.rejection === undefined ? await withMedia(read, form, profile, means.fetchMedia, notes) : read
  if (notes.rejection !== undefined) return notes.rejection
  const several = partsOf(request, profile, asked.policy, notes)
  if (several !== undefined) return inParts(asked, means, { client, backend, request, body, facts, notes }, several)
  const inputEstimate = estimateTokens(request)
  const sent = requestTo(backend, request, asked, inputEstimate, notes)
  if (notes.rejection !== undefined) return notes.rejection
  const framing = asked.carrier?.framing ?? backend.framing
  const usage = new UsageNote()
  return {
    call: callFor(asked, sent, framing),
    answer: (response) => {
      const told: Told = { client, backend, sent, framing, request, body, facts, inputEstimate, notes, usage }
      return translatedAnswer(response, answerMeans(asked, means, told))
    },
    warnings: notes,
    usage,
  }
}

/** A talk that takes several requests, of which the answers make one. */
function inParts(
  asked: Asked,
  means: TranslateMeans,
  whole: Pick<Told, 'client' | 'backend' | 'request' | 'body' | 'facts' | 'notes'>,
  { requests, width }: RequestParts,
): Translation | Rejection {
  const { backend, notes } = whole
  const framing = asked.carrier?.framing ?? backend.framing
  // Many answers to one prompt are many requests of the same words.
  const estimateOf = remembered((part: CommonRequest) => estimateTokens(part))
  const sentFor = remembered((part: CommonRequest) => requestTo(backend, part, asked, estimateOf(part), notes))
  const parts = requests.map((part) => ({
    estimate: estimateOf(part),
    sent: sentFor(part),
    usage: new UsageNote(),
    choices: part.sampling.n ?? 1,
  }))
  const [first] = parts
  if (notes.rejection !== undefined) return notes.rejection
  if (first === undefined) return reject('there is nothing in it to ask for')
  const estimates = parts.map(({ estimate }) => estimate)
  const inputEstimate = estimates.reduce((sum, estimate) => sum + estimate, 0)
  const joint = new Joint(width, estimates)
  const partAt = (index: number): typeof first => parts[index] ?? first
  const meansOf = (index: number): AnswerMeans => {
    const { sent, usage, estimate, choices } = partAt(index)
    const told: Told = { ...whole, sent, framing, inputEstimate, usage }
    const expected = { choices, inputEstimate: estimate }
    return { ...answerMeans(asked, means, told), expected, joint: { joint, index } }
  }
  const answer = (response: IncomingResponse, index: number): IncomingResponse =>
    translatedAnswer(response, meansOf(index))
  const call = (index: number): Call => callFor(asked, partAt(index).sent, framing)
  return {
    call: call(0),
    answer: (response) => answer(response, 0),
    warnings: notes,
    usage: new UsageSum(parts.map(({ usage }) => usage)),
    parts: {
      count: parts.length,
      call,
      answer,
      errorInStream: (response, index) => errorInStream(response, meansOf(index)),
      lacks: (index) => joint.lacks(index),
      get isOver() {
        return joint.isOver
      },
    },
  }
}

/** What was made of one is not made again. */
function remembered<Of, Made>(make: (of: Of) => Made): (of: Of) => Made {
  const known = new Map<Of, Made>()
  return (of) => {
    const made = known.get(of) ?? make(of)
    known.set(of, made)
    return made
  }
}

/** What one call was translated with. */
interface Told extends Pick<AnswerMeans, 'client' | 'backend' | 'sent' | 'framing' | 'notes' | 'usage'> {
  readonly request: CommonRequest
  readonly body: JsonObject
  readonly facts: RequestFacts
  readonly inputEstimate: number
}

function isBare({ output: { format } }: CommonRequest): boolean {
  return format?.kind === 'json_schema' && format.isBare === true
}

function answerMeans(asked: Asked, { ids, clock, remember }: TranslateMeans, told: Told): AnswerMeans {
  const { call, profile, policy, requestId, model, carrier } = asked
  const { client, backend, sent, framing, request, body, facts, inputEstimate, notes, usage } = told
  const nowWallMs = clock.wallMs()
  const nowSeconds = Math.floor(nowWallMs / 1000)
  return {
    client,
    backend,
    sent,
    framing,
    unwrap: carrier?.event?.bind(carrier),
    unwrapBody: carrier?.body?.bind(carrier),
    context: { request, body, facts, requestId, model: call.model, ids, nowSeconds, inputEstimate, policy, notes },
    facts: { model, profile, ids, nowSeconds, notes },
    stream: call.stream ? call.endpoint.stream : undefined,
    way: {
      back: sent.back,
      hasTags: profile.reasoning.hasTags,
      form: client.form,
      isBare: isBare(request),
      notes,
      withheld: withheldOf(request, asked, sent.back, notes),
    },
    expected: { choices: request.sampling.n ?? 1, inputEstimate },
    notes,
    nowWallMs,
    remember,
    usage,
  }
}
