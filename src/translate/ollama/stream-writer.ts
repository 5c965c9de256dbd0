import type { JsonObject } from '#kit/json-value.ts'
import { brokenOff, noEvents } from '#translate/chat/stream-words.ts'
import type { AnswerContext, FramedEvent, StreamWriter } from '#translate/codec.ts'
import type { CommonError, CommonEvent, Finish, MediaPart, PartHead, PartMeta, Usage } from '#translate/common.ts'
import { errorEnvelope } from '#translate/errors.ts'
import { endOf, headOf, isGenerate, showsThoughts, writeCall, writeLogprobs } from './answer-words.ts'

/** Common events → lines of Ollama. What all lines share is written once, and texts are put between it. */
export class OllamaWriter implements StreamWriter {
  /** A call is told whole. */
  readonly order = 'serial'
  readonly #context: AnswerContext
  readonly #isGenerate: boolean
  readonly #showsThoughts: boolean
  /** What stands in front of a text, of a thought, and behind both. */
  #head = ''
  #beforeText = ''
  #beforeThought = ''
  #behind = ''
  /** Of the open part. */
  #part: PartHead | undefined
  #gathered: string[] = []
  #transcript = ''
  #calls = 0
  #saidLength = 0
  #hasText = false
  #usage: Usage | undefined
  #finish: Finish | undefined
  #isOver = false

  constructor(context: AnswerContext) {
    this.#context = context
    this.#isGenerate = isGenerate(context)
    this.#showsThoughts = showsThoughts(context)
    this.#prepare(undefined)
  }

  write(event: CommonEvent): readonly FramedEvent[] {
    if (this.#isOver || ('choice' in event && event.choice !== 0)) return noEvents
    switch (event.event) {
      case 'part_delta':
        return this.#delta(event.text)
      case 'start':
        this.#prepare(event.createdAt)
        return noEvents
      case 'part_start':
        this.#part = event.head
        this.#gathered = []
        this.#transcript = ''
        return noEvents
      case 'part_meta':
        return this.#meta(event.meta)
      case 'part_end':
        return this.#endPart()
      case 'late_source':
        this.#context.notes?.lose('dropped:citations')
        return noEvents
      case 'usage':
        this.#usage = event.usage
        return noEvents
      case 'finish':
        if (event.finish.reason === 'error') return this.#fail(brokenOff)
        this.#finish = event.finish
        return noEvents
      case 'keepalive':
        return noEvents
      case 'error':
        return this.#fail(event.error)
      case 'end':
        return this.#end()
    }
  }

  #prepare(createdAt: number | undefined): void {
    this.#head = `${JSON.stringify(headOf(createdAt, this.#context)).slice(0, -1)},`
    const message = '"message":{"role":"assistant","content":'
    this.#beforeText = `${this.#head}${this.#isGenerate ? '"response":' : message}`
    this.#beforeThought = `${this.#beforeText}"","thinking":`
    this.#behind = this.#isGenerate ? ',"done":false}' : '},"done":false}'
  }

  #delta(text: string): readonly FramedEvent[] {
    switch (this.#part?.kind) {
      case 'text':
      case 'refusal':
        return this.#text(text)
      case 'reasoning':
        this.#saidLength += text.length
        if (!this.#showsThoughts) return noEvents
        return [{ data: this.#beforeThought + JSON.stringify(text) + this.#behind }]
      case 'tool_call':
      case 'media':
        this.#gathered.push(text)
        return noEvents
      case 'native':
      case undefined:
        return noEvents
    }
  }

  #text(text: string): readonly FramedEvent[] {
    if (text === '') return noEvents
    this.#hasText = true
    this.#saidLength += text.length
    return [{ data: this.#beforeText + JSON.stringify(text) + this.#behind }]
  }

  #meta({ logprobs, transcript, annotation }: PartMeta): readonly FramedEvent[] {
    if (annotation !== undefined) this.#context.notes?.lose('dropped:citations')
    this.#transcript += transcript ?? ''
    if (logprobs === undefined || logprobs.length === 0) return noEvents
    const told = JSON.stringify(writeLogprobs(logprobs))
    return [{ data: `${this.#beforeText}""${this.#behind.slice(0, -1)},"logprobs":${told}}` }]
  }

  #endPart(): readonly FramedEvent[] {
    const part = this.#part
    this.#part = undefined
    if (part?.kind === 'tool_call') return this.#call(part)
    return part?.kind === 'media' ? this.#media(part.part) : noEvents
  }

  #call(head: PartHead & { readonly kind: 'tool_call' }): readonly FramedEvent[] {
    const raw = this.#gathered.join('')
    const call = writeCall({ ...head, args: { raw } }, this.#calls)
    this.#calls += 1
    this.#saidLength += raw.length
    if (!this.#isGenerate) return [this.#line({ tool_calls: [call] })]
    this.#context.notes?.lose('dropped:answer_field', 'tool_calls')
    return noEvents
  }

  #media({ medium, source, transcript = '' }: MediaPart): readonly FramedEvent[] {
    const begun = 'base64' in source ? source.base64 : ''
    const data = begun + this.#gathered.join('')
    const said = transcript + this.#transcript
    if (medium !== 'image' && said !== '') return this.#text(said)
    if (medium !== 'image' || data === '') {
      this.#context.notes?.lose('dropped:answer_field', medium)
      return noEvents
    }
    return this.#isGenerate
      ? [{ data: `${this.#head}"response":"","image":${JSON.stringify(data)},"done":false}` }]
      : [this.#line({ images: [data] })]
  }

  #line(members: JsonObject): FramedEvent {
    const told = JSON.stringify(members).slice(1, -1)
    return { data: `${this.#beforeText}"",${told}${this.#behind}` }
  }

  #end(): readonly FramedEvent[] {
    this.#isOver = true
    const isSilentRefusal = !this.#hasText && this.#finish?.reason === 'content_filter'
    const explanation = isSilentRefusal ? (this.#finish?.explanation ?? '') : ''
    const end = JSON.stringify(endOf(this.#finish, this.#usage, this.#saidLength, this.#context)).slice(1)
    const closed = this.#isGenerate ? ',' : '},'
    return [{ data: this.#beforeText + JSON.stringify(explanation) + closed + end }]
  }

  #fail(error: CommonError): readonly FramedEvent[] {
    this.#isOver = true
    return [{ data: JSON.stringify(errorEnvelope(error, 'ollama', this.#context.requestId)) }]
  }
}
