/**
 * What a streamed event costs when it is translated, against one that is passed on: CPU of this process alone, without
 * sockets. `bun bench/translate.ts`
 */
import { encode } from '#kit/bytes.ts'
import { openGate } from '#wire/gate.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Form } from '#core/talk.ts'
import type { AnswerContext, AnswerFacts, BackendCodec, ClientCodec, WayBack } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import { EventWriter } from '#translate/event-writer.ts'
import { RandomIds } from '#translate/id-source.ts'
import { passageTo } from '#translate/passage.ts'
import { profileOf } from '#translate/profiles.ts'
import { knownCodecs } from '#translate/registry.ts'
import { StreamToStream } from '#translate/stream-answer.ts'
import { openUnframer } from '#translate/unframe.ts'

const deltas = 400
const rounds = 300

const words = [
  'The',
  ' quick',
  ' brown',
  ' fox',
  ' jumps',
  ' over',
  ' the',
  ' lazy',
  ' dog',
  '.\n',
  ' "quoted"',
  ' naïve',
]

function chatStream(): readonly Uint8Array[] {
  const chunk = (delta: object, finish: string | null, more: object = {}): string =>
    `data: ${JSON.stringify({
      id: 'chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx',
      object: 'chat.completion.chunk',
      created: 1_790_000_000,
      model: 'gpt-5-2026-01-01',
      service_tier: 'default',
      system_fingerprint: 'fp_0123456789',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...more,
    })}\n\n`
  return [
    chunk({ role: 'assistant', content: '' }, null),
    ...texts().map((content) => chunk({ content }, null)),
    chunk({}, 'stop'),
    'data: [DONE]\n\n',
  ].map((text) => encode(text))
}

function messagesStream(): readonly Uint8Array[] {
  const event = (body: { readonly type: string; readonly [member: string]: unknown }): string =>
    `event: ${body.type}\ndata: ${JSON.stringify(body)}\n\n`
  const usage = { input_tokens: 12, output_tokens: 1 }
  const message = {
    id: 'msg_01',
    type: 'message',
    role: 'assistant',
    content: [],
    model: 'claude',
    stop_reason: null,
    usage,
  }
  return [
    event({ type: 'message_start', message }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...texts().map((text) => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage }),
    event({ type: 'message_stop' }),
  ].map((text) => encode(text))
}

function texts(): readonly string[] {
  return Array.from({ length: deltas }, (_, at) => words[at % words.length] ?? '')
}

/** Nanoseconds of each event, the best of several measurements. */
function cost(stream: readonly Uint8Array[], run: () => (chunk: Uint8Array) => void): number {
  let best = Infinity
  for (let series = 0; series < 7; series++) {
    const started = process.cpuUsage()
    for (let round = 0; round < rounds; round++) {
      const take = run()
      for (const chunk of stream) take(chunk)
    }
    const { user, system } = process.cpuUsage(started)
    best = Math.min(best, ((user + system) * 1000) / (rounds * stream.length))
  }
  return best
}

function passOn(form: StreamForm): () => (chunk: Uint8Array) => void {
  return () => {
    const gate = openGate(form)
    const end = new StreamEnd(form)
    return (chunk) => {
      end.see(chunk)
      gate.push(chunk)
    }
  }
}

const noWayBack: WayBack = {
  toolNames: new Map(),
  customTools: new Set(),
  builtins: new Map(),
  outputTool: undefined,
  isOutputWrapped: false,
  stops: [],
}

const ids = new RandomIds()

function contextOf(client: ClientCodec): AnswerContext {
  const facts = { path: '', query: '', headers: new Headers(), model: 'alias', stream: true }
  const request: CommonRequest = {
    form: client.form,
    model: 'alias',
    stream: true,
    messages: [],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    sampling: {},
    reasoning: undefined,
    output: {},
    cache: undefined,
    identity: {},
    tier: undefined,
    store: undefined,
    previousResponseId: undefined,
    include: [],
    includeUsage: true,
    rest: {},
  }
  return {
    request,
    body: {},
    facts,
    requestId: 'req_1',
    model: 'alias',
    ids,
    nowSeconds: 1_790_000_000,
    inputEstimate: 12,
    policy: {
      mode: 'warn',
      prefersNative: true,
      inlineSystem: 'user_tagged',
      repairsHistory: true,
      autoCache: true,
      forwardsIdentity: false,
      chatReasoning: 'reasoning_content',
      hostedTools: 'drop',
      fetchesMedia: true,
      fansOutAnswers: false,
    },
  }
}

function translated(backend: BackendCodec, client: ClientCodec, form: StreamForm): () => (chunk: Uint8Array) => void {
  const profile = profileOf(backend.form, 'openai', 'gpt-5')
  const facts: AnswerFacts = { model: 'gpt-5', profile, ids, nowSeconds: 1_790_000_000 }
  const context = contextOf(client)
  return () => {
    const streamWriter = client.openWriter(context)
    const writer = new EventWriter(streamWriter, form)
    const way = { back: noWayBack, hasTags: false, form: client.form }
    const passage = passageTo(writer, way, { choices: 1, inputEstimate: 12 }, streamWriter.order === 'serial')
    const unframer = openUnframer('sse')
    const stream = new StreamToStream(
      { unframer, reader: backend.openReader(facts), unwrap: undefined },
      passage,
      writer,
    )
    // What comes out is judged as a passed stream is.
    const judge = passOn(form)()
    return (chunk) => {
      for (const piece of stream.push(chunk)) judge(piece)
    }
  }
}

async function compare(from: Form, to: Form & StreamForm, stream: readonly Uint8Array[], base: number): Promise<void> {
  const [client, backend] = await Promise.all([knownCodecs.client(to), knownCodecs.backend(from)])
  if (client === undefined || backend === undefined) throw new Error(`nobody speaks ${from} or ${to}`)
  const ns = cost(stream, translated(backend, client, to))
  console.log(`${from} → ${to}: ${ns.toFixed(0)} ns per event, ${(ns / base).toFixed(1)} times a passed one`)
}

const chat = chatStream()
const messages = messagesStream()
const chatPassed = cost(chat, passOn('chat'))
const messagesPassed = cost(messages, passOn('messages'))
console.log(`passed on, chat: ${chatPassed.toFixed(0)} ns per event`)
console.log(`passed on, messages: ${messagesPassed.toFixed(0)} ns per event`)
await compare('chat', 'messages', chat, chatPassed)
await compare('messages', 'chat', messages, messagesPassed)
await compare('chat', 'responses', chat, chatPassed)
