import type { StreamForm } from '#core/endpoint.ts'
import { asList, asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { ReportedError } from './error-in-body.ts'
import { errorOf } from './error-in-body.ts'
import { soleObject } from './sole-object.ts'

/** What one event of a stream says: that the connection lives, nothing yet, something, or that the stream failed. */
export function judgeEvent(form: StreamForm, event: string, data: string): 'ping' | 'more' | 'content' | ReportedError {
  // Relays append it to whatever they got, be it nothing.
  if (isLastWord(data)) return 'more'
  const body = soleObject(parseJson(data))
  // An error is never content, be its event as malformed as it may.
  const error = reportedError(event, body, data)
  if (error !== undefined) return error
  if (isPing(event, body)) return 'ping'
  if (body === undefined) return 'content'
  return hasContent(form, body) ? 'content' : 'more'
}

/** `[DONE]`, or what ends an array: it says that nothing follows, and no more. */
export function isLastWord(data: string): boolean {
  const word = data.trim()
  return word === '[DONE]' || word === ']'
}

/** A sign of life, which servers of every dialect send. */
export function isPing(event: string, body: JsonObject | undefined): boolean {
  return event === 'ping' || pings.has(body?.['type'])
}

const pings: ReadonlySet<unknown> = new Set(['ping', 'keepalive'])

/** The error that an event of any dialect carries. */
export function reportedError(event: string, body: JsonObject | undefined, data: string): ReportedError | undefined {
  const error = body === undefined ? undefined : (errorOf(body) ?? failedResponse(body) ?? failedChoice(body))
  if (error !== undefined || event !== 'error') return error
  return errorOf({ error: asObject(body) ?? data }) ?? errorOf({ error: 'the stream reports an error without words' })
}

/** OpenAI Responses: `response.failed`. */
function failedResponse(body: JsonObject): ReportedError | undefined {
  if (body['type'] !== 'response.failed') return undefined
  const response = asObject(body['response']) ?? {}
  return errorOf(response) ?? errorOf({ error: 'the response failed without a reason' })
}

/** Aggregators end a choice with this reason when their provider broke. */
function failedChoice(body: JsonObject): ReportedError | undefined {
  const failed = asList(body['choices']).some((choice) => asObject(choice)?.['finish_reason'] === 'error')
  return failed ? errorOf({ error: 'the choice ended with finish_reason "error"' }) : undefined
}

function hasContent(form: StreamForm, body: JsonObject): boolean {
  switch (form) {
    case 'chat':
    case 'completions':
      return chatContent(body)
    case 'responses':
      return responsesContent(body)
    case 'messages':
      return messagesContent(body)
    case 'gemini_sse':
    case 'gemini_array':
      return geminiContent(body)
    case 'ndjson':
      return lineContent(body)
  }
}

function chatContent(body: JsonObject): boolean {
  if (!Array.isArray(body['choices'])) return true
  // An empty list comes with usage, or with what a content filter thinks of the prompt.
  return asList(body['choices']).some((value) => {
    const choice = asObject(value) ?? {}
    return isSaid(choice['finish_reason']) || choiceSpeaks(choice)
  })
}

/** Text, reasoning, a tool call, a refusal or audio of one choice; its role alone is nothing. */
function choiceSpeaks(choice: JsonObject): boolean {
  const { role: _role, ...said } = asObject(choice['delta']) ?? {}
  return isSaid(choice['text']) || Object.values(said).some(isSaid)
}

const responsesHandshake: ReadonlySet<unknown> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.content_part.added',
  'response.reasoning_summary_part.added',
])

function responsesContent(body: JsonObject): boolean {
  if (responsesHandshake.has(body['type'])) return false
  if (body['type'] === 'response.output_item.added') {
    // A tool call is named here; a message or a reasoning is only announced.
    const type = asObject(body['item'])?.['type']
    return type !== 'message' && type !== 'reasoning'
  }
  return body['delta'] !== ''
}

function messagesContent(body: JsonObject): boolean {
  switch (body['type']) {
    case 'message_start':
    case 'content_block_stop':
      return false
    case 'content_block_start': {
      const { type, ...block } = asObject(body['content_block']) ?? {}
      return (type !== 'text' && type !== 'thinking') || Object.values(block).some(isSaid)
    }
    case 'content_block_delta': {
      const { type: _type, ...delta } = asObject(body['delta']) ?? {}
      return Object.values(delta).some(isSaid)
    }
    default:
      return true
  }
}

function geminiContent(body: JsonObject): boolean {
  if (isSaid(asObject(body['promptFeedback'])?.['blockReason'])) return true
  return asList(body['candidates']).some((value) => {
    const candidate = asObject(value) ?? {}
    const parts = asList(asObject(candidate['content'])?.['parts'])
    return isSaid(candidate['finishReason']) || parts.some((part) => partContent(asObject(part) ?? {}))
  })
}

function partContent(part: JsonObject): boolean {
  const { thought: _thought, thoughtSignature: _signature, ...said } = part
  // `functionCall: {}` ends a call that was streamed in pieces, so an empty object says something here.
  return Object.values(said).some((value) => isSaid(value) || asObject(value) !== undefined)
}

/** Ollama: a chat's message, or the text of a completion; the last line ends both. */
function lineContent(body: JsonObject): boolean {
  if (!('done' in body || 'message' in body || 'response' in body)) return true
  const { role: _role, ...said } = asObject(body['message']) ?? {}
  const told = [body['done'], body['response'], body['thinking'], body['image'], ...Object.values(said)]
  return told.some(isSaid)
}

/** False for what stands for nothing: null, empty text, an empty list or object. */
export function isSaid(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
