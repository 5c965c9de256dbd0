import type { Form } from '#core/talk.ts'
import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { Clock } from '#ports/clock.ts'
import type { Recall } from './codec.ts'
import type { Part } from './common.ts'
import { thoughtsBeforeCalls } from './continuity.ts'
import { RecallMemory } from './recall-memory.ts'

/** A finished answer, as its client got it. */
export interface Answered {
  readonly form: Form
  /** What the client had sent. */
  readonly body: JsonObject
  /** The body, or what the last event of the stream told; only of the Responses form. */
  readonly answer?: JsonObject | undefined
  /** In the client's words and with the ids that it got. */
  readonly parts: readonly Part[]
  /** Who answered may want back what it thought before its calls, though nobody signed it. */
  readonly keepsPlain?: boolean | undefined
}

export interface RecallLimits {
  /** Limit: of answers that clients may name later. */
  readonly bytesMax: number
  /** Limit: of thoughts before calls that clients do not bring back. */
  readonly continuityBytesMax: number
  readonly idleMs: number
}

export const recallDefaults: RecallLimits = {
  bytesMax: 64 * 1024 * 1024,
  continuityBytesMax: 32 * 1024 * 1024,
  idleMs: 60 * 60 * 1000,
}

/**
 * What backends do not keep of earlier answers, so that clients may name them instead of repeating them (formats §5.11), and
 * what they could not keep themselves (§6.3). Every tenant has his own.
 */
export class RecallStore {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #answers: RecallMemory
  readonly #continuity: RecallMemory
  /** Of items → of the answers that hold them. */
  readonly #answerByItem = new Map<string, string>()

  constructor(clock: Pick<Clock, 'monotonicMs'>, limits: RecallLimits = recallDefaults) {
    this.#clock = clock
    this.#continuity = new RecallMemory(limits.continuityBytesMax, limits.idleMs)
    this.#answers = new RecallMemory(limits.bytesMax, limits.idleMs, (answer, items) => {
      for (const item of items) if (this.#answerByItem.get(item) === answer) this.#answerByItem.delete(item)
    })
  }

  /** Nothing is kept of what a client does not want stored, but what its next request needs. */
  remember(tenant: string, { form, body, answer, parts, keepsPlain = false }: Answered): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [callId, before] of thoughtsBeforeCalls(parts, keepsPlain)) {
      this.#continuity.put(keyOf(tenant, form, callId), JSON.stringify(before), [], nowMs)
    }
    const id = asText(answer?.['id'])
    if (form !== 'responses' || id === undefined || body['store'] === false || answer?.['status'] === 'failed') return
    const input = this.#resolved(tenant, body['input'])
    const kept = { previous: asText(body['previous_response_id']), input, answer }
    const output = objectsIn(answer?.['output'])
    const key = keyOf(tenant, id)
    const items = [...input, ...output].flatMap((item) => {
      const itemId = asText(item['id'])
      return itemId === undefined ? [] : [keyOf(tenant, itemId)]
    })
    for (const item of items) this.#answerByItem.set(item, key)
    this.#answers.put(key, JSON.stringify(kept), items, nowMs)
  }

  /** What one tenant's clients of one form may ask for. */
  of(tenant: string, form: Form): Recall {
    // One request may name many items of the same answer.
    const read = new Map<string, Kept>()
    return {
      item: (id) => this.#item(tenant, id, read),
      response: (id) => this.#response(tenant, id, read),
      partsBefore: (callId) => this.#partsBefore(tenant, form, callId),
    }
  }

  /** The whole answer, as its client got it. */
  answer(tenant: string, responseId: string): JsonObject | undefined {
    return this.#kept(keyOf(tenant, responseId), new Map())?.answer
  }

  /** All that led to an answer, the oldest first; as far as it is still there, what the answers before it are made of too. */
  input(tenant: string, responseId: string): readonly JsonObject[] {
    const read = new Map<string, Kept>()
    const whole = this.#response(tenant, responseId, read)
    return whole?.input ?? this.#kept(keyOf(tenant, responseId), read)?.input ?? []
  }

  /** False where it is not there. */
  forget(tenant: string, responseId: string): boolean {
    return this.#answers.forget(keyOf(tenant, responseId))
  }

  get bytes(): number {
    return this.#answers.bytes + this.#continuity.bytes
  }

  #item(tenant: string, id: string, read: Map<string, Kept>): JsonObject | undefined {
    const key = this.#answerByItem.get(keyOf(tenant, id))
    const kept = key === undefined ? undefined : this.#kept(key, read)
    return [...(kept?.output ?? []), ...(kept?.input ?? [])].find((item) => item['id'] === id)
  }

  /** An answer names the one before it instead of holding its items too; all of them must be there. */
  #response(
    tenant: string,
    id: string,
    read: Map<string, Kept>,
  ): { readonly input: readonly JsonObject[]; readonly output: readonly JsonObject[] } | undefined {
    const last = this.#kept(keyOf(tenant, id), read)
    if (last === undefined) return undefined
    const inputs = [last.input]
    let { previous } = last
    for (let turns = 0; previous !== undefined; turns++) {
      const kept = turns < turnsMax ? this.#kept(keyOf(tenant, previous), read) : undefined
      if (kept === undefined) return undefined
      inputs.push([...kept.input, ...kept.output])
      previous = kept.previous
    }
    return { input: inputs.toReversed().flat(), output: last.output }
  }

  #partsBefore(tenant: string, form: Form, callId: string): readonly Part[] | undefined {
    const text = this.#continuity.get(keyOf(tenant, form, callId), this.#clock.monotonicMs())
    if (text === undefined) return undefined
    // Written by `remember`, so that its shape is known.
    const parts: readonly Part[] = JSON.parse(text)
    return parts
  }

  #kept(key: string, read: Map<string, Kept>): Kept | undefined {
    const known = read.get(key)
    if (known !== undefined) return known
    const text = this.#answers.get(key, this.#clock.monotonicMs())
    const stored = text === undefined ? undefined : asObject(parseJson(text))
    if (stored === undefined) return undefined
    const answer = asObject(stored['answer']) ?? {}
    const kept = {
      previous: asText(stored['previous']),
      input: objectsIn(stored['input']),
      output: objectsIn(answer['output']),
      answer,
    }
    read.set(key, kept)
    return kept
  }

  /** References would not outlive what they refer to. */
  #resolved(tenant: string, input: unknown): readonly JsonObject[] {
    if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }]
    const read = new Map<string, Kept>()
    return objectsIn(input).flatMap((item): readonly JsonObject[] => {
      const isReference = item['type'] === 'item_reference' || (isNone(item['type']) && isNone(item['role']))
      const found = isReference ? this.#item(tenant, asText(item['id']) ?? '', read) : item
      return found === undefined ? [] : [found]
    })
  }
}

/** One turn. */
interface Kept {
  readonly previous: string | undefined
  readonly input: readonly JsonObject[]
  readonly output: readonly JsonObject[]
  /** All of it. */
  readonly answer: JsonObject
}

/** Limit: answers of one conversation. */
const turnsMax = 1000

function objectsIn(value: unknown): readonly JsonObject[] {
  return asList(value).flatMap((entry): readonly JsonObject[] => {
    const object = asObject(entry)
    return object === undefined ? [] : [object]
  })
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null
}

/** Names of tenants may hold anything but a NUL. */
function keyOf(...names: readonly string[]): string {
  return names.join('\0')
}
