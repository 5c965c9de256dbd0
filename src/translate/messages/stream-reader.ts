import { asNumber, asObject, asText, type JsonObject, parseJson } from '#kit/json-value.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { CommonError, CommonEvent, Finish, PartHead, PartMeta } from '#translate/common.ts'
import { errorWithin } from '#translate/errors.ts'
import { tellUnreadOfBlock, tellUnreadOfChange, tellUnreadOfMessage } from './answer-members.ts'
import { annotationOf, codePointsOf } from './citations.ts'
import { NativeBlock } from './native-block.ts'
import { callerOf } from './read-blocks.ts'
import { redactedOpaque, signatureOpaque } from './signed.ts'
import { incomplete, spliced, unreadable } from './stream-faults.ts'
import { readStop } from './stop.ts'
import { UsageCount } from './usage.ts'

interface OpenBlock {
  readonly kind: 'text' | 'thinking' | 'tool_use' | 'native'
  /** Of the common form; -1 until it has something to say. */
  part: number
  codePoints: number
  citations: JsonObject[] | undefined
  signature: string
  readonly native: NativeBlock | undefined
}

/** Anthropic's events → common events. Blocks are kept apart by their index, though only one is open at a time. */
export class MessagesStreamReader implements StreamReader {
  readonly #facts: AnswerFacts
  readonly #blocks = new Map<number, OpenBlock>()
  readonly #usage = new UsageCount()
  #parts = 0
  #id: string | undefined
  #isStarted = false
  #isOver = false
  #finish: Finish | undefined

  constructor(facts: AnswerFacts) {
    this.#facts = facts
  }

  push(name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return nothing
    const event = asObject(parseJson(data))
    if (event === undefined) return this.#unreadable(data)
    const out: CommonEvent[] = []
    switch (asText(event['type']) ?? name) {
      case 'content_block_delta':
        this.#delta(event, out)
        break
      case 'content_block_start':
        this.#open(event, out)
        break
      case 'content_block_stop':
        this.#close(asNumber(event['index']) ?? 0, out)
        break
      case 'message_start':
        this.#begin(asObject(event['message']) ?? {}, out)
        break
      case 'message_delta':
        this.#change(event, out)
        break
      case 'message_stop':
        this.#complete(out)
        break
      case 'ping':
        return keepalive
      case 'error':
        this.#fail(errorWithin(errorWordsOf(event)), out)
        break
      default:
        break
    }
    return out
  }

  end(): readonly CommonEvent[] {
    if (this.#isOver) return nothing
    const out: CommonEvent[] = []
    if (this.#finish !== undefined) this.#complete(out)
    else this.#fail(incomplete, out)
    return out
  }

  #unreadable(data: string): readonly CommonEvent[] {
    const text = data.trim()
    if (text === '' || text === '[DONE]') return nothing
    if (/^"?ping"?$/i.test(text)) return keepalive
    const out: CommonEvent[] = []
    this.#fail(unreadable, out)
    return out
  }

  /** A server in between that asked again shows it by a second beginning. */
  #begin(message: JsonObject, out: CommonEvent[]): void {
    const id = asText(message['id'])
    if (this.#isStarted && id !== this.#id) {
      if (this.#parts > 0) return this.#fail(spliced, out)
      this.#blocks.clear()
      this.#finish = undefined
    }
    this.#id = id
    tellUnreadOfMessage(message, this.#facts.notes)
    this.#start(id, asText(message['model']), out, asText(asObject(message['usage'])?.['service_tier']))
    const usage = asObject(message['usage'])
    if (usage === undefined) return
    this.#usage.take(usage)
    out.push({ event: 'usage', usage: this.#usage.total })
  }

  #start(id: string | undefined, model: string | undefined, out: CommonEvent[], tier?: string): void {
    if (this.#isStarted) return
    this.#isStarted = true
    const { ids, nowSeconds } = this.#facts
    const known = id === undefined || id === '' ? `msg_${ids.base62(24)}` : id
    const name = model === undefined || model === '' ? this.#facts.model : model
    out.push({ event: 'start', id: known, model: name, createdAt: nowSeconds, tier })
  }

  #open(event: JsonObject, out: CommonEvent[]): void {
    const index = asNumber(event['index']) ?? 0
    this.#close(index, out)
    this.#start(undefined, undefined, out)
    const content = asObject(event['content_block']) ?? {}
    tellUnreadOfBlock(content, this.#facts.notes)
    switch (content['type']) {
      case 'text':
        this.#openText(this.#block(index, 'text'), content, out)
        break
      case 'thinking':
        this.#openThinking(this.#block(index, 'thinking'), content, out)
        break
      case 'redacted_thinking':
        this.#redacted(content, out)
        break
      case 'tool_use':
        if (callerOf(content) === undefined) this.#openCall(index, content, out)
        else this.#block(index, 'native', new NativeBlock(content))
        break
      default:
        this.#block(index, 'native', new NativeBlock(content))
    }
  }

  #block(index: number, kind: OpenBlock['kind'], native?: NativeBlock): OpenBlock {
    const block: OpenBlock = { kind, part: -1, codePoints: 0, citations: undefined, signature: '', native }
    this.#blocks.set(index, block)
    return block
  }

  #openText(block: OpenBlock, content: JsonObject, out: CommonEvent[]): void {
    this.#say(block, asText(content['text']) ?? '', textHead, out)
    const { citations } = content
    if (!Array.isArray(citations)) return
    for (const value of citations) cite(block, asObject(value))
  }

  #openThinking(block: OpenBlock, content: JsonObject, out: CommonEvent[]): void {
    block.signature = asText(content['signature']) ?? ''
    this.#say(block, asText(content['thinking']) ?? '', thinkingHead, out)
  }

  #openCall(index: number, content: JsonObject, out: CommonEvent[]): void {
    const block = this.#block(index, 'tool_use')
    const head: PartHead = {
      kind: 'tool_call',
      id: asText(content['id']) ?? '',
      name: asText(content['name']) ?? '',
      isCustom: false,
      tool: 'function',
    }
    this.#startPart(block, head, out)
    const input = asObject(content['input'])
    // `{}` is where every call begins; what follows is its arguments.
    if (input !== undefined && Object.keys(input).length > 0) this.#say(block, JSON.stringify(input), head, out)
  }

  #redacted(content: JsonObject, out: CommonEvent[]): void {
    const part = this.#parts
    this.#parts += 1
    const meta = { opaque: redactedOpaque(asText(content['data']) ?? '', this.#facts.profile) }
    out.push({ event: 'part_start', choice: 0, part, head: redactedHead })
    out.push({ event: 'part_meta', choice: 0, part, meta })
    out.push({ event: 'part_end', choice: 0, part })
  }

  #startPart(block: OpenBlock, head: PartHead, out: CommonEvent[]): void {
    if (block.part !== -1) return
    block.part = this.#parts
    this.#parts += 1
    out.push({ event: 'part_start', choice: 0, part: block.part, head })
  }

  #say(block: OpenBlock, text: string, head: PartHead, out: CommonEvent[]): void {
    if (text === '') return
    this.#startPart(block, head, out)
    out.push({ event: 'part_delta', choice: 0, part: block.part, text })
    if (block.kind === 'text') block.codePoints += codePointsOf(text)
  }

  #delta(event: JsonObject, out: CommonEvent[]): void {
    const delta = asObject(event['delta'])
    if (delta === undefined) return
    const index = asNumber(event['index']) ?? 0
    const block = this.#blocks.get(index) ?? this.#missed(index, delta, out)
    if (block === undefined) return
    switch (block.kind) {
      case 'text':
        if (delta['type'] === 'citations_delta') cite(block, asObject(delta['citation']))
        else if (delta['type'] === 'text_delta') this.#say(block, asText(delta['text']) ?? '', textHead, out)
        break
      case 'thinking':
        if (delta['type'] === 'signature_delta') block.signature = asText(delta['signature']) ?? block.signature
        else if (delta['type'] === 'thinking_delta')
          this.#say(block, asText(delta['thinking']) ?? '', thinkingHead, out)
        break
      case 'tool_use':
        // The head was told with the start.
        if (delta['type'] === 'input_json_delta') this.#say(block, asText(delta['partial_json']) ?? '', textHead, out)
        break
      case 'native':
        block.native?.add(delta)
    }
  }

  /** Some servers leave out the start of a block. */
  #missed(index: number, delta: JsonObject, out: CommonEvent[]): OpenBlock | undefined {
    const kind = delta['type'] === 'text_delta' ? 'text' : delta['type'] === 'thinking_delta' ? 'thinking' : undefined
    if (kind === undefined) return undefined
    this.#start(undefined, undefined, out)
    return this.#block(index, kind)
  }

  #close(index: number, out: CommonEvent[]): void {
    const block = this.#blocks.get(index)
    if (block === undefined) return
    this.#blocks.delete(index)
    if (block.native !== undefined) {
      this.#startPart(block, { kind: 'native', part: block.native.part() }, out)
    } else if (block.signature !== '') {
      this.#startPart(block, thinkingHead, out)
      this.#tell(block, { opaque: signatureOpaque(block.signature, this.#facts.profile) }, out)
    }
    if (block.part === -1) {
      if (block.citations !== undefined) this.#facts.notes?.lose('dropped:citations')
      return
    }
    if (block.citations !== undefined) {
      for (const citation of block.citations) this.#tell(block, { annotation: citationMeta(citation, block) }, out)
    }
    out.push({ event: 'part_end', choice: 0, part: block.part })
  }

  #tell(block: OpenBlock, meta: PartMeta, out: CommonEvent[]): void {
    out.push({ event: 'part_meta', choice: 0, part: block.part, meta })
  }

  /** A later word about the end overrules the earlier one, so that it is told only when nothing can follow. */
  #change(event: JsonObject, out: CommonEvent[]): void {
    this.#start(undefined, undefined, out)
    const usage = asObject(event['usage'])
    if (usage !== undefined) this.#usage.take(usage)
    const delta = asObject(event['delta'])
    tellUnreadOfChange(event, delta ?? {}, this.#facts.notes)
    if (delta !== undefined) this.#finish = readStop(delta) ?? this.#finish
  }

  #complete(out: CommonEvent[]): void {
    if (this.#finish === undefined && this.#parts === 0) return this.#fail(incomplete, out)
    this.#closeAll(out)
    out.push({ event: 'usage', usage: this.#usage.total })
    out.push({ event: 'finish', choice: 0, finish: this.#finish ?? { reason: 'stop' } })
    out.push({ event: 'end' })
    this.#isOver = true
  }

  #closeAll(out: CommonEvent[]): void {
    for (const index of this.#blocks.keys()) this.#close(index, out)
  }

  #fail(error: CommonError, out: CommonEvent[]): void {
    this.#isOver = true
    out.push({ event: 'error', error })
  }
}

const nothing: readonly CommonEvent[] = []
const keepalive: readonly CommonEvent[] = [{ event: 'keepalive' }]

const textHead: PartHead = { kind: 'text' }
const thinkingHead: PartHead = { kind: 'reasoning', style: 'summary', isRedacted: false }
const redactedHead: PartHead = { kind: 'reasoning', style: 'summary', isRedacted: true }

function cite(block: OpenBlock, citation: JsonObject | undefined): void {
  if (citation === undefined) return
  block.citations ??= []
  block.citations.push(citation)
}

function citationMeta(citation: JsonObject, block: OpenBlock): PartMeta['annotation'] {
  return { ...annotationOf(citation, ''), end: block.codePoints }
}

function errorWordsOf(event: JsonObject): { readonly message: string; readonly type: string | undefined } {
  const error = asObject(event['error'])
  return { message: asText(error?.['message']) ?? 'the backend reported an error', type: asText(error?.['type']) }
}
