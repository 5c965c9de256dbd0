import { asNumber, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { callId } from '#translate/chat/call-id.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { CommonError, CommonEvent, PartHead, PartMeta } from '#translate/common.ts'
import { errorWithin, wordsOf } from '#translate/errors.ts'
import { isPing } from '#wire/event-content.ts'
import { tellUnread } from '#translate/unread.ts'
import {
  annotationsOf,
  deltaMembers,
  errorOfFinish,
  eventMembers,
  finishOf,
  firstOf,
  isNothing,
  isOfText,
  logprobOf,
  messageMembers,
  ownThought,
  planPayload,
  usageOf,
} from './answer-parts.ts'

type Open = 'text' | 'thinking' | 'plan' | 'call'

/** Events of Cohere → common events. A text stays open until something else begins, since it may be cited behind its end. */
export class CohereReader implements StreamReader {
  readonly #facts: AnswerFacts
  readonly #takenIds = new Set<string>()
  #parts = 0
  /** What the last part is, if it is not over. */
  #open: Open | undefined
  /** Of the content that is open, as its server counts. */
  #index = -1
  /** Texts by the number that their server gave them. */
  readonly #texts = new Map<number, number>()
  /** Arguments of the open call that may turn out to be none. */
  #held: string | undefined
  #hasStarted = false
  #isOver = false

  constructor(facts: AnswerFacts) {
    this.#facts = facts
  }

  push(name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return none
    const event = asObject(parseJson(data))
    if (event === undefined) return this.#unreadable(name, data)
    if (isPing(name, event)) return keepalive
    const events: CommonEvent[] = []
    this.#tellUnread(event)
    this.#read(asText(event['type']) ?? name, event, events)
    return events
  }

  #tellUnread(event: JsonObject): void {
    const { notes } = this.#facts
    const delta = asObject(event['delta']) ?? nothing
    const message = asObject(delta['message']) ?? nothing
    tellUnread(event, eventMembers, '', notes)
    tellUnread(delta, deltaMembers, 'delta.', notes)
    tellUnread(message, messageMembers, 'delta.message.', notes)
  }

  end(): readonly CommonEvent[] {
    if (this.#isOver) return none
    const events: CommonEvent[] = []
    this.#fail(incomplete, events)
    return events
  }

  #read(type: string, event: JsonObject, events: CommonEvent[]): void {
    const message = asObject(asObject(event['delta'])?.['message']) ?? nothing
    switch (type) {
      case 'content-delta':
        return this.#content(message, event, events)
      case 'message-start':
        return this.#start(asText(event['id']), events)
      case 'content-start':
        // The next one has another number, or none where nobody counts.
        if (asNumber(event['index']) !== this.#index) this.#close(events)
        this.#index = asNumber(event['index']) ?? -1
        return this.#content(message, event, events)
      case 'tool-plan-delta':
        return this.#say('plan', asText(message['tool_plan']) ?? '', events)
      case 'tool-call-start':
        return this.#startCall(firstOf(message['tool_calls']), events)
      case 'tool-call-delta':
        return this.#args(firstOf(message['tool_calls']), events)
      case 'tool-call-end':
        if (this.#open === 'call') this.#close(events)
        return
      case 'citation-start':
        return this.#cite(firstOf(message['citations']), events)
      case 'message-end':
        return this.#finish(asObject(event['delta']) ?? nothing, events)
      default:
        return this.#other(type, event, events)
    }
  }

  #start(id: string | undefined, events: CommonEvent[]): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    const { ids, model, nowSeconds } = this.#facts
    events.push({ event: 'start', id: id ?? ids.base62(24), model, createdAt: nowSeconds })
  }

  #content(message: JsonObject, event: JsonObject, events: CommonEvent[]): void {
    const content = firstOf(message['content'])
    if (content === undefined) return
    this.#say('thinking', asText(content['thinking']) ?? '', events)
    this.#say('text', asText(content['text']) ?? '', events)
    if (event['logprobs'] === undefined) return
    const logprob = logprobOf(event['logprobs'])
    if (logprob === undefined) return
    if (this.#open === 'text') this.#meta({ logprobs: [logprob] }, events)
    else this.#facts.notes?.lose('dropped:logprobs')
  }

  #say(kind: 'text' | 'thinking' | 'plan', text: string, events: CommonEvent[]): void {
    if (text === '') return
    if (this.#open !== kind) this.#begin(kind, kind === 'text' ? textHead : thoughtHead, events)
    events.push({ event: 'part_delta', choice: 0, part: this.#parts - 1, text })
    if (kind === 'text') this.#texts.set(this.#index, this.#parts - 1)
  }

  #startCall(call: JsonObject | undefined, events: CommonEvent[]): void {
    const told = asObject(call?.['function'])
    const id = callId(asText(call?.['id']) ?? '', this.#takenIds, this.#facts.ids)
    const name = asText(told?.['name']) ?? ''
    this.#begin('call', { kind: 'tool_call', id, name, isCustom: false, tool: 'function' }, events)
    this.#held = ''
    this.#args(call, events)
  }

  /** The beginning is held back as long as it may be the `null` of a tool that takes nothing. */
  #args(call: JsonObject | undefined, events: CommonEvent[]): void {
    const text = asText(asObject(call?.['function'])?.['arguments']) ?? ''
    if (text === '' || this.#open !== 'call') return
    const all = (this.#held ?? '') + text
    if (this.#held !== undefined && all.length < 64 && 'null'.startsWith(all.trim())) {
      this.#held = all
      return
    }
    this.#held = undefined
    events.push({ event: 'part_delta', choice: 0, part: this.#parts - 1, text: all })
  }

  #cite(citation: JsonObject | undefined, events: CommonEvent[]): void {
    if (citation === undefined) return
    const at = asNumber(citation['content_index']) ?? this.#index
    const isOpen = this.#open === 'text' && (this.#index === -1 || at === this.#index)
    const part = isOpen ? this.#parts - 1 : this.#texts.get(at)
    if (part === undefined || !isOfText(citation)) {
      this.#facts.notes?.lose('dropped:citations', 'message.citations')
      return
    }
    for (const annotation of annotationsOf(citation)) {
      if (isOpen) this.#meta({ annotation }, events)
      else events.push({ event: 'late_source', choice: 0, part, annotation })
    }
  }

  #meta(meta: PartMeta, events: CommonEvent[]): void {
    events.push({ event: 'part_meta', choice: 0, part: this.#parts - 1, meta })
  }

  #begin(open: Open, head: PartHead, events: CommonEvent[]): void {
    this.#start(undefined, events)
    this.#close(events)
    this.#open = open
    events.push({ event: 'part_start', choice: 0, part: this.#parts, head })
    this.#parts += 1
  }

  #close(events: CommonEvent[]): void {
    const open = this.#open
    if (open === undefined) return
    const part = this.#parts - 1
    this.#open = undefined
    if (open === 'thinking' || open === 'plan') {
      const opaque = ownThought(this.#facts.profile.family, open === 'plan' ? planPayload : '')
      this.#meta({ opaque }, events)
    }
    if (open === 'call' && this.#held !== undefined) {
      const text = isNothing(this.#held) ? '{}' : this.#held
      events.push({ event: 'part_delta', choice: 0, part, text })
    }
    this.#held = undefined
    events.push({ event: 'part_end', choice: 0, part })
  }

  #finish(delta: JsonObject, events: CommonEvent[]): void {
    const native = asText(delta['finish_reason']) ?? ''
    const finish = native === '' ? { reason: 'stop' as const } : finishOf(native)
    const usage = usageOf(delta['usage'])
    const error = errorOfFinish(finish, delta['error'])
    if (error === undefined) {
      this.#start(undefined, events)
      this.#close(events)
    }
    if (usage !== undefined && this.#hasStarted) events.push({ event: 'usage', usage })
    if (error !== undefined) return this.#fail(error, events)
    this.#isOver = true
    events.push({ event: 'finish', choice: 0, finish }, { event: 'end' })
  }

  /** An error has no type, or one of its own; of other events there is nothing to tell. */
  #other(type: string, event: JsonObject, events: CommonEvent[]): void {
    const isError = type === 'error' || event['error'] !== undefined || (type === '' && event['message'] !== undefined)
    if (!isError) return
    const words = wordsOf(event) ?? { message: 'the backend broke the answer off with an error' }
    this.#fail(errorWithin(words), events)
  }

  #unreadable(name: string, data: string): readonly CommonEvent[] {
    const text = data.trim()
    if (name === 'ping' || /^(?:"?(?:ping|keep-?alive|heartbeat)"?|\[DONE\])?$/i.test(text)) return keepalive
    const events: CommonEvent[] = []
    this.#fail(name === 'error' ? errorWithin({ message: text }) : unreadable, events)
    return events
  }

  #fail(error: CommonError, events: CommonEvent[]): void {
    this.#isOver = true
    events.push({ event: 'error', error })
  }
}

const none: readonly CommonEvent[] = []

const keepalive: readonly CommonEvent[] = [{ event: 'keepalive' }]

const nothing: JsonObject = {}

const textHead: PartHead = { kind: 'text' }

const thoughtHead: PartHead = { kind: 'reasoning', style: 'raw', isRedacted: false }

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
