import type { Protocol } from '#core/dialect.ts'
import type { Form } from '#core/talk.ts'
import { estimateTextTokens } from '#translate/token-estimate.ts'
import { reject, type Asked, type Translation } from '#translate/asked.ts'
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
import type { EmbedBackend, EmbedClient, EmbedRequest } from './common.ts'
import { geminiEmbedClient } from './gemini-client.ts'
import { geminiEmbedBackend, vertexEmbedBackend } from './google-backend.ts'
import { ollamaEmbedBackend } from './ollama-backend.ts'
import { ollamaEmbedClient } from './ollama-client.ts'
import { openaiEmbedBackend } from './openai-backend.ts'
import { openaiEmbedClient } from './openai-client.ts'

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
  const tell: Tell = { asked, client, body, request, sentWallMs }
  const isEmpty = request.inputs.length === 0 && talk.form === 'ollama'
  checkInputs(request, isEmpty ? Infinity : backend.inputsMax, isEmpty, notes)
  const sent = requestOf(asked, backend, request, notes)
  if (notes.rejection !== undefined) return notes.rejection
  return {
    call: callFor(asked, sent, 'sse'),
    ...(isEmpty && { local: localAnswer(told(tell, [], 0, sentWallMs), errors()) }),
    answer: (response) => {
      const errorMeans = errors()
      return bodyAnswer(response, errorMeans, (answered) => {
        const read = backend.read(answered, response.headers)
        if (read === undefined) return 'its answer has no vectors'
        const { vectors, tokens } = read
        const { length } = request.inputs
        if (vectors.length !== length) return `its answer has ${vectors.length} vectors for ${length} inputs`
        return told(tell, vectors, tokens, errorMeans.nowWallMs)
      })
    },
    warnings: notes,
  }
}

/** What an answer is told with. */
interface Tell {
  readonly asked: Asked
  readonly client: EmbedClient
  readonly body: Parameters<EmbedClient['writeBody']>[1]
  readonly request: EmbedRequest
  readonly sentWallMs: number
}

function told(
  { asked: { call }, client, body, request, sentWallMs }: Tell,
  vectors: Parameters<EmbedClient['writeBody']>[0],
  tokens: number | undefined,
  nowWallMs: number,
): ReturnType<EmbedClient['writeBody']> {
  return client.writeBody(vectors, body, call.path, {
    model: call.model,
    tokens: tokens ?? request.inputs.reduce((sum, { text }) => sum + estimateTextTokens(text), 0),
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

function checkInputs({ inputs, field }: EmbedRequest, inputsMax: number, mayBeEmpty: boolean, notes: Notes): void {
  if (inputs.length === 0 && !mayBeEmpty) notes.reject(field, 'there is nothing in it to make a vector of')
  if (inputs.length <= inputsMax) return
  const most = inputsMax === 1 ? 'one input' : `at most ${inputsMax} inputs`
  notes.reject(field, `${inputs.length} inputs are too many, this model takes ${most} in one request`)
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
