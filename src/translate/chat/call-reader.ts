import { asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { IdSource } from '#translate/codec.ts'
import type { CommonEvent, Opaque } from '#translate/common.ts'
import { JsonEnd } from '#translate/json-end.ts'
import { callId } from './call-id.ts'
import { signatureIn } from './read-calls.ts'

/** A call that comes in pieces. */
interface StreamedCall {
  /** As the server wrote it; empty as long as it did not. */
  id: string
  name: string
  readonly isCustom: boolean
  /** -1: not begun, since its name is not known. */
  part: number
  /** Arguments that came before the name. */
  early: string
  opaque: Opaque | undefined
  /** Arguments that nobody had to look at so far, and where they end. */
  unread: string[]
  readonly args: JsonEnd
}

/** The calls of one choice: which piece belongs to which, whatever numbers and ids servers give them. */
export class CallReader {
  readonly #choice: number
  readonly #ids: IdSource
  readonly #taken: Set<string>
  readonly #byIndex = new Map<number, StreamedCall>()
  readonly #all: StreamedCall[] = []

  constructor(choice: number, ids: IdSource, taken: Set<string>) {
    this.#choice = choice
    this.#ids = ids
    this.#taken = taken
  }

  /** One entry of `tool_calls`; gives the number that the next part will have. */
  read(piece: JsonObject, at: number, nextPart: number, events: CommonEvent[]): number {
    const custom = asObject(piece['custom'])
    const told = custom ?? asObject(piece['function']) ?? {}
    const id = asText(piece['id']) ?? ''
    const name = asText(told['name']) ?? ''
    const text = textOf(custom === undefined ? told['arguments'] : told['input'])
    const call = this.#callOf(piece, at, { id, name, text }, custom !== undefined)
    if (call.id === '') call.id = id
    // Some servers tell the name with every piece.
    if (call.name === '') call.name = name
    if (text !== '') call.unread.push(text)
    const opaque = signatureIn(piece)
    if (call.part === -1 && call.name === '') {
      call.early += text
      call.opaque ??= opaque
      return nextPart
    }
    const next = this.#begin(call, nextPart, events)
    if (opaque !== undefined)
      events.push({ event: 'part_meta', choice: this.#choice, part: call.part, meta: { opaque } })
    if (text !== '') events.push({ event: 'part_delta', choice: this.#choice, part: call.part, text })
    return next
  }

  /** Ends all of them, in the order of their parts. */
  close(nextPart: number, events: CommonEvent[]): number {
    let next = nextPart
    for (const call of this.#all) next = this.#begin(call, next, events)
    for (const { part } of this.#all) events.push({ event: 'part_end', choice: this.#choice, part })
    this.#all.length = 0
    this.#byIndex.clear()
    return next
  }

  #callOf(piece: JsonObject, at: number, said: Said, isCustom: boolean): StreamedCall {
    const { id, name } = said
    const told = asNumber(piece['index'])
    const index = told ?? at
    const byId = told === undefined && id !== '' ? this.#all.find((call) => call.id === id) : undefined
    const known = byId ?? this.#byIndex.get(index)
    // Servers that give every call the same number tell them apart by their ids.
    const isOther = known !== undefined && id !== '' && name !== '' && known.id !== '' && known.id !== id
    if (known !== undefined && !isOther && !isNextWhole(known, said)) return known
    const call: StreamedCall = {
      id: '',
      name: '',
      isCustom,
      part: -1,
      early: '',
      opaque: undefined,
      unread: [],
      args: new JsonEnd(),
    }
    this.#byIndex.set(index, call)
    this.#all.push(call)
    return call
  }

  #begin(call: StreamedCall, nextPart: number, events: CommonEvent[]): number {
    if (call.part !== -1) return nextPart
    const { name, isCustom, early, opaque } = call
    const choice = this.#choice
    call.part = nextPart
    const id = callId(call.id, this.#taken, this.#ids)
    const head = { kind: 'tool_call', id, name, isCustom, tool: 'function' } as const
    events.push({ event: 'part_start', choice, part: nextPart, head })
    if (opaque !== undefined) events.push({ event: 'part_meta', choice, part: nextPart, meta: { opaque } })
    if (early !== '') events.push({ event: 'part_delta', choice, part: nextPart, text: early })
    return nextPart + 1
  }
}

/** What a piece tells of its call. */
interface Said {
  readonly id: string
  readonly name: string
  readonly text: string
}

/** Servers without ids tell whole calls one after the other: what has a name again, behind whole arguments, is another one. */
function isNextWhole(known: StreamedCall, { id, name, text }: Said): boolean {
  if (id !== '' || name === '' || known.name === '' || known.isCustom) return false
  if (name === known.name && text.trim() === '') return false
  for (const unread of known.unread) if (!known.args.isComplete) known.args.push(unread)
  known.unread = []
  return known.args.isComplete
}

/** Arguments are a text; some servers write an object. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : ''
}
