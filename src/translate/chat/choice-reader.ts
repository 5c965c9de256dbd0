import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { Annotation, CommonEvent, Finish, PartHead } from '#translate/common.ts'
import { tellUnread } from '#translate/unread.ts'
import { codePoints, readAnnotation } from './annotations.ts'
import { CallReader } from './call-reader.ts'
import { readFinish } from './finish-words.ts'
import { readLogprobs } from './logprobs.ts'
import { choiceMembers, messageMembers, sourcesMax } from './answer-members.ts'
import { ownText, tellOfPart } from './read-body.ts'
import { askedAudio, readImages } from './read-media.ts'
import { thinkingText } from './read-parts.ts'
import { plainThoughts } from './read-thoughts.ts'
import { ReasoningDetails } from './reasoning-details.ts'

/** One choice of a Chat stream: which part is open, and which calls there are. */
export class ChoiceReader {
  readonly index: number
  finish: Finish | undefined
  readonly #facts: AnswerFacts
  readonly #calls: CallReader
  #parts = 0
  /** The part that texts go to, and what it is; -1: none. */
  #open = -1
  #kind: PartHead['kind'] = 'text'
  #details: ReasoningDetails | undefined
  /** Thoughts come in a field of their own, so that the texts of details only say them again. */
  #isPlain = false
  /** Code points of text so far, and of what stands before the open part. */
  #points = 0
  #before = 0
  /** The last text; -1: there was none. */
  #text = -1
  /** Sources that came before any text. */
  readonly #early: Annotation[] = []
  readonly #urls = new Set<string>()
  #audio = -1

  constructor(index: number, facts: AnswerFacts, takenIds: Set<string>) {
    this.index = index
    this.#facts = facts
    this.#calls = new CallReader(index, facts.ids, takenIds)
  }

  read(choice: JsonObject, events: CommonEvent[]): void {
    const delta = asObject(choice['delta']) ?? asObject(choice['message']) ?? { content: choice['text'] }
    const { notes } = this.#facts
    tellUnread(choice, choiceMembers, 'choices.', notes)
    tellUnread(delta, messageMembers, 'choices.delta.', notes)
    this.#readThoughts(delta, events)
    const content = delta['content']
    if (typeof content === 'string') this.#say('text', content, events)
    else if (Array.isArray(content)) this.#readParts(content, events)
    const refusal = asText(delta['refusal']) ?? ''
    this.#say('refusal', refusal, events)
    this.#readMeta(choice, delta, events)
    this.#readMedia(delta, events)
    if (delta['tool_calls'] !== undefined || delta['function_call'] !== undefined) this.#readCalls(delta, events)
    this.#readFinish(choice)
  }

  /** Sources of all that it says; those that were told for a place in it are known. */
  cite(sources: readonly Annotation[], events: CommonEvent[]): void {
    for (const source of sources) if (!this.#urls.has(source.url ?? '')) this.#cite(source, events)
  }

  /** All parts are over. */
  close(events: CommonEvent[]): void {
    this.#closeOpen(events)
    // Nothing was said that they could be sources of.
    if (this.#early.length > 0) this.#facts.notes?.lose('dropped:citations')
    if (this.#audio !== -1) events.push({ event: 'part_end', choice: this.index, part: this.#audio })
    this.#audio = -1
    this.#parts = this.#calls.close(this.#parts, events)
  }

  #readThoughts(delta: JsonObject, events: CommonEvent[]): void {
    const plain = plainThoughts(delta)
    const details = delta['reasoning_details']
    if (plain !== '') this.#isPlain = true
    this.#think(plain, 'raw', events)
    if (!Array.isArray(details)) return
    for (const entry of details) {
      this.#details ??= new ReasoningDetails()
      const text = this.#details.add(entry)
      const isSummary = asObject(entry)?.['type'] === 'reasoning.summary'
      if (!this.#isPlain) this.#think(text, isSummary ? 'summary' : 'raw', events)
    }
  }

  #think(text: string, style: 'raw' | 'summary', events: CommonEvent[]): void {
    if (text === '') return
    if (this.#open === -1 || this.#kind !== 'reasoning') {
      this.#begin({ kind: 'reasoning', style, isRedacted: false }, events)
    }
    events.push({ event: 'part_delta', choice: this.index, part: this.#open, text })
  }

  #say(kind: 'text' | 'refusal', text: string, events: CommonEvent[]): void {
    if (text === '') return
    if (this.#open === -1 || this.#kind !== kind) {
      this.#begin({ kind }, events)
      this.#before = this.#points
    }
    if (kind === 'text') this.#points += codePoints(text)
    events.push({ event: 'part_delta', choice: this.index, part: this.#open, text })
    if (kind !== 'text') return
    this.#text = this.#open
    if (this.#early.length > 0) for (const annotation of this.#early.splice(0)) this.#meta({ annotation }, events)
  }

  /** Mistral's content: a list of parts. */
  #readParts(parts: readonly unknown[], events: CommonEvent[]): void {
    for (const value of parts) {
      const part = asObject(value) ?? {}
      switch (part['type']) {
        case 'text':
          this.#say('text', asText(part['text']) ?? '', events)
          break
        case 'thinking':
          this.#think(thinkingText(part['thinking']), 'raw', events)
          break
        case 'image_url':
          this.#readMedia({ images: [part] }, events)
          break
        default:
          tellOfPart(part, this.#facts.notes)
      }
    }
  }

  #readMeta(choice: JsonObject, delta: JsonObject, events: CommonEvent[]): void {
    const logprobs = choice['logprobs'] ? readLogprobs(choice['logprobs']) : undefined
    if (logprobs !== undefined && this.#isTextOpen) this.#meta({ logprobs }, events)
    else if (logprobs !== undefined) this.#facts.notes?.lose('dropped:logprobs', 'choices.logprobs')
    if (delta['annotations'] === undefined) return
    for (const value of asList(delta['annotations'])) {
      const annotation = readAnnotation(value, this.#before)
      if (annotation !== undefined) this.#cite(annotation, events)
    }
  }

  get #isTextOpen(): boolean {
    return this.#open !== -1 && this.#kind === 'text'
  }

  /** Of the text that is open, else of the last one, else of the first one that comes. */
  #cite(annotation: Annotation, events: CommonEvent[]): void {
    if (this.#urls.size < sourcesMax && annotation.url !== undefined) this.#urls.add(annotation.url)
    if (this.#isTextOpen) this.#meta({ annotation }, events)
    else if (this.#text !== -1) {
      events.push({ event: 'late_source', choice: this.index, part: this.#text, annotation })
    } else if (this.#early.length < sourcesMax) this.#early.push(annotation)
  }

  #meta(meta: (CommonEvent & { readonly event: 'part_meta' })['meta'], events: CommonEvent[]): void {
    events.push({ event: 'part_meta', choice: this.index, part: this.#open, meta })
  }

  #readMedia(delta: JsonObject, events: CommonEvent[]): void {
    if (delta['images'] !== undefined) {
      for (const part of readImages(delta['images'])) {
        this.#begin({ kind: 'media', part }, events)
        this.#closeOpen(events)
      }
    }
    const audio = asObject(delta['audio'])
    if (audio === undefined) return
    const data = asText(audio['data']) ?? ''
    const transcript = asText(audio['transcript']) ?? ''
    if (data === '' && transcript === '') return
    if (this.#audio === -1) {
      const part = { kind: 'media', medium: 'audio', mime: askedAudio, source: { base64: '' } } as const
      this.#begin({ kind: 'media', part }, events)
      this.#audio = this.#open
      // It goes on beside whatever else is said.
      this.#open = -1
    }
    const { index: choice } = this
    if (data !== '') events.push({ event: 'part_delta', choice, part: this.#audio, text: data })
    if (transcript !== '') events.push({ event: 'part_meta', choice, part: this.#audio, meta: { transcript } })
  }

  #readCalls(delta: JsonObject, events: CommonEvent[]): void {
    const calls = asList(delta['tool_calls'])
    const older = asObject(delta['function_call'])
    if (calls.length === 0 && older === undefined) return
    this.#closeOpen(events)
    for (let at = 0; at < calls.length; at++) {
      const call = asObject(calls[at])
      if (call !== undefined) this.#parts = this.#calls.read(call, at, this.#parts, events)
    }
    if (older !== undefined && calls.length === 0) {
      this.#parts = this.#calls.read({ index: 0, function: older }, 0, this.#parts, events)
    }
  }

  /** The last word counts, but nothing is taken back by a `stop`. */
  #readFinish(choice: JsonObject): void {
    const native = choice['finish_reason']
    if (typeof native !== 'string' || native === '') return
    if (this.finish === undefined || this.finish.reason === 'stop') {
      this.finish = readFinish(native, choice['stop_reason'])
    }
  }

  #begin(head: PartHead, events: CommonEvent[]): void {
    this.#closeOpen(events)
    this.#open = this.#parts
    this.#kind = head.kind
    this.#parts += 1
    events.push({ event: 'part_start', choice: this.index, part: this.#open, head })
  }

  /** Ends the open part; thoughts get what seals them. */
  #closeOpen(events: CommonEvent[]): void {
    const isThought = this.#open !== -1 && this.#kind === 'reasoning'
    const seals = this.#details?.parts(this.#facts.profile.family).filter(({ opaque }) => opaque !== undefined) ?? []
    this.#details = undefined
    const own = seals.findIndex(({ isRedacted, opaque }) => !isRedacted && opaque?.form !== 'gemini')
    if (isThought) {
      this.#meta({ opaque: seals[own]?.opaque ?? ownText(this.#facts.profile.family) }, events)
    }
    if (this.#open !== -1) events.push({ event: 'part_end', choice: this.index, part: this.#open })
    this.#open = -1
    for (const [at, { isRedacted, opaque, style }] of seals.entries()) {
      if (isThought && at === own) continue
      const part = this.#parts
      this.#parts += 1
      events.push({ event: 'part_start', choice: this.index, part, head: { kind: 'reasoning', style, isRedacted } })
      events.push({ event: 'part_meta', choice: this.index, part, meta: { opaque } })
      events.push({ event: 'part_end', choice: this.index, part })
    }
  }
}
