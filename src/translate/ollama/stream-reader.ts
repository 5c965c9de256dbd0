import { asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { CommonError, CommonEvent, PartHead } from '#translate/common.ts'
import { argsText } from '#translate/tool-args.ts'
import { isPing } from '#wire/event-content.ts'
import {
  callsOf,
  createdAtOf,
  errorIn,
  finishOf,
  logprobsOf,
  messageIn,
  ownText,
  tellUnreadOfLine,
  usageOf,
} from './answer-lines.ts'
import { imagesOf } from './read-body.ts'

/** Lines of Ollama → common events. The line with `done` is the last one. */
export class OllamaReader implements StreamReader {
  readonly #facts: AnswerFacts
  readonly #takenIds = new Set<string>()
  #parts = 0
  /** What texts go to; its number is that of the last part. */
  #open: 'text' | 'reasoning' | undefined
  #hasStarted = false
  #isOver = false

  constructor(facts: AnswerFacts) {
    this.#facts = facts
  }

  push(name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return none
    const line = asObject(parseJson(data))
    if (line === undefined) return this.#unreadable(name, data)
    if (isPing(name, line)) return keepalive
    const error = errorIn(line)
    if (error !== undefined) return this.#fail(error)
    const events: CommonEvent[] = []
    tellUnreadOfLine(line, this.#facts.notes)
    if (!this.#hasStarted) this.#start(line, events)
    this.#read(line, events)
    if (line['done'] === true) this.#finish(line, events)
    return events
  }

  end(): readonly CommonEvent[] {
    return this.#isOver ? none : this.#fail(incomplete)
  }

  #start(line: JsonObject, events: CommonEvent[]): void {
    this.#hasStarted = true
    const { ids, model } = this.#facts
    events.push({
      event: 'start',
      id: ids.base62(24),
      model: asText(line['model']) ?? model,
      createdAt: createdAtOf(line, this.#facts),
    })
  }

  #read(line: JsonObject, events: CommonEvent[]): void {
    const message = messageIn(line)
    this.#say('reasoning', message['thinking'], events)
    this.#say('text', message['content'], events)
    if (line['logprobs'] !== undefined) {
      const logprobs = logprobsOf(line)
      if (logprobs !== undefined && this.#open === 'text') {
        events.push({ event: 'part_meta', choice: 0, part: this.#parts - 1, meta: { logprobs } })
      } else if (logprobs !== undefined) this.#facts.notes?.lose('dropped:logprobs')
    }
    if (message['images'] !== undefined) {
      for (const part of imagesOf(message)) this.#whole({ kind: 'media', part }, '', events)
    }
    if (message['tool_calls'] === undefined) return
    for (const { id, name, args } of callsOf(message, this.#takenIds, this.#facts.ids)) {
      this.#whole({ kind: 'tool_call', id, name, isCustom: false, tool: 'function' }, argsText(args), events)
    }
  }

  #say(kind: 'text' | 'reasoning', text: unknown, events: CommonEvent[]): void {
    if (typeof text !== 'string' || text === '') return
    if (this.#open !== kind) {
      this.#close(events)
      this.#begin(kind === 'text' ? textHead : thoughtHead, events)
      this.#open = kind
    }
    events.push({ event: 'part_delta', choice: 0, part: this.#parts - 1, text })
  }

  #whole(head: PartHead, text: string, events: CommonEvent[]): void {
    this.#close(events)
    const part = this.#begin(head, events)
    if (text !== '') events.push({ event: 'part_delta', choice: 0, part, text })
    events.push({ event: 'part_end', choice: 0, part })
  }

  #begin(head: PartHead, events: CommonEvent[]): number {
    const part = this.#parts
    this.#parts += 1
    events.push({ event: 'part_start', choice: 0, part, head })
    return part
  }

  #close(events: CommonEvent[]): void {
    if (this.#open === undefined) return
    const part = this.#parts - 1
    if (this.#open === 'reasoning') {
      events.push({ event: 'part_meta', choice: 0, part, meta: { opaque: ownText(this.#facts.profile.family) } })
    }
    events.push({ event: 'part_end', choice: 0, part })
    this.#open = undefined
  }

  #finish(line: JsonObject, events: CommonEvent[]): void {
    this.#isOver = true
    this.#close(events)
    const usage = usageOf(line)
    if (usage !== undefined) events.push({ event: 'usage', usage })
    events.push({ event: 'finish', choice: 0, finish: finishOf(line) }, { event: 'end' })
  }

  #unreadable(name: string, data: string): readonly CommonEvent[] {
    const isLife = name === 'ping' || /^\s*"?(?:ping|keep-?alive|heartbeat)?"?\s*$/i.test(data)
    return isLife ? keepalive : this.#fail(unreadable)
  }

  #fail(error: CommonError): readonly CommonEvent[] {
    this.#isOver = true
    return [{ event: 'error', error }]
  }
}

const none: readonly CommonEvent[] = []

const keepalive: readonly CommonEvent[] = [{ event: 'keepalive' }]

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
  message: 'Cannot read the stream of the backend: a line is no JSON',
}
