import type { StreamForm } from '#core/endpoint.ts'
import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { isLastWord, isPing, isSaid, reportedError } from './event-content.ts'
import { soleObject } from './sole-object.ts'

/** What one event of a stream says, to somebody who can go on with plain text only. */
export interface EventSaid {
  /** Plain text of the only choice; empty when there is none in it. */
  readonly text: string
  /** What it says that is no plain text of that choice, in words for people. */
  readonly beside: string | undefined
  /** What it says about the text in front of it as a whole, behind which no text can be added. */
  readonly seal: string | undefined
  /** Events that frame the text, such as its beginning and its end, are counted in the order they come in; 0 for others. */
  readonly step: number
  /** The text is over. */
  readonly closes: boolean
  /** The answer is over: its reason to end is told. */
  readonly finishes: boolean
  /** The stream reports that it failed. */
  readonly fails: boolean
}

/** An event as it was parsed, and what it says. */
export interface ReadEvent {
  readonly body: JsonObject | undefined
  readonly said: EventSaid
}

export function readEvent(form: StreamForm, event: string, data: string): ReadEvent {
  if (isLastWord(data)) return { body: undefined, said: theEnd }
  const value = parseJson(data)
  const body = asObject(value)
  if (reportedError(event, soleObject(value), data) !== undefined) return { body, said: failure }
  if (isPing(event, body)) return { body, said: nothing }
  if (body === undefined) return { body, said: beside('an event that is no JSON object') }
  return { body, said: saysIn[form](body, event) }
}

const nothing: EventSaid = {
  text: '',
  beside: undefined,
  seal: undefined,
  step: 0,
  closes: false,
  finishes: false,
  fails: false,
}
const failure: EventSaid = { ...nothing, beside: 'an error', fails: true }
const theEnd: EventSaid = { ...nothing, step: 100, closes: true, finishes: true }

function beside(what: string): EventSaid {
  return { ...nothing, beside: what }
}

function text(said: string): EventSaid {
  return said === '' ? nothing : { ...nothing, text: said }
}

/** The beginning of the text's frame. */
function opens(step: number): EventSaid {
  return { ...nothing, step }
}

/** The end of the text's frame. */
function closes(step: number): EventSaid {
  return { ...nothing, step, closes: true }
}

function finishes(step: number): EventSaid {
  return { ...nothing, step, closes: true, finishes: true }
}

const saysIn: Readonly<Record<StreamForm, (body: JsonObject, event: string) => EventSaid>> = {
  chat: chatSaid,
  completions: chatSaid,
  responses: responsesSaid,
  messages: messagesSaid,
  gemini_sse: geminiSaid,
  gemini_array: geminiSaid,
  ndjson: ollamaSaid,
}

const roleStep = 1
const finishStep = 2
const refusal: EventSaid = { ...finishes(finishStep), beside: 'a refusal of the prompt' }

function chatSaid(body: JsonObject): EventSaid {
  const choices = body['choices']
  if (!Array.isArray(choices)) return beside('an event without choices')
  if (choices.length === 0) return nothing
  const choice = asObject(choices[0]) ?? {}
  if (choices.length > 1 || !isFirst(choice['index'])) return beside('several choices')
  const delta = asObject(choice['delta']) ?? {}
  const { role, content, ...others } = delta
  const [other] = Object.entries(others).find(([, value]) => isSaid(value)) ?? []
  const said = 'delta' in choice ? content : choice['text']
  const isText = typeof said === 'string' || said === null || said === undefined
  const isEnd = isSaid(choice['finish_reason'])
  return {
    ...nothing,
    text: typeof said === 'string' ? said : '',
    beside: other === undefined ? besideOfChoice(choice, isText) : nameOfDelta(other),
    step: isEnd ? finishStep : isSaid(role) ? roleStep : 0,
    closes: isEnd,
    finishes: isEnd,
  }
}

function besideOfChoice(choice: JsonObject, isText: boolean): string | undefined {
  if (!isText) return 'content in parts'
  if (isSaid(choice['logprobs'])) return 'log probabilities'
  // Some servers send all the text so far again with each event.
  return isSaid(choice['message']) || ('delta' in choice && isSaid(choice['text'])) ? 'the text twice' : undefined
}

function nameOfDelta(key: string): string {
  if (key === 'tool_calls' || key === 'function_call') return 'a tool call'
  return key.startsWith('reasoning') ? 'reasoning' : `"${key.slice(0, 40)}"`
}

const responseSteps: ReadonlyMap<string, EventSaid> = new Map([
  ['response.created', opens(1)],
  ['response.queued', opens(2)],
  ['response.in_progress', opens(3)],
  ['response.output_text.done', closes(6)],
  ['response.content_part.done', closes(7)],
  ['response.output_item.done', closes(8)],
  ['response.completed', finishes(9)],
  ['response.incomplete', finishes(9)],
])
const itemAdded = opens(4)
const partAdded = opens(5)

function responsesSaid(body: JsonObject, event: string): EventSaid {
  const type = asText(body['type']) ?? event
  if (!isFirst(body['output_index']) || !isFirst(body['content_index'])) return beside('several output items')
  switch (type) {
    case 'response.output_item.added': {
      const item = asObject(body['item']) ?? {}
      if (item['type'] !== 'message') return beside('an output item that is no message')
      return isSaid(item['content']) ? beside('text in the beginning of an item') : itemAdded
    }
    case 'response.content_part.added': {
      const part = asObject(body['part']) ?? {}
      const isEmptyText = part['type'] === 'output_text' && !isSaid(part['text']) && !isSaid(part['annotations'])
      return isEmptyText ? partAdded : beside('a part that is no text')
    }
    case 'response.output_text.delta': {
      if (isSaid(body['logprobs'])) return beside('log probabilities')
      const delta = asText(body['delta'])
      return delta === undefined ? beside('a delta that is no text') : text(delta)
    }
    default:
      return responseSteps.get(type) ?? beside(`"${type.slice(0, 60)}"`)
  }
}

const messageStart = opens(1)
const blockStart = opens(2)
const blockStop = closes(3)
const messageDelta = finishes(4)
const messageStop = finishes(5)

function messagesSaid(body: JsonObject, event: string): EventSaid {
  if (!isFirst(body['index'])) return beside('several content blocks')
  const type = asText(body['type']) ?? event
  switch (type) {
    case 'message_start':
      return isSaid(asObject(body['message'])?.['content'])
        ? beside('text in the beginning of a message')
        : messageStart
    case 'content_block_start': {
      const { type: kind, text: begun, citations } = asObject(body['content_block']) ?? {}
      if (kind !== 'text') return beside('a content block that is no text')
      return isSaid(begun) || isSaid(citations) ? beside('text in the beginning of a block') : blockStart
    }
    case 'content_block_delta': {
      const delta = asObject(body['delta']) ?? {}
      const said = delta['type'] === 'text_delta' ? asText(delta['text']) : undefined
      return said === undefined ? beside('a delta that is no text') : text(said)
    }
    case 'content_block_stop':
      return blockStop
    case 'message_delta':
      return messageDelta
    case 'message_stop':
      return messageStop
    default:
      return beside(`"${type.slice(0, 60)}"`)
  }
}

/** What of a candidate is neither text nor a word about its text. */
const plainOfCandidate: ReadonlySet<string> = new Set([
  'content',
  'index',
  'finishReason',
  'finishMessage',
  'safetyRatings',
  'tokenCount',
  'avgLogprobs',
])

function geminiSaid(body: JsonObject): EventSaid {
  // It ends the answer, but is none: nobody can go on with it.
  if (isSaid(asObject(body['promptFeedback'])?.['blockReason'])) return refusal
  const candidates = asList(body['candidates'])
  if (candidates.length === 0) return nothing
  const candidate = asObject(candidates[0]) ?? {}
  if (candidates.length > 1 || !isFirst(candidate['index'])) return beside('several candidates')
  const parts = asList(asObject(candidate['content'])?.['parts']).map((part) => asObject(part) ?? {})
  const isEnd = isSaid(candidate['finishReason'])
  return {
    ...nothing,
    text: parts.map((part) => asText(part['text']) ?? '').join(''),
    beside: parts.map(besideOfPart).find((what) => what !== undefined),
    seal: sealOfCandidate(candidate, parts),
    step: isEnd ? finishStep : 0,
    closes: isEnd,
    finishes: isEnd,
  }
}

function besideOfPart(part: JsonObject): string | undefined {
  const { text: _text, thought, thoughtSignature: _signature, ...others } = part
  if (thought === true) return 'reasoning'
  const [other] = Object.keys(others)
  if (other === undefined) return undefined
  return other === 'functionCall' ? 'a tool call' : `"${other.slice(0, 40)}"`
}

function sealOfCandidate(candidate: JsonObject, parts: readonly JsonObject[]): string | undefined {
  if (parts.some((part) => isSaid(part['thoughtSignature']))) return 'the signature of a thought'
  const [key] = Object.entries(candidate).find(([name, value]) => !plainOfCandidate.has(name) && isSaid(value)) ?? []
  return key === undefined ? undefined : `"${key.slice(0, 40)}"`
}

/** Lines of `/api/chat` and `/api/generate`. */
function ollamaSaid(body: JsonObject): EventSaid {
  const message = asObject(body['message'])
  const isEnd = body['done'] === true
  const { role: _role, content, ...others } = message ?? { content: body['response'] }
  if (content === undefined && message === undefined && !isEnd) return beside('a line without a message')
  const thinking = message === undefined ? { thinking: body['thinking'] } : {}
  const all = { ...others, ...thinking, logprobs: body['logprobs'] }
  const [other] = Object.entries(all).find(([, value]) => isSaid(value)) ?? []
  return {
    ...nothing,
    text: asText(content) ?? '',
    beside: other === undefined ? undefined : nameOfMember(other),
    step: isEnd ? finishStep : 0,
    closes: isEnd,
    finishes: isEnd,
  }
}

function nameOfMember(key: string): string {
  if (key === 'tool_calls') return 'a tool call'
  return key === 'thinking' ? 'reasoning' : `"${key.slice(0, 40)}"`
}

/** The index of a stream's only choice, block or item; servers that know one only leave it out. */
function isFirst(index: unknown): boolean {
  return index === undefined || index === null || index === 0
}
