import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { MediaPart, NativePart, ReasoningPart } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { argsText } from '#translate/tool-args.ts'
import { tellUnreadOfItem } from './answer-members.ts'
import { readAnnotation, readLogprobs } from './annotations.ts'
import { callerOf } from './built-ins.ts'
import { PartSource, type EventOut } from './part-source.ts'
import { betweenSummaries, encryptedOf, expandedCall, imageOf, isParallel, nativePart } from './read-output.ts'

/** An item of a stream on its way to parts. */
export interface ItemSource {
  /** As it stands when it is done; parts of it that were not told are told now. */
  finish(item: JsonObject): void
  /** Nothing more comes of it. */
  close(): void
}

export class MessageSource implements ItemSource {
  readonly #out: EventOut
  readonly #parts = new Map<number, PartSource>()

  readonly #notes: Notes | undefined
  #isDone = false

  constructor(out: EventOut, notes?: Notes) {
    this.#out = out
    this.#notes = notes
  }

  /** Texts follow each other: one ends when the next one begins. */
  part(index: number, kind: 'text' | 'refusal'): PartSource {
    const known = this.#parts.get(index)
    if (known !== undefined) return known
    const part = new PartSource(this.#out, { kind })
    this.#parts.set(index, part)
    return part
  }

  /** Its last text stays open until something else begins: some sources are told with the answer as a whole. */
  finish(item: JsonObject): void {
    this.#isDone = true
    tellUnreadOfItem({ type: 'message', ...item }, this.#notes)
    for (const [index, value] of asList(item['content']).entries()) {
      const content = asObject(value)
      if (content !== undefined) this.finishPart(index, content)
    }
  }

  finishPart(index: number, content: JsonObject): void {
    const isRefusal = content['type'] === 'refusal'
    const part = this.part(index, isRefusal ? 'refusal' : 'text')
    part.complete(asText(content[isRefusal ? 'refusal' : 'text']) ?? '')
    const sources = isRefusal ? [] : asList(content['annotations'])
    if (isRefusal || part.text === '') {
      if (sources.length > 0) this.#notes?.lose('dropped:citations')
      return
    }
    for (const value of asList(content['annotations']).slice(part.annotations)) annotate(part, value)
    addLogprobs(part, part.hasLogprobs ? undefined : content['logprobs'])
  }

  /** Something else begins; one that has more to say stays open. */
  makeRoom(): void {
    if (this.#isDone) this.close()
  }

  close(): void {
    for (const part of this.#parts.values()) part.end()
  }
}

export function annotate(part: PartSource, value: unknown): void {
  const annotation = readAnnotation(value)
  if (annotation === undefined) return
  part.annotations++
  part.meta({ annotation })
}

export function addLogprobs(part: PartSource, value: unknown): void {
  if (!Array.isArray(value) || value.length === 0) return
  const logprobs = readLogprobs(value)
  if (logprobs === undefined) return
  part.hasLogprobs = true
  part.meta({ logprobs })
}

/** Summaries in paragraphs, or the thoughts themselves: whatever comes first is told. */
export class ReasoningSource implements ItemSource {
  readonly #out: EventOut
  readonly #family: string
  #part: PartSource | undefined
  #style: ReasoningPart['style'] = 'summary'
  #index = 0
  /** Where the text of the paragraph begins. */
  #begin = 0

  readonly #notes: Notes | undefined

  constructor(out: EventOut, family: string, notes?: Notes) {
    this.#out = out
    this.#family = family
    this.#notes = notes
  }

  add(style: ReasoningPart['style'], index: number, text: string): void {
    if (text === '') return
    const part = this.#of(style, index)
    if (part === undefined) this.#notes?.lose('dropped:answer_field', 'output.content')
    part?.add(text)
  }

  complete(style: ReasoningPart['style'], index: number, whole: string): void {
    if (whole === '' || index < this.#index) return
    const part = this.#of(style, index)
    if (part === undefined) this.#notes?.lose('dropped:answer_field', 'output.content')
    part?.complete(part.text.slice(0, this.#begin) + whole)
  }

  finish(item: JsonObject): void {
    tellUnreadOfItem(item, this.#notes)
    for (const [index, text] of textsIn(item['summary']).entries()) this.complete('summary', index, text)
    for (const [index, text] of textsIn(item['content']).entries()) this.complete('raw', index, text)
    const opaque = encryptedOf(item, this.#family)
    if (opaque !== undefined) this.#opened('summary').meta({ opaque })
    this.close()
  }

  close(): void {
    this.#part?.end()
  }

  /** Undefined where thoughts of the other style are being told. */
  #of(style: ReasoningPart['style'], index: number): PartSource | undefined {
    const part = this.#opened(style)
    if (style !== this.#style) return undefined
    if (index !== this.#index && part.text !== '') {
      if (style === 'summary') part.add(betweenSummaries)
      this.#begin = part.text.length
    }
    this.#index = index
    return part
  }

  #opened(style: ReasoningPart['style']): PartSource {
    if (this.#part === undefined) {
      this.#style = style
      this.#part = new PartSource(this.#out, { kind: 'reasoning', style, isRedacted: false })
    }
    return this.#part
  }
}

function textsIn(value: unknown): readonly string[] {
  return asList(value).map((entry) => asText(asObject(entry)?.['text']) ?? '')
}

/** A call; told from its beginning, unless its name is not known yet or means several calls at once. */
export class CallSource implements ItemSource {
  readonly #out: EventOut
  readonly #facts: AnswerFacts
  readonly #isCustom: boolean
  #part: PartSource | undefined
  #held = ''
  #isOver = false

  constructor(out: EventOut, facts: AnswerFacts, isCustom: boolean) {
    this.#out = out
    this.#facts = facts
    this.#isCustom = isCustom
  }

  begin(item: JsonObject): void {
    const name = asText(item['name']) ?? ''
    if (name !== '' && !isParallel(name)) this.#open(item, name)
    this.add(asText(item[this.#argsName]) ?? '')
  }

  add(text: string): void {
    if (this.#part === undefined) this.#held += text
    else this.#part.add(text)
  }

  complete(whole: string): void {
    if (this.#part !== undefined) this.#part.complete(whole)
    else if (whole.length > this.#held.length) this.#held = whole
  }

  finish(item: JsonObject): void {
    if (this.#isOver) return
    tellUnreadOfItem(item, this.#facts.notes)
    const args = item[this.#argsName]
    const name = asText(item['name']) ?? ''
    this.complete(asText(args) ?? (args === undefined || args === null ? '' : argsText({ value: args })))
    if (this.#part === undefined) this.#finishHeld(item, name)
    this.close()
  }

  close(): void {
    if (this.#part === undefined && this.#held !== '' && !this.#isOver) this.#finishHeld({}, '')
    this.#isOver = true
    this.#part?.end()
  }

  get #argsName(): 'input' | 'arguments' {
    return this.#isCustom ? 'input' : 'arguments'
  }

  #open(item: JsonObject, name: string): PartSource {
    const id = asText(item['call_id']) ?? asText(item['id']) ?? ''
    return this.#openAs(id === '' ? `call_${this.#facts.ids.base62(24)}` : id, name, asText(item['namespace']))
  }

  #openAs(id: string, name: string, namespace: string | undefined): PartSource {
    const named = namespace === undefined ? { name } : { name, namespace }
    const part = new PartSource(this.#out, {
      kind: 'tool_call',
      id,
      ...named,
      isCustom: this.#isCustom,
      tool: 'function',
    })
    part.open()
    this.#out.calls++
    this.#part = part
    return part
  }

  #finishHeld(item: JsonObject, name: string): void {
    const calls = this.#isCustom ? undefined : expandedCall(name, asText(item['call_id']) ?? '', this.#held)
    if (calls === undefined) {
      this.#open(item, name).add(this.#held)
      return
    }
    for (const call of calls) {
      const part = this.#openAs(call.id, call.name, undefined)
      part.add(argsText(call.args))
      part.end()
    }
  }
}

/** An image, or what only this API knows; told when it is there. */
export class OtherSource implements ItemSource {
  readonly #out: EventOut
  #isOver = false

  constructor(out: EventOut) {
    this.#out = out
  }

  finish(item: JsonObject): void {
    if (this.#isOver) return
    this.#isOver = true
    const image = item['type'] === 'image_generation_call' ? imageOf(item) : undefined
    this.#tell(image ?? nativePart(item))
  }

  close(): void {
    this.#isOver = true
  }

  #tell(part: MediaPart | NativePart): void {
    const head = part.kind === 'media' ? ({ kind: 'media', part } as const) : ({ kind: 'native', part } as const)
    const source = new PartSource(this.#out, head)
    source.open()
    source.end()
  }
}

export function sourceFor(item: JsonObject, out: EventOut, facts: AnswerFacts): ItemSource {
  switch (item['type']) {
    case 'message':
      return new MessageSource(out, facts.notes)
    case 'reasoning':
      return new ReasoningSource(out, facts.profile.family, facts.notes)
    case 'function_call':
    case 'custom_tool_call': {
      // One that a program of the provider makes is answered by it, and nobody else can.
      if (callerOf(item) !== undefined) return new OtherSource(out)
      const call = new CallSource(out, facts, item['type'] === 'custom_tool_call')
      call.begin(item)
      return call
    }
    default:
      return new OtherSource(out)
  }
}
