import type { Call } from '#core/call.ts'
import type { Protocol } from '#core/dialect.ts'
import type { Form } from '#core/talk.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { reject, type Asked, type Parts, type Translation } from '#translate/asked.ts'
import { callFor } from '#translate/backend-call.ts'
import { bodyAnswer, localAnswer } from '#translate/body-answer.ts'
import { bodyOf, exactBodyOf } from '#translate/client-request.ts'
import type { BackendRequest } from '#translate/codec.ts'
import type { ErrorMeans } from '#translate/error-answer.ts'
import { errorFrom, wordsOf } from '#translate/errors.ts'
import { Notes, type Rejection } from '#translate/notes.ts'
import { plainRequest } from '#translate/plain-request.ts'
import { knownCodecs } from '#translate/registry.ts'
import type { TranslateOther } from '#translate/translate.ts'
import { bedrockEmbedBackend } from './bedrock-backend.ts'
import { cohereEmbedBackend } from './cohere-backend.ts'
import type { EmbedBackend, EmbedClient, EmbedRequest, Embeddings } from './common.ts'
import { geminiEmbedClient } from './gemini-client.ts'
import { JointVectors, type JointEmbeddings } from './joint-vectors.ts'
import { geminiEmbedBackend, vertexEmbedBackend } from './google-backend.ts'
import { ollamaEmbedBackend } from './ollama-backend.ts'
import { ollamaEmbedClient } from './ollama-client.ts'
import { openaiEmbedBackend } from './openai-backend.ts'
import { openaiEmbedClient } from './openai-client.ts'
import { normalized } from './vector.ts'

/** A call for vectors, in the words of a backend that has others than its client. */
export const translateEmbed: TranslateOther = async (asked, means) => {
  const { call, talk, policy, requestId } = asked
  const isOfGoogle = asked.protocol === 'vertex' && !isHosted(asked.model)
  const isSameForm = talk.form === 'embeddings' && openaiForms.has(asked.form) && !isOfGoogle
  if (isSameForm) return passedOn(asked)
  const client = clients.get(talk.form)
  const backend = isOfGoogle ? vertexEmbedBackend(asked.model) : backendFor(asked)
  if (client === undefined || backend === undefined) return reject('vectors of this model cannot be asked for here')
  const body = bodyOf(call)
  if (body === undefined) return reject('the body is no JSON object')
  const notes = new Notes(policy.mode)
  const request = client.readRequest(body, call.path, notes)
  // Of the form that its errors have.
  const codec = await (means.codecs ?? knownCodecs).backend(isOfGoogle ? 'gemini' : asked.form)
  const sentWallMs = means.clock.wallMs()
  const errors = (): ErrorMeans => ({
    form: talk.form,
    backend: codec ?? plainErrors,
    requestId,
    notes,
    nowWallMs: means.clock.wallMs(),
  })
  const tell: Tell = { asked, client, body, sentWallMs }
  if (request.inputs.length === 0) {
    if (talk.form !== 'ollama') notes.reject(request.field, 'there is nothing in it to make a vector of')
    const sent = requestOf(asked, backend, request, notes)
    if (notes.rejection !== undefined) return notes.rejection
    const local = localAnswer(told(tell, { vectors: [], tokens: 0 }, sentWallMs), errors())
    return { call: callFor(asked, sent, 'sse'), local, answer: (response) => response, warnings: notes }
  }
  const batches = inBatches(request, backend.inputsMax, notes)
  const sent = batches.map((batch) => requestOf(asked, backend, batch, notes))
  if (notes.rejection !== undefined) return notes.rejection
  const all = new JointVectors(batches)
  const finish = isCutShort(asked, request) ? ofLengthOne : asTheyAre
  const answer = (response: IncomingResponse, index: number): IncomingResponse => {
    const errorMeans = errors()
    return bodyAnswer(response, errorMeans, (answered) => {
      const problem = all.add(index, finish(backend.read(answered, response.headers)))
      if (problem !== undefined) return problem
      return all.whole && told(tell, all.whole, errorMeans.nowWallMs)
    })
  }
  const callAt = (index: number): Call => callFor(asked, sent[index] ?? plainRequest, 'sse')
  const parts = batches.length > 1 ? partsOf(all, batches.length, callAt, answer) : undefined
  return { call: callAt(0), answer: (response) => answer(response, 0), warnings: notes, parts }
}

/** Does Google cut vectors to the size that was asked for, and leave it to others to make them whole again? */
function isCutShort({ form, protocol, policy, model }: Asked, { dimensions }: EmbedRequest): boolean {
  if (policy.normalizesVectors !== true || dimensions === undefined) return false
  return form === 'gemini' || (protocol === 'vertex' && !isHosted(model))
}

function ofLengthOne(answer: Embeddings | undefined): Embeddings | undefined {
  return answer && { ...answer, vectors: answer.vectors.map(normalized) }
}

function asTheyAre(answer: Embeddings | undefined): Embeddings | undefined {
  return answer
}

function partsOf(all: JointVectors, count: number, call: Parts['call'], answer: Parts['answer']): Parts {
  return {
    count,
    call,
    answer,
    lacks: (index) => all.lacks(index),
    get isOver() {
      return all.whole !== undefined
    },
  }
}

/** What an answer is told with. */
interface Tell {
  readonly asked: Asked
  readonly client: EmbedClient
  readonly body: Parameters<EmbedClient['writeBody']>[1]
  readonly sentWallMs: number
}

function told(
  { asked: { call }, client, body, sentWallMs }: Tell,
  { vectors, tokens }: JointEmbeddings,
  nowWallMs: number,
): ReturnType<EmbedClient['writeBody']> {
  return client.writeBody(vectors, body, call.path, {
    model: call.model,
    tokens,
    tookMs: Math.max(0, nowWallMs - sentWallMs),
  })
}

const clients: ReadonlyMap<Form, EmbedClient> = new Map<Form, EmbedClient>([
  ['embeddings', openaiEmbedClient],
  ['gemini', geminiEmbedClient],
  ['ollama', ollamaEmbedClient],
])

function backendFor({ form, model, protocol }: Asked): EmbedBackend | undefined {
  return backends.get(form)?.(model, protocol)
}

/** How OpenAI's models are asked, which have one API for vectors. */
const openaiForms: ReadonlySet<Form> = new Set<Form>(['chat', 'responses', 'embeddings'])

type OpenBackend = (model: string, protocol: Protocol) => EmbedBackend | undefined

const backends: ReadonlyMap<Form, OpenBackend> = new Map<Form, OpenBackend>([
  ['chat', (_model, protocol) => openaiEmbedBackend(protocol)],
  ['responses', (_model, protocol) => openaiEmbedBackend(protocol)],
  ['embeddings', (_model, protocol) => openaiEmbedBackend(protocol)],
  ['gemini', geminiEmbedBackend],
  ['ollama', () => ollamaEmbedBackend],
  ['cohere', () => cohereEmbedBackend],
  ['converse', bedrockEmbedBackend],
])

/** Models of others at Vertex, which are asked as OpenAI's are: `intfloat/multilingual-e5-small-maas`. */
function isHosted(model: string): boolean {
  return /^(?:publishers\/)?(?!google\/|models\/|publishers\/google\/|endpoints\/)[\w-]+\//.test(model)
}

const plainErrors: ErrorMeans['backend'] = {
  readError: (status, headers, body) => errorFrom(status, headers, wordsOf(body) ?? { message: '' }),
}

/** Limit: requests that one of a client becomes: as many as OpenAI takes inputs, for models that take one at a time. */
const batchesMax = 2048

/** As many inputs as the model takes at once, again and again. */
function inBatches(request: EmbedRequest, inputsMax: number, notes: Notes): readonly EmbedRequest[] {
  const { inputs, field } = request
  if (inputs.length <= inputsMax) return [request]
  if (inputs.length > inputsMax * batchesMax) {
    notes.reject(
      field,
      `${inputs.length} inputs are too many, of this model ${inputsMax * batchesMax} can be asked for`,
    )
    return []
  }
  const batches: EmbedRequest[] = []
  for (let from = 0; from < inputs.length; from += inputsMax) {
    batches.push({ ...request, inputs: inputs.slice(from, from + inputsMax) })
  }
  return batches
}

function requestOf(asked: Asked, backend: EmbedBackend, request: EmbedRequest, notes: Notes): BackendRequest {
  const { model, policy, carrier, call, protocol, form } = asked
  const target = { model, forwardsIdentity: policy.forwardsIdentity }
  const written = { ...plainRequest, path: backend.path, body: backend.body(request, target, notes) }
  const isCarried = protocol === 'vertex' && form === 'chat' && isHosted(model)
  return isCarried && carrier !== undefined ? carrier.request(written, model, call.headers, notes) : written
}

/** The client's own body, but for the name of the model, where only the way there is another. */
function passedOn(asked: Asked): Translation | Rejection {
  const { call, model, carrier, policy } = asked
  const body = exactBodyOf(call)
  if (body === undefined) return reject('the body is no JSON object')
  const notes = new Notes(policy.mode)
  const own: BackendRequest = { ...plainRequest, path: '/v1/embeddings', query: call.query, body: { ...body, model } }
  const sent = carrier === undefined ? own : carrier.request(own, model, call.headers, notes)
  return { call: callFor(asked, sent, 'sse'), answer: (response) => response, warnings: notes }
}
