import { asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts, StreamReader } from '#translate/codec.ts'
import type { Annotation, CommonEvent, Finish, PartHead } from '#translate/common.ts'
import { errorWithin, wordsOf, type ErrorWords } from '#translate/errors.ts'
import { finishFrom } from './finish.ts'
import { tellUnread } from '#translate/unread.ts'
import {
  annotationFrom,
  blockIndex,
  callId,
  deltaMembers,
  eventMembers,
  isServers,
  mediaFrom,
  nativeOf,
  opaqueOf,
  tellUnreadFields,
} from './read-blocks.ts'
import { usageFrom } from './usage.ts'

/** A block of the answer that is being told. */
interface OpenBlock {
  readonly index: number
  kind: 'unknown' | 'text' | 'reasoning' | 'tool_call' | 'media' | 'native'
  /** -1 until there is something in it. */
  part: number
  hasDelta: boolean
  /** Its `contentBlockStart`. */
  readonly start: JsonObject | undefined
  /** A signature, or what may not be read, which may come in pieces. */
  opaque: string
  isRedacted: boolean
  /** Pieces of a picture. */
  bytes: Buffer[]
  /** Sources that came before its text. */
  readonly early: Annotation[]
}

/** Events of ConverseStream → common events. Blocks of text have no beginning there; the usage comes behind the end. */
export class ConverseStreamReader implements StreamReader {
  readonly #facts: AnswerFacts
  #hasStarted = false
  #block: OpenBlock | undefined
  #partCount = 0
  #finish: Finish | undefined
  #hasMetadata = false
  #isOver = false

  constructor(facts: AnswerFacts) {
    this.#facts = facts
  }

  push(name: string, data: string): readonly CommonEvent[] {
    if (this.#isOver) return none
    const event = asObject(parseJson(data))
    if (event === undefined) return data.trim() === 'ping' ? keepalive : this.#fail(unreadable)
    if (name === 'exception') return this.#fail(wordsOf(event) ?? unreadable)
    const events: CommonEvent[] = []
    this.#start(events)
    this.#read(name, event, events)
    if (this.#finish !== undefined && this.#hasMetadata) this.#end(this.#finish, events)
    return events
  }

  end(): readonly CommonEvent[] {
    if (this.#isOver) return none
    const events: CommonEvent[] = []
    if (this.#finish !== undefined) this.#end(this.#finish, events)
    else {
      this.#close(events)
      this.#isOver = true
      events.push({ event: 'error', error: errorWithin(cut) })
    }
    return events
  }

  #read(name: string, event: JsonObject, events: CommonEvent[]): void {
    const members = eventMembers.get(name)
    if (members !== undefined) tellUnread(event, members, `${name}.`, this.#facts.notes)
    switch (name) {
      case 'contentBlockStart':
        this.#open(blockIndex(event), asObject(event['start']), events)
        break
      case 'contentBlockDelta':
        this.#takeDelta(this.#blockAt(blockIndex(event), events), asObject(event['delta']), events)
        break
      case 'contentBlockStop':
        if (this.#block?.index === blockIndex(event)) this.#close(events)
        break
      case 'messageStop':
        this.#close(events)
        tellUnreadFields(event['additionalModelResponseFields'], this.#facts.notes)
        this.#finish = finishFrom(asText(event['stopReason']) ?? '', event['additionalModelResponseFields'])
        break
      case 'metadata': {
        const usage = usageFrom(event['usage'])
        if (usage !== undefined) events.push({ event: 'usage', usage })
        this.#hasMetadata = true
        const tier = asText(asObject(event['serviceTier'])?.['type'])
        // Whoever is told of it is told at the beginning.
        if (tier !== undefined && tier !== 'default') this.#facts.notes?.lose('dropped:service_tier')
      }
    }
  }

  #start(events: CommonEvent[]): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    const { ids, model, nowSeconds } = this.#facts
    events.push({ event: 'start', id: `msg_${ids.base62(24)}`, model, createdAt: nowSeconds })
  }

  #blockAt(index: number, events: CommonEvent[]): OpenBlock {
    const block = this.#block
    return block?.index === index ? block : this.#open(index, undefined, events)
  }

  #open(index: number, start: JsonObject | undefined, events: CommonEvent[]): OpenBlock {
    this.#close(events)
    const call = asObject(start?.['toolUse'])
    const kind = call === undefined ? kindOfStart(start) : isServers(call) ? 'native' : 'tool_call'
    const block: OpenBlock = {
      index,
      kind,
      part: -1,
      hasDelta: false,
      start,
      opaque: '',
      isRedacted: false,
      bytes: [],
      early: [],
    }
    this.#block = block
    if (call !== undefined && kind === 'tool_call') {
      const id = callId(call, this.#facts)
      const name = asText(call['name']) ?? ''
      this.#begin(block, { kind: 'tool_call', id, name, isCustom: false, tool: 'function' }, events)
    }
    return block
  }

  #begin(block: OpenBlock, head: PartHead, events: CommonEvent[]): void {
    block.part = this.#partCount
    this.#partCount += 1
    events.push({ event: 'part_start', choice: 0, part: block.part, head })
  }

  #takeDelta(block: OpenBlock, delta: JsonObject | undefined, events: CommonEvent[]): void {
    if (delta === undefined) return
    tellUnread(delta, deltaMembers, 'delta.', this.#facts.notes)
    const text = asText(delta['text'])
    if (text !== undefined) return this.#takeText(block, text, events)
    const thought = asObject(delta['reasoningContent'])
    if (thought !== undefined) return this.#takeThought(block, thought, events)
    const input = asText(asObject(delta['toolUse'])?.['input'])
    if (input !== undefined && block.kind === 'tool_call') return this.#tell(block, input, events)
    const annotation = annotationFrom(delta['citation'])
    if (annotation !== undefined && block.part !== -1) {
      events.push({ event: 'part_meta', choice: 0, part: block.part, meta: { annotation } })
    } else if (annotation !== undefined) block.early.push(annotation)
    const media = asText(asObject(asObject(delta['image'])?.['source'])?.['bytes'])
    if (media !== undefined && block.kind === 'media') block.bytes.push(Buffer.from(media, 'base64'))
  }

  #takeText(block: OpenBlock, text: string, events: CommonEvent[]): void {
    if (text === '') return
    if (block.part === -1) {
      block.kind = 'text'
      this.#begin(block, { kind: 'text' }, events)
      for (const annotation of block.early.splice(0)) {
        events.push({ event: 'part_meta', choice: 0, part: block.part, meta: { annotation } })
      }
    }
    if (block.kind === 'text') this.#tell(block, text, events)
  }

  #takeThought(block: OpenBlock, thought: JsonObject, events: CommonEvent[]): void {
    const text = asText(thought['text']) ?? ''
    const redacted = asText(thought['redactedContent']) ?? ''
    const opaque = redacted + (asText(thought['signature']) ?? '')
    if (text === '' && opaque === '') return
    if (block.part === -1) {
      block.kind = 'reasoning'
      block.isRedacted = redacted !== ''
      this.#begin(block, { kind: 'reasoning', style: 'summary', isRedacted: block.isRedacted }, events)
    }
    if (block.kind !== 'reasoning') return
    block.opaque += opaque
    this.#tell(block, text, events)
  }

  #tell(block: OpenBlock, text: string, events: CommonEvent[]): void {
    if (text === '') return
    block.hasDelta = true
    events.push({ event: 'part_delta', choice: 0, part: block.part, text })
  }

  #close(events: CommonEvent[]): void {
    const block = this.#block
    if (block === undefined) return
    this.#block = undefined
    if (block.early.length > 0) this.#facts.notes?.lose('dropped:citations')
    if (block.kind === 'media' || block.kind === 'native') this.#beginWhole(block, events)
    if (block.part === -1) return
    if (block.kind === 'tool_call' && !block.hasDelta) this.#tell(block, '{}', events)
    if (block.opaque !== '') {
      const opaque = opaqueOf(block.isRedacted ? 'redacted' : 'signature', block.opaque, this.#facts)
      events.push({ event: 'part_meta', choice: 0, part: block.part, meta: { opaque } })
    }
    events.push({ event: 'part_end', choice: 0, part: block.part })
  }

  /** What is of use only as a whole. */
  #beginWhole(block: OpenBlock, events: CommonEvent[]): void {
    const { start = {}, bytes } = block
    if (block.kind === 'native') {
      const type = Object.keys(start)[0] ?? ''
      return this.#begin(block, { kind: 'native', part: nativeOf(type, start) }, events)
    }
    const source = { bytes: Buffer.concat(bytes).toString('base64') }
    const part = bytes.length === 0 ? undefined : mediaFrom({ image: { ...asObject(start['image']), source } })
    if (part !== undefined) this.#begin(block, { kind: 'media', part }, events)
  }

  #end(finish: Finish, events: CommonEvent[]): void {
    this.#isOver = true
    events.push({ event: 'finish', choice: 0, finish }, { event: 'end' })
  }

  #fail(words: ErrorWords): readonly CommonEvent[] {
    this.#isOver = true
    return [{ event: 'error', error: errorWithin(words) }]
  }
}

const none: readonly CommonEvent[] = []
const keepalive: readonly CommonEvent[] = [{ event: 'keepalive' }]

const unreadable: ErrorWords = { message: 'Cannot read the stream of the backend: an event is no JSON object' }
const cut: ErrorWords = {
  message: 'Cannot finish the answer: the stream of the backend ended early',
  code: 'stream_incomplete',
}

function kindOfStart(start: JsonObject | undefined): OpenBlock['kind'] {
  if (start === undefined || Object.keys(start).length === 0) return 'unknown'
  return asObject(start['image']) === undefined ? 'native' : 'media'
}
