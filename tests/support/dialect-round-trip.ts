import { encode } from '#kit/bytes.ts'
import { asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { chatBackend } from '#translate/chat/backend.ts'
import { chatClient } from '#translate/chat/client.ts'
import type { BackendCodec, ClientCodec } from '#translate/codec.ts'
import type { CommonError, CommonRequest, CommonResponse } from '#translate/common.ts'
import { parseExact } from '#translate/exact-json.ts'
import { Fold } from '#translate/fold.ts'
import { geminiBackend } from '#translate/gemini/backend.ts'
import { geminiClient } from '#translate/gemini/client.ts'
import { messagesBackend } from '#translate/messages/backend.ts'
import { messagesClient } from '#translate/messages/client.ts'
import { isRejection, Notes } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { responsesBackend } from '#translate/responses/backend.ts'
import { responsesClient } from '#translate/responses/client.ts'
import { answerOf, askedAs, bytesOf, type Backend, type MainForm } from './dialect-asking.ts'
import { streamText, type Answer } from './dialect-said.ts'
import { answerContext, commonRequest, countingIds, requestFacts, targetOf } from './translating.ts'

/** From one form into another, and back. */
export interface RoundTrip {
  readonly own: MainForm
  readonly other: MainForm
}

/** One backend of each form that can do as much as its form can say; models of Chat either think or take the rest. */
export function ableBackend(form: MainForm, thinks: boolean): Backend {
  return form === 'chat' && !thinks ? { ...ableBackends.chat, model: 'gpt-4o' } : ableBackends[form]
}

const ableBackends: Readonly<Record<MainForm, Backend>> = {
  chat: { form: 'chat', protocol: 'openai', model: 'gpt-5.1' },
  responses: { form: 'responses', protocol: 'openai', model: 'gpt-5.1' },
  messages: { form: 'messages', protocol: 'anthropic', model: 'claude-opus-4-6' },
  gemini: { form: 'gemini', protocol: 'gemini', model: 'gemini-3-flash-preview' },
}

const clients: Readonly<Record<MainForm, ClientCodec>> = {
  chat: chatClient,
  responses: responsesClient,
  messages: messagesClient,
  gemini: geminiClient,
}

const backends: Readonly<Record<MainForm, BackendCodec>> = {
  chat: chatBackend,
  responses: responsesBackend,
  messages: messagesBackend,
  gemini: geminiBackend,
}

/** A request as clients of its form mean it. */
export function readAs(form: MainForm, body: object): CommonRequest {
  return clients[form].readRequest(body as JsonObject, requestFacts(), new Notes())
}

/** A request in the form's own words. */
export function writtenAs(form: MainForm, request: Partial<CommonRequest>): JsonObject {
  const { protocol, model } = ableBackend(form, request.reasoning !== undefined)
  return backends[form].writeRequest(commonRequest(request), targetOf(form, protocol, model), new Notes()).body
}

/** An answer in the form's own words. */
export function answeredAs(form: MainForm, response: CommonResponse): JsonObject {
  return clients[form].writeBody(response, answerContext())
}

/** A request as it comes back; undefined where one of the two backends has to refuse it. */
export async function requestThereAndBack({ own, other }: RoundTrip, body: object): Promise<JsonObject | undefined> {
  const { effort, budgetTokens, kind } = readAs(own, body).reasoning ?? {}
  const thinks = (effort ?? budgetTokens ?? kind) !== undefined
  const there = await sentBody(own, ableBackend(other, thinks), body)
  return there === undefined ? undefined : await sentBody(other, ableBackend(own, thinks), there)
}

async function sentBody(from: MainForm, to: Backend, body: object): Promise<JsonObject | undefined> {
  const asked = await askedAs(from, to, body)
  return isRejection(asked) ? undefined : asObject(parseExact(new TextDecoder().decode(asked.call.body)))
}

/** An answer as its own backend gives it, and as a client of that form gets it by way of the other one. */
export async function answerThereAndBack(
  { own, other }: RoundTrip,
  answer: Answer,
  stream: boolean,
): Promise<{ readonly before: CommonResponse; readonly after: CommonResponse } | undefined> {
  const said = stream ? streamText(own, answer.stream ?? []) : JSON.stringify(answer.body)
  const there = await told(other, own, said, stream)
  const back = there === undefined ? undefined : await told(own, other, there, stream)
  const before = answerOfBackend(own, said, stream)
  const after = back === undefined ? undefined : answerOfBackend(own, back, stream)
  return after === undefined || before === undefined ? undefined : { before, after }
}

/** Who shows thoughts only to those who want them is asked for them. */
const asking: Readonly<Record<MainForm, object>> = {
  chat: { model: 'alias', messages: [{ role: 'user', content: 'Hi' }], stream_options: { include_usage: true } },
  responses: { model: 'alias', input: 'Hi', reasoning: { summary: 'auto' } },
  messages: { model: 'alias', max_tokens: 2000, messages: [{ role: 'user', content: 'Hi' }] },
  gemini: {
    contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    generationConfig: { thinkingConfig: { includeThoughts: true } },
  },
}

/** What a client gets of what a backend said; undefined where it is an error. */
async function told(client: MainForm, backend: MainForm, said: string, stream: boolean) {
  const asked = await askedAs(client, ableBackends[backend], asking[client], stream)
  if (isRejection(asked)) throw new Error(asked.message)
  const answer = asked.answer(answerOf(encode(said), stream ? 'text/event-stream' : 'application/json'))
  const { text, broke } = await bytesOf(answer)
  return answer.status === 200 && broke === '' ? text : undefined
}

/** An answer in its own form, read. */
function answerOfBackend(form: MainForm, said: string, stream: boolean): CommonResponse | undefined {
  const { protocol, model } = ableBackends[form]
  const facts = { model, profile: profileOf(form, protocol, model), ids: countingIds(), nowSeconds: 1_790_000_000 }
  if (!stream) return whole(backends[form].readBody(asObject(parseJson(said)) ?? {}, facts))
  const reader = backends[form].openReader(facts)
  const fold = new Fold()
  for (const [, name, data] of said.matchAll(/^(?:event: (.*)\n)?data: (.*)$/gm)) {
    for (const event of reader.push(name ?? '', data ?? '')) fold.take(event)
  }
  for (const event of reader.end()) fold.take(event)
  return whole(fold.result())
}

function whole(answer: CommonResponse | CommonError | undefined): CommonResponse | undefined {
  return answer === undefined || 'kind' in answer ? undefined : answer
}

/** What providers made, whatever envelopes are around it; several may share one place. */
export function innermost(payload: string): readonly string[] {
  const text = payload.startsWith('bHAxL') ? Buffer.from(payload, 'base64').toString('latin1') : payload
  if (!text.startsWith('lp1.')) return text === '' ? [] : [text]
  return text.split(' ').flatMap((sealed) => {
    const envelope = asObject(parseJson(Buffer.from(sealed.slice('lp1.'.length), 'base64url').toString()))
    return innermost(asText(envelope?.['p']) ?? '')
  })
}
