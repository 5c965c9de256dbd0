import type { StreamForm } from '#core/endpoint.ts'
import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'

/**
 * What names one answer in the events of its stream: its id, its model, the numbers of its events. Learnt from the stream
 * that the client has the beginning of, and put into the events of the one that goes on with it.
 */
export class StreamIdentity {
  readonly #form: StreamForm
  /** The first values that said anything. */
  #names: Readonly<Record<string, unknown>> = {}
  #itemId: string | undefined
  #sequence: number | undefined
  #hasRole = false

  constructor(form: StreamForm) {
    this.#form = form
  }

  copy(): StreamIdentity {
    const copy = new StreamIdentity(this.#form)
    copy.#names = this.#names
    copy.#itemId = this.#itemId
    copy.#sequence = this.#sequence
    copy.#hasRole = this.#hasRole
    return copy
  }

  /** Of the last event, where its form numbers them. */
  get sequence(): number | undefined {
    return this.#sequence
  }

  learn(body: JsonObject): void {
    const isResponse = this.#form === 'responses'
    const holder = isResponse ? asObject(body['response']) : body
    if (holder !== undefined) this.#learnNames(holder)
    if (isResponse) {
      this.#sequence = asNumber(body['sequence_number']) ?? this.#sequence
      this.#itemId ??= asText(asObject(body['item'])?.['id']) ?? asText(body['item_id'])
    } else if (this.#form === 'chat') this.#hasRole ||= hasRole(body)
  }

  /** The event as one of this stream: the very same object where nothing in it is another's. */
  adopt(body: JsonObject): JsonObject {
    if (this.#form === 'responses') return this.#adoptResponse(body)
    return this.#rename(this.#hasRole ? withoutRole(body) : body)
  }

  #learnNames(holder: JsonObject): void {
    for (const key of namesIn[this.#form]) {
      const value = holder[key]
      // Azure begins with an event whose id and model are empty.
      if (key in this.#names || value === undefined || value === null || value === '' || value === 0) continue
      this.#names = { ...this.#names, [key]: value }
    }
  }

  #rename(body: JsonObject): JsonObject {
    const others = Object.entries(this.#names).filter(([key, value]) => key in body && body[key] !== value)
    return others.length === 0 ? body : { ...body, ...Object.fromEntries(others) }
  }

  #adoptResponse(body: JsonObject): JsonObject {
    let adopted = body
    if (this.#sequence !== undefined && typeof body['sequence_number'] === 'number') {
      this.#sequence++
      if (body['sequence_number'] !== this.#sequence) adopted = { ...adopted, sequence_number: this.#sequence }
    }
    // Another item than the first has a name of its own.
    if (this.#itemId !== undefined && (body['output_index'] ?? 0) === 0) {
      if (typeof body['item_id'] === 'string' && body['item_id'] !== this.#itemId) {
        adopted = { ...adopted, item_id: this.#itemId }
      }
      const item = asObject(body['item'])
      if (item !== undefined && item['id'] !== this.#itemId) adopted = { ...adopted, item: this.#nameItem(item) }
    }
    const response = asObject(body['response'])
    if (response === undefined) return adopted
    const renamed = this.#nameFirstItem(this.#rename(response))
    return renamed === response ? adopted : { ...adopted, response: renamed }
  }

  #nameFirstItem(response: JsonObject): JsonObject {
    const output = asList(response['output'])
    const first = asObject(output[0])
    if (this.#itemId === undefined || first === undefined || first['id'] === this.#itemId) return response
    return { ...response, output: [this.#nameItem(first), ...output.slice(1)] }
  }

  #nameItem(item: JsonObject): JsonObject {
    return { ...item, id: this.#itemId }
  }
}

const chatNames = ['id', 'created', 'model']
const geminiNames = ['responseId', 'modelVersion']

const namesIn: Readonly<Record<StreamForm, readonly string[]>> = {
  chat: chatNames,
  completions: chatNames,
  responses: ['id', 'created_at', 'model'],
  // Only its first event has names, and a client gets that once.
  messages: [],
  gemini_sse: geminiNames,
  gemini_array: geminiNames,
  ndjson: ['model'],
}

function hasRole(body: JsonObject): boolean {
  return asList(body['choices']).some((choice) => typeof asObject(asObject(choice)?.['delta'])?.['role'] === 'string')
}

/** Some SDKs join the roles of all events as they join texts, so a stream has one. */
function withoutRole(body: JsonObject): JsonObject {
  return hasRole(body) ? { ...body, choices: asList(body['choices']).map(choiceWithoutRole) } : body
}

function choiceWithoutRole(value: unknown): JsonObject {
  const choice = asObject(value) ?? {}
  const { role: _role, ...delta } = asObject(choice['delta']) ?? {}
  return { ...choice, delta }
}
