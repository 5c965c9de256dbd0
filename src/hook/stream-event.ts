import type { StreamForm } from '#core/endpoint.ts'
import { asBuffer, concat, encode } from '#kit/bytes.ts'
import { asObject } from '#kit/json-value.ts'
import { startOfElement } from '#wire/element-scanner.ts'
import type { StreamPiece } from '#wire/stream-pieces.ts'
import { Misfit } from './run.ts'

/** What `onStreamChunk` may give, read without trust: nothing, `drop`, or what the event says from now on. */
export type EventChange = undefined | 'drop' | { readonly data: string; readonly event: string | undefined }

export function readEvent(given: unknown): EventChange {
  if (given === undefined) return undefined
  if (given === null) return 'drop'
  if (typeof given === 'string') return { data: given, event: undefined }
  const { data, event } = asObject(given) ?? {}
  if (typeof data !== 'string') throw new Misfit('it gave an event whose "data" is no text')
  if (event !== undefined && (typeof event !== 'string' || /[\r\n]/.test(event))) {
    throw new Misfit('it gave an event whose "event" is no text of one line')
  }
  return { data, event }
}

/** What hooks are shown of a piece; undefined: it says nothing, or is the mark of the end. */
export function shownOf({ data }: StreamPiece, form: StreamForm): string | undefined {
  if (data === undefined || data === '[DONE]') return undefined
  // Of an array: its end, and an object that stands in none.
  if (form === 'gemini_array' && !data.startsWith('{')) return undefined
  return data
}

/** Writes the pieces of one stream, those that were changed and those that were left out too. */
export class EventWriter {
  readonly #form: StreamForm
  /** The first element of an array was left out, and its opening bracket with it. */
  #lacksOpening = false
  #hasElements = false

  constructor(form: StreamForm) {
    this.#form = form
  }

  /** As it came. */
  plain({ raw }: StreamPiece): Uint8Array {
    if (this.#form !== 'gemini_array') return raw
    const { lead, rest } = parted(raw)
    const isElement = rest.startsWith('{')
    if (!this.#lacksOpening) {
      this.#hasElements ||= isElement
      return raw
    }
    this.#lacksOpening = false
    this.#hasElements = isElement
    return encode(`[${lead.replace(',', '')}${rest}`)
  }

  drop({ raw }: StreamPiece): void {
    if (this.#form === 'gemini_array' && !this.#hasElements) this.#lacksOpening ||= parted(raw).lead.includes('[')
  }

  changed(piece: StreamPiece, { data, event }: Exclude<EventChange, undefined | 'drop'>): Uint8Array {
    const oneLine = (): string => data.replaceAll(/[\r\n]+/g, ' ')
    if (this.#form === 'ndjson') return encode(`${oneLine()}\n`)
    if (this.#form === 'gemini_array') {
      const lead = this.#lacksOpening ? '[' : parted(piece.raw).lead
      this.#lacksOpening = false
      this.#hasElements = true
      return encode(lead + data)
    }
    return sseBlock(piece, data, event ?? piece.event)
  }
}

/** Other fields of the event, such as its id, and comments stay where they were. */
function sseBlock({ raw }: StreamPiece, data: string, event: string): Uint8Array {
  const lines = asBuffer(raw)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
  const others = lines.filter((line) => line !== '' && !/^(?:data|event)(?::|$)/.test(line))
  const told = data.split(/\r\n|\n|\r/).map((line) => `data: ${line}`)
  const name = event === '' ? [] : [`event: ${event}`]
  return concat([encode([...others, ...name, ...told, '', ''].join('\n'))])
}

/** What separates an element of an array from the one before it, and the element. */
function parted(raw: Uint8Array): { readonly lead: string; readonly rest: string } {
  const text = asBuffer(raw).toString('utf8')
  const at = startOfElement(text)
  return { lead: text.slice(0, at), rest: text.slice(at) }
}
