import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext, FramedEvent } from '#translate/codec.ts'
import type { Annotation, Finish, MediaPart, Opaque, PartHead, PartMeta } from '#translate/common.ts'
import { sealed } from '#translate/opaque.ts'
import { codePoints, writeAnnotation } from './annotations.ts'
import { isOlderClient, Seal, signatureAtCall, thoughtFields } from './answer-words.ts'
import { finishWord } from './finish-words.ts'
import { writeLogprobs } from './logprobs.ts'
import { writeDetails } from './reasoning-details.ts'
import { imageUrl, signedText } from './write-message.ts'

/** One choice of a Chat stream: which part is what, and how its pieces are told. */
export class ChoiceWriter {
  /** Characters of text, thoughts and arguments so far. */
  saidLength = 0
  readonly #context: AnswerContext
  readonly #prefix: string
  readonly #suffix: string
  readonly #contentPrefix: string
  readonly #thoughtFields: readonly string[]
  readonly #isOlder: boolean
  readonly #parts: PartState[] = []
  readonly #seal = new Seal()
  #hasBegun = false
  #calls = 0
  #details = 0
  #images = 0
  #points = 0
  #hasRefusal = false
  /** A call that has just begun: some clients look for its signature in its first piece only, and it comes next if at all. */
  #held: HeldCall | undefined

  constructor(head: string, index: number, context: AnswerContext) {
    this.#context = context
    const usage = context.request.includeUsage ? ',"usage":null' : ''
    this.#prefix = `${head}"choices":[{"index":${index},"delta":`
    this.#suffix = `,"logprobs":null,"finish_reason":null}]${usage}}`
    this.#contentPrefix = `${this.#prefix}{"content":`
    this.#thoughtFields = thoughtFields(context)
    this.#isOlder = isOlderClient(context)
  }

  /** Clients learn the role from the first chunk, and only there. */
  begin(): FramedEvent[] {
    if (this.#hasBegun) return []
    this.#hasBegun = true
    return [this.#chunk('{"role":"assistant","content":""}')]
  }

  start(part: number, head: PartHead): FramedEvent[] {
    const events = [...this.begin(), ...this.#release()]
    const state: PartState = {
      kind: head.kind,
      text: '',
      isCustom: false,
      call: 0,
      media: undefined,
      opaque: undefined,
      isEmpty: true,
      before: this.#points,
      points: 0,
    }
    this.#parts[part] = state
    switch (head.kind) {
      case 'tool_call':
        events.push(...this.#startCall(state, head))
        break
      case 'media':
        state.media = head.part
        if ('base64' in head.part.source) events.push(...this.#medium(state, head.part.source.base64))
        if (head.part.medium === 'audio' && head.part.transcript !== undefined) {
          events.push(this.#delta({ audio: { transcript: head.part.transcript } }))
        }
        break
      case 'refusal':
        this.#hasRefusal = true
        break
      case 'text':
      case 'reasoning':
      case 'native':
        break
    }
    return events
  }

  delta(part: number, text: string): FramedEvent[] {
    const state = this.#parts[part]
    if (state === undefined || text === '') return []
    this.saidLength += text.length
    state.isEmpty = false
    if (this.#held !== undefined) return [...this.#release(), ...this.#piece(state, text)]
    return this.#piece(state, text)
  }

  #piece(state: PartState, text: string): FramedEvent[] {
    switch (state.kind) {
      case 'text':
        state.points += codePoints(text)
        this.#points = state.before + state.points
        return [{ data: `${this.#contentPrefix}${JSON.stringify(text)}}${this.#suffix}` }]
      case 'reasoning':
        state.text += text
        return this.#thought(text)
      case 'refusal':
        return [this.#chunk(`{"refusal":${JSON.stringify(text)}}`)]
      case 'tool_call':
        return this.#argument(state, text)
      case 'media':
        return this.#medium(state, text)
      case 'native':
        return []
    }
  }

  meta(part: number, meta: PartMeta): FramedEvent[] {
    const state = this.#parts[part]
    if (state === undefined) return []
    if (meta.opaque !== undefined && this.#held?.state === state) return this.#release(meta.opaque)
    const events: FramedEvent[] = this.#release()
    if (meta.logprobs !== undefined && meta.logprobs.length > 0) {
      const logprobs = JSON.stringify(writeLogprobs(meta.logprobs))
      events.push({
        data: `${this.#prefix}{}${this.#suffix.replace('"logprobs":null', () => `"logprobs":${logprobs}`)}`,
      })
    }
    if (meta.annotation !== undefined) events.push(...this.source(part, meta.annotation))
    if (meta.transcript !== undefined && state.kind === 'media') {
      events.push(this.#delta({ audio: { transcript: meta.transcript } }))
    }
    if (meta.opaque !== undefined) events.push(...this.#opaque(state, meta.opaque))
    return events
  }

  /** Of a text, whether it is over or not. */
  source(part: number, annotation: Annotation): FramedEvent[] {
    const state = this.#parts[part]
    const written = state?.kind === 'text' ? writeAnnotation(annotation, state.before, state.points) : undefined
    if (written !== undefined) return [...this.#release(), this.#delta({ annotations: [written] })]
    this.#context.notes?.lose('dropped:citations', 'annotations')
    return []
  }

  end(part: number): FramedEvent[] {
    const state = this.#parts[part]
    if (state === undefined) return []
    return this.#held === undefined ? this.#close(state) : [...this.#release(), ...this.#close(state)]
  }

  #close(state: PartState): FramedEvent[] {
    switch (state.kind) {
      case 'reasoning':
        return this.#endThought(state)
      case 'tool_call':
        // Clients parse the arguments, and an empty text is no JSON.
        return state.isEmpty && !state.isCustom ? this.#argument(state, '{}') : []
      case 'media':
        return this.#endMedium(state)
      case 'text':
        return state.opaque === undefined ? [] : this.#detail(state.opaque, '')
      case 'refusal':
      case 'native':
        return []
    }
  }

  finish(finish: Finish): FramedEvent[] {
    const events = [...this.begin(), ...this.#release()]
    const { reason, explanation = '' } = finish
    if (reason === 'content_filter' && explanation !== '' && !this.#hasRefusal) {
      events.push(this.#chunk(`{"refusal":${JSON.stringify(explanation)}}`))
    }
    const word = JSON.stringify(finishWord(finish, this.#isOlder))
    events.push({
      data: `${this.#prefix}{}${this.#suffix.replace('"finish_reason":null', () => `"finish_reason":${word}`)}`,
    })
    return events
  }

  #startCall(state: PartState, head: PartHead & { readonly kind: 'tool_call' }): FramedEvent[] {
    state.call = this.#calls
    state.isCustom = head.isCustom
    this.#calls += 1
    if (this.#isOlder) {
      if (state.call > 0) this.#context.notes?.lose('dropped:answer_field', 'tool_calls')
      return state.call > 0 ? [] : [this.#delta({ function_call: { name: head.name, arguments: '' } })]
    }
    const opaque = this.#seal.give()
    const id = head.id === '' ? `call_${this.#context.ids.base62(24)}` : head.id
    const call = head.isCustom
      ? { index: state.call, id, type: 'custom', custom: { name: head.name, input: '' } }
      : { index: state.call, id, type: 'function', function: { name: head.name, arguments: '' } }
    this.#held = { state, call }
    return opaque === undefined ? [] : this.#release(opaque)
  }

  #release(opaque?: Opaque): FramedEvent[] {
    if (this.#held === undefined) return []
    const { call } = this.#held
    this.#held = undefined
    const extra = opaque === undefined ? {} : { extra_content: signatureAtCall(opaque) }
    return [this.#delta({ tool_calls: [{ ...call, ...extra }] })]
  }

  #argument(state: PartState, text: string): FramedEvent[] {
    const json = JSON.stringify(text)
    if (this.#isOlder) return state.call > 0 ? [] : [this.#chunk(`{"function_call":{"arguments":${json}}}`)]
    const piece = state.isCustom ? `"custom":{"input":${json}}` : `"function":{"arguments":${json}}`
    return [this.#chunk(`{"tool_calls":[{"index":${state.call},${piece}}]}`)]
  }

  #thought(text: string): FramedEvent[] {
    const [first, second] = this.#thoughtFields
    if (first === undefined) return []
    const json = JSON.stringify(text)
    return [this.#chunk(second === undefined ? `{"${first}":${json}}` : `{"${first}":${json},"${second}":${json}}`)]
  }

  #endThought({ text, opaque }: PartState): FramedEvent[] {
    const part = { kind: 'reasoning', text, style: 'raw', isRedacted: false, opaque } as const
    this.#seal.take(part)
    return opaque === undefined ? [] : this.#detail(opaque, text)
  }

  #detail(opaque: Opaque, text: string): FramedEvent[] {
    if (this.#thoughtFields.length === 0) return []
    const details = writeDetails({ ...signedText(opaque), text }, sealed(opaque), this.#details)
    this.#details += details.length
    return details.length === 0 ? [] : [this.#delta({ reasoning_details: details })]
  }

  #opaque(state: PartState, opaque: Opaque): FramedEvent[] {
    if (state.kind === 'tool_call') {
      const call = { index: state.call, extra_content: signatureAtCall(opaque) }
      return this.#isOlder ? [] : [this.#delta({ tool_calls: [call] })]
    }
    state.opaque = opaque
    return []
  }

  #medium(state: PartState, text: string): FramedEvent[] {
    if (text === '') return []
    if (state.media?.medium === 'audio') {
      const id = (state.id ??= `audio_${this.#context.ids.hex(32)}`)
      return [this.#delta({ audio: { id, data: text } })]
    }
    state.text += text
    return []
  }

  #endMedium({ media, text }: PartState): FramedEvent[] {
    const url =
      media?.medium === 'image'
        ? imageUrl('base64' in media.source ? { ...media, source: { base64: text } } : media)
        : undefined
    if (url === undefined) {
      if (media?.medium !== 'audio') this.#context.notes?.lose('dropped:answer_field', media?.medium)
      return []
    }
    const image = { type: 'image_url', image_url: { url }, index: this.#images }
    this.#images += 1
    return [this.#delta({ images: [image] })]
  }

  #delta(delta: JsonObject): FramedEvent {
    return this.#chunk(JSON.stringify(delta))
  }

  #chunk(delta: string): FramedEvent {
    return { data: `${this.#prefix}${delta}${this.#suffix}` }
  }
}

interface HeldCall {
  readonly state: PartState
  readonly call: JsonObject
}

interface PartState {
  readonly kind: PartHead['kind']
  /** Of thoughts, for what seals them; of media that are told as a whole. */
  text: string
  isCustom: boolean
  /** Number among the calls of its choice. */
  call: number
  media: MediaPart | undefined
  opaque: Opaque | undefined
  isEmpty: boolean
  /** Code points of the texts in front of it. */
  readonly before: number
  /** Its own. */
  points: number
  /** Of audio. */
  id?: string
}
