import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin, type RawPeer } from './raw-origin.ts'

/** Forms of the backends that agents are tested with. */
export type AgentForm = 'chat' | 'responses' | 'messages' | 'gemini'

/** A backend that lets an agent use a tool, and tells how it went as soon as it is told the result. */
export interface AgentBackend extends AsyncDisposable {
  /** Its entry of `backends` in a configuration. */
  readonly yaml: string
  /** The name by which it knows its model. */
  readonly model: string
  /** What it was told by each request that offered the tool, oldest first. */
  readonly asked: readonly AskedByAgent[]
}

interface AskedByAgent {
  /** The result of the scripted call, where this form has it; undefined: there is none yet. */
  readonly result: string | undefined
  /** What it thought before the call came back as it was, with whatever proves it. */
  readonly hasThought: boolean
}

export interface AgentScript {
  /** Name of the tool as the agent offers it. */
  readonly tool: string
  readonly args: JsonObject
  /** What is said in the end. */
  readonly final: string
  /** The connection is cut in the middle of what is said in the end. */
  readonly breaks?: boolean
}

/** How one form says it, in pieces that go out as events of their own. */
interface BackendVoice {
  readonly path: RegExp
  /** Lines of its entry in the configuration. */
  readonly entry: (url: string) => string
  readonly offers: (body: JsonObject, tool: string) => boolean
  readonly model: string
  readonly result: (body: JsonObject) => string | undefined
  /** Its thought, as it stands in a request. */
  readonly thought: string
  readonly call: (tool: string, args: JsonObject) => readonly string[]
  readonly text: (text: string) => readonly string[]
}

export async function agentBackend(form: AgentForm, script: AgentScript): Promise<AgentBackend> {
  const asked: AskedByAgent[] = []
  const voice = voices[form]
  const origin = await rawOrigin((peer) => {
    const body = asObject(parseJson(peer.request.body.toString()))
    if (peer.request.method !== 'POST' || !voice.path.test(peer.request.target) || body === undefined) {
      return peer.end(plainAnswer('{"error":{"message":"no such path"}}', json, '404 Not Found'))
    }
    if (!voice.offers(body, script.tool)) return stream(peer, voice.text('A note'))
    const result = voice.result(body)
    asked.push({ result, hasThought: JSON.stringify(body).includes(voice.thought) })
    if (result === undefined) return stream(peer, voice.call(script.tool, script.args))
    const said = voice.text(script.final)
    return script.breaks === true ? cut(peer, said, halves(script.final)[0]) : stream(peer, said)
  })
  return {
    yaml: voice.entry(origin.url.origin),
    model: voice.model,
    asked,
    [Symbol.asyncDispose]: async () => await origin.stop(),
  }
}

const json = ['Content-Type: application/json']

function stream(peer: RawPeer, events: readonly string[]): void {
  peer.write(chunkedHead())
  for (const event of events) peer.write(chunk(event))
  peer.write(chunk(''))
}

/** Ends the connection behind the event that says these words. */
function cut(peer: RawPeer, events: readonly string[], words = ''): void {
  const last = events.findIndex((event) => event.includes(words))
  peer.write(chunkedHead())
  for (const event of events.slice(0, last + 1)) peer.write(chunk(event))
  peer.end()
}

/** What the agent must bring back as it was, in whatever form. */
const ids = { call: 'call_notes00000000000000001', opaque: 'b3BhcXVlIHN0YXRlIG9mIGEgdGhvdWdodA==' }
const thought = 'It is in the file.'

const voices: Readonly<Record<AgentForm, BackendVoice>> = {
  chat: {
    path: /^\/v1\/chat\/completions/,
    model: 'deepseek-reasoner',
    thought: `"reasoning_content":"${thought}"`,
    entry: (url) => `url: "${url}/v1", apis: [chat]`,
    offers: ({ tools }, tool) => asList(tools).some((own) => asObject(asObject(own)?.['function'])?.['name'] === tool),
    result({ messages }) {
      const result = asList(messages)
        .map(asObject)
        .find((message) => message?.['role'] === 'tool' && message['tool_call_id'] === ids.call)
      return result === undefined ? undefined : textIn(result['content'])
    },
    call: (tool, args) => [
      chatEvent({ role: 'assistant', content: '', reasoning_content: thought }),
      chatEvent({
        tool_calls: [{ index: 0, id: ids.call, type: 'function', function: { name: tool, arguments: '' } }],
      }),
      ...halves(JSON.stringify(args)).map((half) =>
        chatEvent({ tool_calls: [{ index: 0, function: { arguments: half } }] }),
      ),
      chatEvent({}, 'tool_calls'),
      chatUsage,
      'data: [DONE]\n\n',
    ],
    text: (text) => [
      chatEvent({ role: 'assistant', content: '' }),
      ...halves(text).map((content) => chatEvent({ content })),
      chatEvent({}, 'stop'),
      chatUsage,
      'data: [DONE]\n\n',
    ],
  },
  responses: {
    path: /^\/v1\/responses/,
    model: 'gpt-5.4',
    thought: `"encrypted_content":"${ids.opaque}"`,
    entry: (url) => `url: "${url}/v1", apis: [responses]`,
    offers: ({ tools }, tool) => asList(tools).some((own) => asObject(own)?.['name'] === tool),
    result({ input }) {
      const result = asList(input)
        .map(asObject)
        .find((item) => item?.['type'] === 'function_call_output' && item['call_id'] === ids.call)
      return result === undefined ? undefined : textIn(result['output'])
    },
    call(tool, args) {
      const reasoning = { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: ids.opaque }
      const item = { id: 'fc_1', type: 'function_call', status: 'completed', call_id: ids.call, name: tool }
      const text = JSON.stringify(args)
      const whole = { ...item, arguments: text }
      return responsesEvents(
        [reasoning, whole],
        [
          ['response.output_item.added', { output_index: 0, item: reasoning }],
          ['response.output_item.done', { output_index: 0, item: reasoning }],
          ['response.output_item.added', { output_index: 1, item: { ...item, status: 'in_progress', arguments: '' } }],
          ...halves(text).map((delta): ResponsesEvent => [
            'response.function_call_arguments.delta',
            { item_id: 'fc_1', output_index: 1, delta },
          ]),
          ['response.function_call_arguments.done', { item_id: 'fc_1', output_index: 1, arguments: text }],
          ['response.output_item.done', { output_index: 1, item: whole }],
        ],
      )
    },
    text(text) {
      const part = { type: 'output_text', text: '', annotations: [] }
      const item = { id: 'msg_1', type: 'message', status: 'in_progress', role: 'assistant', content: [] }
      const said = { ...part, text }
      const whole = { ...item, status: 'completed', content: [said] }
      const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
      return responsesEvents(
        [whole],
        [
          ['response.output_item.added', { output_index: 0, item }],
          ['response.content_part.added', { ...place, part }],
          ...halves(text).map((delta): ResponsesEvent => ['response.output_text.delta', { ...place, delta }]),
          ['response.output_text.done', { ...place, text }],
          ['response.content_part.done', { ...place, part: said }],
          ['response.output_item.done', { output_index: 0, item: whole }],
        ],
      )
    },
  },
  messages: {
    path: /^\/v1\/messages/,
    model: 'claude-opus-4-8',
    thought: `"signature":"${ids.opaque}"`,
    entry: (url) => `url: "${url}", protocol: anthropic`,
    offers: ({ tools }, tool) => asList(tools).some((own) => asObject(own)?.['name'] === tool),
    result({ messages }) {
      const result = asList(messages)
        .flatMap((message) => asList(asObject(message)?.['content']))
        .map(asObject)
        .find((block) => block?.['type'] === 'tool_result' && block['tool_use_id'] === ids.call)
      return result === undefined ? undefined : textIn(result['content'])
    },
    call: (tool, args) => [
      messagesStart,
      messagesEvent('content_block_start', {
        index: 0,
        content_block: { type: 'thinking', thinking: '', signature: '' },
      }),
      messagesEvent('content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: thought } }),
      messagesEvent('content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: ids.opaque } }),
      messagesEvent('content_block_stop', { index: 0 }),
      messagesEvent('content_block_start', {
        index: 1,
        content_block: { type: 'tool_use', id: ids.call, name: tool, input: {} },
      }),
      ...halves(JSON.stringify(args)).map((half) =>
        messagesEvent('content_block_delta', { index: 1, delta: { type: 'input_json_delta', partial_json: half } }),
      ),
      messagesEvent('content_block_stop', { index: 1 }),
      ...messagesEnd('tool_use'),
    ],
    text: (text) => [
      messagesStart,
      messagesEvent('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      ...halves(text).map((half) =>
        messagesEvent('content_block_delta', { index: 0, delta: { type: 'text_delta', text: half } }),
      ),
      messagesEvent('content_block_stop', { index: 0 }),
      ...messagesEnd('end_turn'),
    ],
  },
  gemini: {
    path: /^\/v1beta\/models\/[^/]+:streamGenerateContent/,
    model: 'gemini-3-pro-preview',
    thought: `"thoughtSignature":"${ids.opaque}"`,
    entry: (url) => `url: "${url}", protocol: gemini`,
    offers: ({ tools }, tool) =>
      asList(tools)
        .flatMap((own) => asList(asObject(own)?.['functionDeclarations']))
        .some((own) => asObject(own)?.['name'] === tool),
    result({ contents }) {
      const result = asList(contents)
        .flatMap((content) => asList(asObject(content)?.['parts']))
        .map((part) => asObject(asObject(part)?.['functionResponse']))
        .find((response) => response?.['id'] === ids.call)
      return result === undefined ? undefined : JSON.stringify(result['response'])
    },
    call: (name, args) => [
      geminiEvent([{ text: thought, thought: true }]),
      geminiEvent([{ functionCall: { name, args, id: ids.call }, thoughtSignature: ids.opaque }]),
      geminiEvent([{ text: '' }], 'STOP'),
    ],
    text: (text) => {
      const [first = '', second = ''] = halves(text)
      return [geminiEvent([{ text: first }]), geminiEvent([{ text: second }]), geminiEvent([{ text: '' }], 'STOP')]
    },
  },
}

function halves(text: string): readonly string[] {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)]
}

function textIn(content: unknown): string {
  const text = asText(content)
  return text ?? asList(content).reduce<string>((before, part) => before + (asText(asObject(part)?.['text']) ?? ''), '')
}

function chatEvent(delta: JsonObject, finish: string | null = null): string {
  return chatData([{ index: 0, delta, finish_reason: finish }])
}

function chatData(choices: readonly JsonObject[], usage?: JsonObject): string {
  const event = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: 'up',
    choices,
    usage,
  }
  return `data: ${JSON.stringify(event)}\n\n`
}

const chatUsage = chatData([], { prompt_tokens: 900, completion_tokens: 20, total_tokens: 920 })

type ResponsesEvent = readonly [type: string, event: JsonObject]

function responsesEvents(output: readonly JsonObject[], events: readonly ResponsesEvent[]): string[] {
  const response = { id: 'resp_1', object: 'response', created_at: 1_790_000_000, model: 'up', output: [] }
  const usage = {
    input_tokens: 900,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 5 },
    total_tokens: 920,
  }
  const whole: readonly ResponsesEvent[] = [
    ['response.created', { response: { ...response, status: 'in_progress' } }],
    ['response.in_progress', { response: { ...response, status: 'in_progress' } }],
    ...events,
    ['response.completed', { response: { ...response, status: 'completed', output, usage } }],
  ]
  return whole.map(
    ([type, event], at) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: at, ...event })}\n\n`,
  )
}

function messagesEvent(type: string, event: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...event })}\n\n`
}

const messagesStart = messagesEvent('message_start', {
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'up',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 900, output_tokens: 1 },
  },
})

function messagesEnd(reason: string): string[] {
  return [
    messagesEvent('message_delta', {
      delta: { stop_reason: reason, stop_sequence: null },
      usage: { input_tokens: 900, output_tokens: 20 },
    }),
    messagesEvent('message_stop', {}),
  ]
}

function geminiEvent(parts: readonly JsonObject[], finishReason?: string): string {
  const event = {
    candidates: [{ content: { role: 'model', parts }, index: 0, finishReason }],
    usageMetadata: { promptTokenCount: 900, candidatesTokenCount: 20, totalTokenCount: 920 },
    modelVersion: 'up',
    responseId: 'resp-1',
  }
  return `data: ${JSON.stringify(event)}\n\n`
}
