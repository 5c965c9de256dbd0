import type { MainForm } from './dialect-asking.ts'

/** The same answer as backends of each form give it, and the pieces of it in a stream; absent where it cannot be said. */
export interface Answer {
  readonly body?: object
  /** As JSON, with the name that an event has; a text goes out as it is. */
  readonly stream?: readonly (object | string)[]
  readonly status?: number
  readonly headers?: readonly (readonly [string, string])[]
}

export type Answering = Readonly<Partial<Record<MainForm, Answer>>>

export const created = 1_780_000_000

export interface ChatSaid {
  readonly message: object
  readonly finish?: string
  readonly usage?: object
  readonly more?: object
}

export const chatUsage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 }

export function chatBody({ message, finish = 'stop', usage = chatUsage, more }: ChatSaid): object {
  return {
    id: 'chatcmpl-u',
    object: 'chat.completion',
    created,
    model: 'gpt-4o-2024-11-20',
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish, ...more }],
    usage,
    system_fingerprint: 'fp_1',
  }
}

export function chatChunks(
  deltas: readonly object[],
  finish: string | undefined,
  usage: object | null = chatUsage,
): Answer {
  const chunk = { id: 'chatcmpl-u', object: 'chat.completion.chunk', created, model: 'gpt-4o-2024-11-20' }
  const choice = (delta: object, reason: string | null = null): object => ({
    ...chunk,
    choices: [{ index: 0, delta, finish_reason: reason }],
  })
  const events: (object | string)[] = [choice({ role: 'assistant', content: '' })]
  for (const delta of deltas) events.push('error' in delta ? delta : choice(delta))
  if (finish === undefined) return { stream: events }
  events.push(choice({}, finish))
  if (usage !== null) events.push({ ...chunk, choices: [], usage })
  return { stream: [...events, 'data: [DONE]\n\n'] }
}

export const responsesUsage = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 4,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 13,
}

export function responsesBody(output: readonly object[], more: object = {}): object {
  return {
    id: 'resp_u',
    object: 'response',
    created_at: created,
    status: 'completed',
    error: null,
    incomplete_details: null,
    model: 'gpt-5.1-2025-11-13',
    output,
    usage: responsesUsage,
    ...more,
  }
}

/** Of a message or a reasoning item; `text` in two deltas. */
export function responsesText(at: number, text: string): readonly object[] {
  const where = { item_id: `msg_${at}`, output_index: at, content_index: 0 }
  const item = { id: `msg_${at}`, type: 'message', role: 'assistant' }
  const half = Math.ceil(text.length / 2)
  const part = { type: 'output_text', annotations: [] }
  return [
    { type: 'response.output_item.added', output_index: at, item: { ...item, status: 'in_progress', content: [] } },
    { type: 'response.content_part.added', ...where, part: { ...part, text: '' } },
    { type: 'response.output_text.delta', ...where, delta: text.slice(0, half) },
    { type: 'response.output_text.delta', ...where, delta: text.slice(half) },
    { type: 'response.output_text.done', ...where, text },
    { type: 'response.content_part.done', ...where, part: { ...part, text } },
    {
      type: 'response.output_item.done',
      output_index: at,
      item: { ...item, status: 'completed', content: [{ ...part, text }] },
    },
  ]
}

export function responsesCall(at: number, name: string, args: string): readonly object[] {
  const item = { id: `fc_${at}`, type: 'function_call', call_id: `call_${at}`, name }
  const half = Math.ceil(args.length / 2)
  const where = { item_id: `fc_${at}`, output_index: at }
  return [
    { type: 'response.output_item.added', output_index: at, item: { ...item, arguments: '', status: 'in_progress' } },
    { type: 'response.function_call_arguments.delta', ...where, delta: args.slice(0, half) },
    { type: 'response.function_call_arguments.delta', ...where, delta: args.slice(half) },
    { type: 'response.function_call_arguments.done', ...where, arguments: args },
    { type: 'response.output_item.done', output_index: at, item: { ...item, arguments: args, status: 'completed' } },
  ]
}

export function responsesEvents(events: readonly object[], last: object | undefined): Answer {
  const response = responsesBody([], { status: 'in_progress', usage: null })
  const all = [{ type: 'response.created', response }, { type: 'response.in_progress', response }, ...events]
  if (last !== undefined) all.push(last)
  for (const [index, event] of all.entries()) Object.assign(event, { sequence_number: index })
  return { stream: all }
}

export const completed = (output: readonly object[]): object => ({
  type: 'response.completed',
  response: responsesBody(output),
})

export const responsesSaid = (text: string): object => ({
  id: 'msg_0',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }],
})
export const responsesCalled = (id: string, name: string, args: string): object => ({
  id: `fc_${id}`,
  type: 'function_call',
  call_id: id,
  name,
  arguments: args,
  status: 'completed',
})

export const messagesUsage = { input_tokens: 9, output_tokens: 4 }

export function messagesBody(content: readonly object[], stop = 'end_turn', more: object = {}): object {
  return {
    id: 'msg_u',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5-20250929',
    content,
    stop_reason: stop,
    stop_sequence: null,
    usage: messagesUsage,
    ...more,
  }
}

/** Each block: what begins it, and its deltas. */
export function messagesEvents(blocks: readonly (readonly [object, ...object[]])[], stop: object | undefined): Answer {
  const message = messagesBody([], 'end_turn', { stop_reason: null, usage: { input_tokens: 9, output_tokens: 1 } })
  const events: object[] = [{ type: 'message_start', message }]
  for (const [index, [begin, ...deltas]] of blocks.entries()) {
    events.push({ type: 'content_block_start', index, content_block: begin })
    for (const delta of deltas) events.push({ type: 'content_block_delta', index, delta })
    if (stop !== undefined || index < blocks.length - 1) events.push({ type: 'content_block_stop', index })
  }
  if (stop !== undefined) {
    events.push({ type: 'message_delta', delta: { stop_sequence: null, ...stop }, usage: { output_tokens: 4 } })
    events.push({ type: 'message_stop' })
  }
  return { stream: events }
}

export const geminiUsage = { promptTokenCount: 9, candidatesTokenCount: 4, totalTokenCount: 13 }

export function geminiBody(parts: readonly object[], finish: string | undefined = 'STOP', more: object = {}): object {
  return {
    candidates: [
      {
        content: { role: 'model', parts },
        ...(finish !== '' && { finishReason: finish }),
        index: 0,
      },
    ],
    usageMetadata: geminiUsage,
    modelVersion: 'gemini-2.5-flash',
    responseId: 'u',
    ...more,
  }
}

export const oslo = '{"city":"Oslo"}'
export const both = [
  { id: 'call_0', type: 'function', function: { name: 'weather', arguments: oslo } },
  { id: 'call_1', type: 'function', function: { name: 'now', arguments: '' } },
]
export const begun = '{"city":"Os'

/** The bytes of a stream as the form's servers frame it. */
export function streamText(form: MainForm, events: readonly (object | string)[], lineEnd = '\n'): string {
  const framed = events.map((event) => {
    if (typeof event === 'string') return event
    const data = `data: ${JSON.stringify(event)}\n\n`
    const isNamed = form === 'responses' || form === 'messages'
    return isNamed && 'type' in event ? `event: ${String(event.type)}\n${data}` : data
  })
  return framed.join('').replaceAll('\n', lineEnd)
}
