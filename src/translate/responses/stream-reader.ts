import { asList, asNumber, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { CommonError, CommonEvent } from '#translate/common.ts'
import { errorWithin, wordsOf } from '#translate/errors.ts'
import { failureOf, readFinish } from './finish.ts'
import {
  addLogprobs,
  annotate,
  CallSource,
  MessageSource,
  ReasoningSource,
  sourceFor,
  type ItemSource,
} from './item-sources.ts'
import { tellUnreadOfResponse } from './answer-members.ts'
import { EventOut } from './part-source.ts'
import { readUsage } from './usage.ts'

/** Events of Responses → common events. Items are known by their place only, since some servers change ids on the way. */
export class ResponsesReader implements StreamReader {
  readonly #facts: AnswerFacts
  readonly #out = new EventOut()
  #items = new Map<number, ItemSource>()
  /** Ids of items and calls that were told. */
  #known = new Set<string>()
  #lastIndex = 0
  /** The last item, where that is a message. */
  #open: MessageSource | undefined
  #startedAs: string | undefined
  #isOver = false

  constructor(facts: AnswerFacts) {
    this.#facts = facts
  }

  push(name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return []
    const event = asObject(parseJson(data))
    if (event === undefined) this.#withoutEvent(name, data)
    else this.#read(asText(event['type']) ?? name, event)
    return this.#out.take()
  }

  end(): readonly CommonEvent[] {
    if (this.#isOver) return []
    this.#closeAll()
    this.#fail(incomplete)
    return this.#out.take()
  }

  #withoutEvent(name: string, data: string): void {
    const text = data.trim()
    // Some servers end all of their streams like that; others do so with what was to come last.
    if (text === '[DONE]' || text === '' || name === 'ping' || /^"?(?:ping|keep-?alive|heartbeat)"?$/i.test(text)) {
      this.#out.push({ event: 'keepalive' })
    } else if (name === 'error') this.#fail(errorWithin({ message: text }))
    else this.#fail(unreadable)
  }

  #read(type: string, event: JsonObject): void {
    switch (type) {
      case 'response.output_text.delta': {
        const part = this.#message(event).part(placeIn(event, 'content_index'), 'text')
        part.add(asText(event['delta']) ?? '')
        addLogprobs(part, event['logprobs'])
        return
      }
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        this.#call(event, type).add(asText(event['delta']) ?? '')
        return
      case 'response.reasoning_summary_text.delta':
        this.#reasoning(event).add('summary', placeIn(event, 'summary_index'), asText(event['delta']) ?? '')
        return
      case 'response.reasoning_text.delta':
        this.#reasoning(event).add('raw', placeIn(event, 'content_index'), asText(event['delta']) ?? '')
        return
      case 'response.refusal.delta':
        this.#message(event)
          .part(placeIn(event, 'content_index'), 'refusal')
          .add(asText(event['delta']) ?? '')
        return
      case 'response.output_item.added':
        this.#addItem(this.#place(event), asObject(event['item']) ?? {})
        return
      case 'response.output_item.done':
        this.#finishItem(this.#place(event), asObject(event['item']) ?? {})
        return
      default:
        this.#readOther(type, event)
    }
  }

  /** Those that come once, or tell again what deltas told. */
  #readOther(type: string, event: JsonObject): void {
    switch (type) {
      case 'response.output_text.done':
        this.#message(event).finishPart(placeIn(event, 'content_index'), { ...event, type: 'output_text' })
        return
      case 'response.refusal.done':
        this.#message(event).finishPart(placeIn(event, 'content_index'), { ...event, type: 'refusal' })
        return
      case 'response.output_text.annotation.added':
        annotate(this.#message(event).part(placeIn(event, 'content_index'), 'text'), event['annotation'])
        return
      case 'response.reasoning_summary_text.done':
        this.#reasoning(event).complete('summary', placeIn(event, 'summary_index'), asText(event['text']) ?? '')
        return
      case 'response.reasoning_text.done':
        this.#reasoning(event).complete('raw', placeIn(event, 'content_index'), asText(event['text']) ?? '')
        return
      case 'response.function_call_arguments.done':
        this.#call(event, type).complete(asText(event['arguments']) ?? '')
        return
      case 'response.custom_tool_call_input.done':
        this.#call(event, type).complete(asText(event['input']) ?? '')
        return
      default:
        this.#readFate(type, event)
    }
  }

  /** What happens to the answer as a whole. */
  #readFate(type: string, event: JsonObject): void {
    const response = asObject(event['response']) ?? {}
    switch (type) {
      case 'response.created':
        this.#begin(response)
        return
      case 'response.queued':
      case 'response.in_progress':
        this.#start(response)
        this.#out.push({ event: 'keepalive' })
        return
      case 'response.incomplete':
        // Some servers say it nowhere else.
        this.#finish({ status: 'incomplete', ...response })
        return
      case 'response.completed':
      case 'response.done':
        this.#finish(response)
        return
      case 'response.failed':
      case 'response.cancelled':
        this.#tellUsage(response)
        this.#fail(failureOf({ status: 'failed', ...response }) ?? errorWithin({ message: 'the response failed' }))
        return
      case 'error':
        this.#fail(errorWithin(wordsOf(event) ?? { message: '' }))
        return
      case 'ping':
      case 'keepalive':
        this.#out.push({ event: 'keepalive' })
        return
      default:
        if (type === '' && event['error'] !== undefined) this.#fail(errorWithin(wordsOf(event) ?? { message: '' }))
    }
  }

  /** Behind what was told another answer cannot begin: somebody on the way asked twice. */
  #begin(response: JsonObject): void {
    const id = asText(response['id']) ?? ''
    if (this.#startedAs === undefined || id === this.#startedAs) this.#start(response)
    else if (this.#out.hasParts) this.#fail(restarted)
    else {
      this.#startedAs = id
      this.#items = new Map()
      this.#known = new Set()
    }
  }

  #start(response: JsonObject): void {
    if (this.#startedAs !== undefined) return
    const id = asText(response['id']) ?? ''
    const model = asText(response['model']) ?? ''
    this.#startedAs = id
    this.#out.push({
      event: 'start',
      id: id === '' ? `resp_${this.#facts.ids.hex(48)}` : id,
      model: model === '' ? this.#facts.model : model,
      createdAt: asNumber(response['created_at']) || this.#facts.nowSeconds,
      tier: asText(response['service_tier']),
    })
  }

  /** Where an event does not say which item it is of, it is of the last one. */
  #place(event: JsonObject): number {
    const index = asNumber(event['output_index'])
    if (index !== undefined) this.#lastIndex = index
    return this.#lastIndex
  }

  #addItem(index: number, item: JsonObject): ItemSource {
    this.#start({})
    const known = this.#items.get(index)
    if (known !== undefined) return known
    this.#open?.makeRoom()
    const source = sourceFor(item, this.#out, this.#facts)
    this.#open = source instanceof MessageSource ? source : undefined
    this.#items.set(index, source)
    this.#remember(item)
    return source
  }

  #finishItem(index: number, item: JsonObject): void {
    this.#addItem(index, item).finish(item)
    this.#remember(item)
  }

  #remember(item: JsonObject): void {
    for (const name of ['id', 'call_id']) {
      const id = asText(item[name])
      if (id !== undefined && id !== '') this.#known.add(id)
    }
  }

  #message(event: JsonObject): MessageSource {
    const source = this.#addItem(this.#place(event), { type: 'message' })
    return source instanceof MessageSource ? source : new MessageSource(new EventOut())
  }

  #reasoning(event: JsonObject): ReasoningSource {
    const source = this.#addItem(this.#place(event), { type: 'reasoning' })
    return source instanceof ReasoningSource ? source : new ReasoningSource(new EventOut(), '')
  }

  #call(event: JsonObject, type: string): CallSource {
    const isCustom = type.startsWith('response.custom')
    const source = this.#addItem(this.#place(event), { type: isCustom ? 'custom_tool_call' : 'function_call' })
    return source instanceof CallSource ? source : new CallSource(new EventOut(), this.#facts, isCustom)
  }

  #finish(response: JsonObject): void {
    const failure = failureOf(response)
    if (failure !== undefined) {
      this.#tellUsage(response)
      this.#fail(failure)
      return
    }
    tellUnreadOfResponse(response, this.#facts.notes)
    this.#start(response)
    this.#finishItems(asList(response['output']))
    this.#closeAll()
    this.#tellUsage(response)
    this.#out.push({ event: 'finish', choice: 0, finish: readFinish(response, this.#out.calls > 0) })
    this.#out.push({ event: 'end' })
    this.#isOver = true
  }

  /** Those that no event told are told now; servers may leave out those that they did tell. */
  #finishItems(output: readonly unknown[]): void {
    const seen = this.#items.size
    for (const [index, value] of output.entries()) {
      const item = asObject(value)
      if (item === undefined || output.length < seen) continue
      const source = this.#items.get(index)
      if (source === undefined) {
        if (output.length > seen && !this.#isKnown(item)) this.#finishItem(index, item)
      } else if (output.length === seen) source.finish(item)
    }
  }

  #isKnown(item: JsonObject): boolean {
    return this.#known.has(asText(item['call_id']) ?? '') || this.#known.has(asText(item['id']) ?? '')
  }

  #closeAll(): void {
    for (const source of this.#items.values()) source.close()
  }

  #tellUsage(response: JsonObject): void {
    const usage = readUsage(response['usage'])
    if (usage !== undefined) this.#out.push({ event: 'usage', usage })
  }

  #fail(error: CommonError): void {
    this.#out.push({ event: 'error', error })
    this.#isOver = true
  }
}

function placeIn(event: JsonObject, name: string): number {
  return asNumber(event[name]) ?? 0
}

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
  code: 'malformed_event',
}

const restarted: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  message: 'Cannot go on with the stream of the backend: it began another answer in the middle of one',
  code: 'stream_restarted',
}
