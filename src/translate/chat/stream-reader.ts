import { asList, asNumber, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { CommonError, CommonEvent, Usage } from '#translate/common.ts'
import { errorWithin } from '#translate/errors.ts'
import { isPing } from '#wire/event-content.ts'
import { tellUnread } from '#translate/unread.ts'
import { bodyMembers, sourcesBeside } from './answer-members.ts'
import { ChoiceReader } from './choice-reader.ts'
import { errorIn } from './read-error.ts'
import { readUsage } from './usage.ts'

/**
 * Chunks of Chat → common events. Finish and usage are told at the very end, since servers tell them in any order, and some
 * correct them.
 */
export class ChatReader implements StreamReader {
  readonly #facts: AnswerFacts
  readonly #choices: ChoiceReader[] = []
  readonly #takenIds = new Set<string>()
  #usage: Usage | undefined
  /** The last chunk that told sources of all of the answer; each tells all of them. */
  #beside: JsonObject | undefined
  #hasStarted = false
  #isOver = false

  constructor(facts: AnswerFacts) {
    this.#facts = facts
  }

  push(name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return none
    const chunk = asObject(parseJson(data))
    if (chunk === undefined) return this.#withoutChunk(name, data)
    const events: CommonEvent[] = []
    tellUnread(chunk, bodyMembers, '', this.#facts.notes)
    if (chunk['citations'] !== undefined || chunk['search_results'] !== undefined) this.#beside = chunk
    this.#start(chunk, events)
    const choices = chunk['choices']
    if (Array.isArray(choices)) {
      for (let at = 0; at < choices.length; at++) this.#readChoice(asObject(choices[at]), at, events)
    }
    // Looked for where it may be: most chunks have null there, or nothing.
    if (asObject(chunk['usage']) ?? asObject(chunk['x_groq']) ?? asObject(chunk['timings'])) {
      this.#usage = readUsage(chunk) ?? this.#usage
    }
    const error = name === 'error' ? (errorIn(chunk) ?? errorIn({ error: chunk })) : errorIn(chunk)
    if (error !== undefined) return this.#fail(error, events)
    return events.length === 0 && isPing(name, chunk) ? keepalive : events
  }

  end(): readonly CommonEvent[] {
    return this.#isOver ? none : this.#finalise()
  }

  #withoutChunk(name: string, data: string): readonly CommonEvent[] {
    const text = data.trim()
    if (text === '[DONE]') return this.#finalise()
    if (text === '' || name === 'ping' || /^"?(?:ping|keep-?alive|heartbeat)"?$/i.test(text)) return keepalive
    if (name === 'error') return this.#fail(errorWithin({ message: text }), [])
    return this.#fail(unreadable, [])
  }

  /** With the first id, or the first choice: servers of Azure tell of their filters before. */
  #start(chunk: JsonObject, events: CommonEvent[]): void {
    if (this.#hasStarted) return
    const id = asText(chunk['id']) ?? ''
    if (id === '' && asList(chunk['choices']).length === 0) return
    this.#hasStarted = true
    const model = asText(chunk['model']) ?? ''
    events.push({
      event: 'start',
      id: id === '' ? `chatcmpl-${this.#facts.ids.base62(29)}` : id,
      model: model === '' ? this.#facts.model : model,
      createdAt: asNumber(chunk['created']) || this.#facts.nowSeconds,
      tier: asText(chunk['service_tier']),
      fingerprint: asText(chunk['system_fingerprint']),
    })
  }

  #readChoice(choice: JsonObject | undefined, at: number, events: CommonEvent[]): void {
    if (choice === undefined) return
    const told = asNumber(choice['index']) ?? at
    const index = Number.isInteger(told) && told >= 0 && told < choicesMax ? told : at
    const reader = (this.#choices[index] ??= new ChoiceReader(index, this.#facts, this.#takenIds))
    reader.read(choice, events)
  }

  #finalise(): readonly CommonEvent[] {
    this.#isOver = true
    const events: CommonEvent[] = []
    const choices = this.#choices.filter((choice) => choice !== undefined)
    if (this.#beside !== undefined) choices[0]?.cite(sourcesBeside(this.#beside), events)
    for (const choice of choices) choice.close(events)
    if (this.#usage !== undefined) events.push({ event: 'usage', usage: this.#usage })
    if (choices.length === 0 || choices.some((choice) => choice.finish === undefined)) {
      events.push({ event: 'error', error: incomplete })
      return events
    }
    for (const { index, finish } of choices)
      if (finish !== undefined) events.push({ event: 'finish', choice: index, finish })
    events.push({ event: 'end' })
    return events
  }

  #fail(error: CommonError, events: CommonEvent[]): readonly CommonEvent[] {
    this.#isOver = true
    if (this.#usage !== undefined) events.push({ event: 'usage', usage: this.#usage })
    events.push({ event: 'error', error })
    return events
  }
}

const none: readonly CommonEvent[] = []

const keepalive: readonly CommonEvent[] = [{ event: 'keepalive' }]

/** Limit: numbers of choices; one that is higher counts by its place. */
const choicesMax = 128

const incomplete: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  message: 'stream ended unexpectedly',
  code: 'stream_incomplete',
}

const unreadable: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  message: 'Cannot read the stream of the backend: an event is no JSON',
}
