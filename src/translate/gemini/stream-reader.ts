import { asList, asObject, asText, parseJson } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { CommonError, CommonEvent } from '#translate/common.ts'
import { tellUnreadOfBody } from './answer-members.ts'
import { blockOf, createdAtOf, indexOf } from './answer-words.ts'
import { CandidateReader } from './candidate-reader.ts'
import { readErrorWithin } from './read-error.ts'
import { tierOf, usageOf } from './usage.ts'

/** Chunks of a stream, each a body of its own; it finishes at the end, for a later chunk may still carry parts. */
export class GeminiStreamReader implements StreamReader {
  readonly #facts: AnswerFacts
  readonly #candidates = new Map<number, CandidateReader>()
  #metadata: JsonObject | undefined
  #hasStarted = false
  #isOver = false

  constructor(facts: AnswerFacts) {
    this.#facts = facts
  }

  push(_name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return nothing
    const parsed = parseJson(data)
    const body = asObject(parsed) ?? asObject(asList(parsed)[0])
    if (body === undefined) return this.#unreadable(data)
    const error = body['error'] === undefined ? undefined : readErrorWithin(body)
    if (error !== undefined) return this.#fail([], error)
    const events: CommonEvent[] = []
    tellUnreadOfBody(body, this.#facts.notes)
    this.#chunk(body, events)
    return events
  }

  end(): readonly CommonEvent[] {
    if (this.#isOver) return nothing
    const events: CommonEvent[] = []
    const candidates = [...this.#candidates.values()]
    const isComplete = candidates.length > 0 && candidates.every(({ hasFinish }) => hasFinish)
    if (!isComplete) return this.#fail(events, incomplete)
    this.#isOver = true
    for (const candidate of candidates) candidate.close(events)
    const usage = usageOf(this.#metadata)
    if (usage !== undefined) events.push({ event: 'usage', usage })
    events.push({ event: 'end' })
    return events
  }

  #chunk(body: JsonObject, events: CommonEvent[]): void {
    const metadata = asObject(body['usageMetadata'])
    if (metadata !== undefined) this.#metadata = { ...this.#metadata, ...metadata }
    const candidates = asList(body['candidates'])
    if (!this.#hasStarted) this.#start(body, candidates.length > 0, events)
    for (let place = 0; place < candidates.length; place += 1) {
      const candidate = asObject(candidates[place])
      if (candidate !== undefined) this.#candidate(indexOf(candidate, place)).push(candidate, events)
    }
    const blocked = candidates.length === 0 ? blockOf(body) : undefined
    if (blocked !== undefined) this.#block(blocked, body, events)
  }

  /** At the first chunk with an id or with content. */
  #start(body: JsonObject, hasContent: boolean, events: CommonEvent[]): void {
    const id = asText(body['responseId'])
    if (id === undefined && !hasContent) return
    this.#begin(id, body, events)
  }

  #begin(id: string | undefined, body: JsonObject, events: CommonEvent[]): void {
    this.#hasStarted = true
    const model = asText(body['modelVersion']) ?? this.#facts.model
    const createdAt = createdAtOf(body, this.#facts)
    const tier = tierOf(asObject(body['usageMetadata']))
    events.push({ event: 'start', id: id ?? this.#facts.ids.base62(22), model, createdAt, tier })
  }

  #block(finish: NonNullable<ReturnType<typeof blockOf>>, body: JsonObject, events: CommonEvent[]): void {
    if (!this.#hasStarted) this.#begin(undefined, body, events)
    if (this.#candidates.size === 0) this.#candidate(0)
    for (const candidate of this.#candidates.values()) candidate.block(finish)
  }

  #candidate(index: number): CandidateReader {
    const known = this.#candidates.get(index)
    if (known !== undefined) return known
    const candidate = new CandidateReader(index, this.#facts)
    this.#candidates.set(index, candidate)
    return candidate
  }

  #unreadable(data: string): readonly CommonEvent[] {
    if (/^\s*(?:ping|keep-?alive|\[DONE\])?\s*$/i.test(data)) return keepalive
    return this.#fail([], unreadable)
  }

  #fail(events: CommonEvent[], error: CommonError): readonly CommonEvent[] {
    this.#isOver = true
    events.push({ event: 'error', error })
    return events
  }
}

const nothing: readonly CommonEvent[] = []

const keepalive: readonly CommonEvent[] = [{ event: 'keepalive' }]

const incomplete: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  code: 'stream_incomplete',
  message: 'stream ended unexpectedly',
}

const unreadable: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  message: 'Cannot read the stream: an event is no JSON',
}
