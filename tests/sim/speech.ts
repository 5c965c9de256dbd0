import type { StreamForm } from '#core/endpoint.ts'
import { chatChunk, dataEvent, jsonLine, namedEvent, ollamaLine } from '../support/streams.ts'

/** A whole answer as a stream: its events as they stand on the wire, and the one that completes it. */
export interface Speech {
  readonly events: readonly string[]
  /** Index of the first event that says something. */
  readonly contentAt: number
  /** Index of the event that completes the stream. */
  readonly endAt: number
}

export interface Speaker {
  readonly id: string
  readonly words: readonly string[]
}

export const forms: readonly StreamForm[] = [
  'chat',
  'completions',
  'responses',
  'messages',
  'gemini_sse',
  'gemini_array',
  'ndjson',
]

/** The words as a stream of this form. */
export function speak(form: StreamForm, speaker: Speaker): Speech {
  const { head, said, tail, marker } = partsIn[form](speaker)
  return {
    events: [...head, ...said, ...tail],
    contentAt: head.length,
    endAt: head.length + said.length + marker,
  }
}

interface Parts {
  readonly head: readonly string[]
  readonly said: readonly string[]
  readonly tail: readonly string[]
  /** Index in the tail. */
  readonly marker: number
}

const partsIn: Readonly<Record<StreamForm, (speaker: Speaker) => Parts>> = {
  chat: ({ id, words }) => {
    const chunk = (delta: unknown, finish?: string): string => chatChunk(delta, finish).replace('"c1"', `"${id}"`)
    return {
      head: [chunk({ role: 'assistant', content: '' })],
      said: words.map((word) => chunk({ content: word })),
      tail: [chunk({}, 'stop'), 'data: [DONE]\n\n'],
      marker: 0,
    }
  },
  completions: ({ id, words }) => {
    const chunk = (text: string, finish: string | null = null): string =>
      dataEvent({ id, object: 'text_completion', choices: [{ index: 0, text, finish_reason: finish }] })
    return {
      head: [],
      said: words.map((word) => chunk(word)),
      tail: [chunk('', 'stop'), 'data: [DONE]\n\n'],
      marker: 0,
    }
  },
  responses: ({ id, words }) => {
    const response = { id, object: 'response', status: 'in_progress', error: null, output: [] }
    const text = words.join('')
    const at = { item_id: `msg_${id}`, output_index: 0, content_index: 0 }
    const item = { id: `msg_${id}`, type: 'message', role: 'assistant' }
    const part = { type: 'output_text', text, annotations: [] }
    return {
      head: [
        namedEvent({ type: 'response.created', response }),
        namedEvent({ type: 'response.output_item.added', output_index: 0, item: { ...item, content: [] } }),
        namedEvent({ type: 'response.content_part.added', ...at, part: { ...part, text: '' } }),
      ],
      said: words.map((word) => namedEvent({ type: 'response.output_text.delta', ...at, delta: word })),
      tail: [
        namedEvent({ type: 'response.output_text.done', ...at, text }),
        namedEvent({ type: 'response.content_part.done', ...at, part }),
        namedEvent({ type: 'response.output_item.done', output_index: 0, item: { ...item, content: [part] } }),
        namedEvent({ type: 'response.completed', response: { ...response, status: 'completed' } }),
      ],
      marker: 3,
    }
  },
  messages: ({ id, words }) => ({
    head: [
      namedEvent({ type: 'message_start', message: { id, role: 'assistant', content: [], stop_reason: null } }),
      namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ],
    said: words.map((word) =>
      namedEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: word } }),
    ),
    tail: [
      namedEvent({ type: 'content_block_stop', index: 0 }),
      namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } }),
      namedEvent({ type: 'message_stop' }),
    ],
    marker: 2,
  }),
  gemini_sse: (speaker) => {
    const [said, end] = geminiChunks(speaker)
    return { head: [], said: said.map(dataEvent), tail: [dataEvent(end)], marker: 0 }
  },
  gemini_array: (speaker) => {
    const [said, end] = geminiChunks(speaker)
    const element = (chunk: object, index: number): string => `${index === 0 ? '[' : ',\r\n'}${JSON.stringify(chunk)}`
    return { head: [], said: said.map(element), tail: [element(end, said.length), ']'], marker: 1 }
  },
  ndjson: ({ words }) => ({
    head: [],
    said: words.map((word) => ollamaLine({ content: word })),
    tail: [jsonLine({ message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop' })],
    marker: 0,
  }),
}

function geminiChunks({ id, words }: Speaker): [object[], object] {
  const chunk = (text: string, finish: object = {}): object => ({
    candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0, ...finish }],
    responseId: id,
  })
  return [words.map((word) => chunk(word)), chunk('', { finishReason: 'STOP' })]
}

/** An error as an upstream tells it inside a stream. */
export function errorEvent(form: StreamForm, isFirst: boolean, message = 'the provider stumbled'): string {
  switch (form) {
    case 'messages':
      return namedEvent({ type: 'error', error: { type: 'overloaded_error', message } })
    case 'responses':
      return namedEvent({ type: 'error', code: 'server_error', message, error: { code: 'server_error', message } })
    case 'gemini_array':
      return `${isFirst ? '[' : ',\r\n'}${JSON.stringify(geminiError(message))}`
    case 'gemini_sse':
      return dataEvent(geminiError(message))
    case 'ndjson':
      return jsonLine({ error: message })
    case 'chat':
    case 'completions':
      return dataEvent({ error: { message, type: 'server_error', code: null } })
  }
}

function geminiError(message: string): object {
  return { error: { code: 503, message, status: 'UNAVAILABLE' } }
}

/** An event of which nobody can make anything; undefined where a broken one would break all that follows. */
export function garbageEvent(form: StreamForm): string | undefined {
  if (form === 'gemini_array') return undefined
  return form === 'ndjson' ? '{"message":\n' : 'data: {"choices":[{\n\n'
}

/** What a program would make of the bytes of a stream. */
export interface Heard {
  readonly text: string
  /** Errors that its client would raise. */
  readonly errors: number
  readonly ids: ReadonlySet<string>
  readonly roles: number
  readonly finishes: number
  /** `[DONE]`s. */
  readonly dones: number
  /** Events in which no JSON could be read. */
  readonly garbled: number
  /** There was nothing to be heard. */
  readonly isSilent: boolean
}

/** Reads a stream as the simplest of clients would; keep-alives are nothing to it. */
export function hear(form: StreamForm, bytes: Uint8Array): Heard {
  const heard = { text: '', errors: 0, ids: new Set<string>(), roles: 0, finishes: 0, dones: 0, garbled: 0 }
  const told = dataOf(form, Buffer.from(bytes).toString())
  for (const data of told) {
    if (data.trim() === '[DONE]') {
      heard.dones += 1
      continue
    }
    let value: Json
    try {
      value = JSON.parse(data)
    } catch {
      heard.garbled += 1
      continue
    }
    listen(form, value, heard)
  }
  return { ...heard, isSilent: told.length === 0 }
}

// oxlint-disable-next-line typescript/no-explicit-any -- whatever a provider may say
type Json = any

interface Hearing {
  text: string
  errors: number
  readonly ids: Set<string>
  roles: number
  finishes: number
}

function listen(form: StreamForm, value: Json, heard: Hearing): void {
  if (value.error !== undefined && value.error !== null) heard.errors += 1
  const note = (id: unknown): void => void (typeof id === 'string' && heard.ids.add(id))
  switch (form) {
    case 'chat':
    case 'completions': {
      note(value.id)
      const [choice] = value.choices ?? []
      heard.text += choice?.delta?.content ?? choice?.text ?? ''
      if (choice?.delta?.role !== undefined) heard.roles += 1
      if (choice?.finish_reason !== undefined && choice.finish_reason !== null) heard.finishes += 1
      return
    }
    case 'responses':
      if (value.type === 'response.failed') return
      note(value.response?.id)
      if (value.type === 'response.created') heard.roles += 1
      if (value.type === 'response.output_text.delta') heard.text += value.delta
      if (value.type === 'response.completed') heard.finishes += 1
      return
    case 'messages':
      note(value.message?.id)
      if (value.type === 'message_start') heard.roles += 1
      if (value.type === 'content_block_delta') heard.text += value.delta.text
      if (value.type === 'message_stop') heard.finishes += 1
      return
    case 'gemini_sse':
    case 'gemini_array': {
      note(value.responseId)
      const [candidate] = value.candidates ?? []
      heard.text += candidate?.content?.parts?.[0]?.text ?? ''
      if (candidate?.finishReason !== undefined) heard.finishes += 1
      return
    }
    case 'ndjson':
      heard.text += value.message?.content ?? ''
      if (value.done === true) heard.finishes += 1
  }
}

function dataOf(form: StreamForm, text: string): string[] {
  if (form === 'ndjson') return text.split('\n').filter((line) => line.trim() !== '')
  if (form === 'gemini_array') return elementsOf(text)
  const blocks = text.split(/\r?\n\r?\n/)
  return blocks
    .map((block) => {
      // Google's older clients read an error that stands bare in a packet of its own.
      if (form === 'gemini_sse' && block.startsWith('{')) return ''
      const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'))
      return lines.map((line) => line.slice(line[5] === ' ' ? 6 : 5)).join('\n')
    })
    .filter((data) => data !== '')
}

/** Of an array that may lack its end. */
function elementsOf(text: string): string[] {
  const trimmed = text.trim()
  if (trimmed === '') return []
  for (const whole of [trimmed, `${trimmed}]`, trimmed.replace(/,\s*$/, ']')]) {
    try {
      return (JSON.parse(whole) as unknown[]).map((element) => JSON.stringify(element))
    } catch {
      // The next guess.
    }
  }
  return [trimmed]
}
