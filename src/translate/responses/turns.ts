import type { Message, Opaque, Part, ReasoningPart, ToolResultPart } from '#translate/common.ts'

/**
 * Items in a row → turns: thoughts, messages and calls of the model that stand together are one message of its own, and so
 * are the results that follow each other.
 */
export class Turns {
  readonly #messages: Message[] = []
  #placeById = new Map<string, Part>()
  #own: Part[] = []
  #ownHead: Pick<Message, 'id' | 'phase'> = {}
  /** There is more in it than thoughts. */
  #hasMore = false
  #endsWithMessage = false
  #results: ToolResultPart[] = []

  /** Thoughts, calls and what only this API knows. */
  addOwn(part: Part): void {
    this.#closeResults()
    this.#own.push(part)
    this.#hasMore ||= part.kind !== 'reasoning'
    if (part.kind === 'tool_call' && part.id !== '') this.#placeById.set(part.id, part)
    this.#endsWithMessage = false
  }

  /** A message of the model. Two in a row are two messages: nothing says that they belong together. */
  addOwnMessage(parts: readonly Part[], head: Pick<Message, 'id' | 'phase'>): void {
    this.#closeResults()
    if (this.#endsWithMessage) this.#closeOwn()
    if (!this.#hasMore) this.#ownHead = head
    for (const part of parts) this.#own.push(part)
    this.#hasMore ||= parts.length > 0
    const text = parts.find((part) => part.kind === 'text')
    if (head.id !== undefined && text !== undefined) this.#placeById.set(head.id, text)
    this.#endsWithMessage = true
  }

  addResult(result: ToolResultPart): void {
    this.#closeOwn()
    this.#results.push(result)
  }

  addOther(message: Message): void {
    this.#closeOwn()
    this.#closeResults()
    this.#messages.push(message)
  }

  close(): readonly Message[] {
    this.#closeOwn()
    this.#closeResults()
    return this.#messages
  }

  #closeOwn(): void {
    if (this.#own.length > 0) {
      const parts = withSignatures(this.#own, this.#placeById)
      this.#messages.push({ role: 'assistant', parts, placement: 'inline', ...this.#ownHead })
    }
    this.#own = []
    this.#placeById = new Map()
    this.#ownHead = {}
    this.#hasMore = false
    this.#endsWithMessage = false
  }

  #closeResults(): void {
    if (this.#results.length > 0) this.#messages.push({ role: 'user', parts: this.#results, placement: 'inline' })
    this.#results = []
  }
}

/**
 * Gemini signs calls and texts, which have no place for that in this API: an item of thoughts without text holds it, with
 * the id of what was signed, to which it returns. Clients that forget ids of messages get it to the text beside it.
 */
function withSignatures(parts: readonly Part[], placeById: ReadonlyMap<string, Part>): readonly Part[] {
  if (!parts.some(isSignatureOnly)) return parts
  const signed = new Map<Part, Opaque>()
  for (const [index, part] of parts.entries()) {
    if (!isSignatureOnly(part) || part.opaque === undefined) continue
    const { id, ...opaque } = part.opaque
    const owner = (id === undefined ? undefined : placeById.get(id)) ?? neighbour(parts, index, id)
    if (owner !== undefined && !signed.has(owner)) signed.set(owner, opaque)
  }
  return parts.flatMap((part) => {
    if (isSignatureOnly(part)) return []
    const opaque = signed.get(part)
    return opaque !== undefined && (part.kind === 'tool_call' || part.kind === 'text') ? [{ ...part, opaque }] : [part]
  })
}

function neighbour(parts: readonly Part[], index: number, id: string | undefined): Part | undefined {
  const next = parts.slice(index + 1).find((part) => !isSignatureOnly(part))
  const previous = parts.slice(0, index).findLast((part) => !isSignatureOnly(part))
  if (id?.startsWith('msg_') === true) return [previous, next].find((part) => part?.kind === 'text')
  return [next, previous].find((part) => part?.kind === 'tool_call' || part?.kind === 'text')
}

function isSignatureOnly(part: Part): part is ReasoningPart {
  if (part.kind !== 'reasoning' || part.text !== '' || part.opaque?.kind !== 'signature') return false
  return part.opaque.form === 'gemini' || part.opaque.family === 'gemini'
}
