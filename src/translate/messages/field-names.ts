import type { CommonRequest, Message, Part } from '#translate/common.ts'

/** Where a part stood in the request, as the client's form calls the place. Looked for only when somebody must be told. */
export class FieldNames {
  readonly #request: CommonRequest
  #places: ReadonlyMap<Part, Place> | undefined

  constructor(request: CommonRequest) {
    this.#request = request
  }

  of(part: Part): string {
    this.#places ??= placesIn(this.#request)
    const place = this.#places.get(part)
    if (place === undefined) return this.#list
    const { message, index, at } = place
    if (message.placement !== 'top') return this.#nameOf(message, index, at)
    return this.#request.form === 'messages' ? `system[${at[0]}]` : 'instructions'
  }

  #nameOf(message: Message, index: number, [first, ...inner]: readonly number[]): string {
    const { form } = this.#request
    const parts = form === 'gemini' ? 'parts' : 'content'
    const isItem = form === 'responses' && message.parts.length === 1 && message.parts[0]?.kind !== 'text'
    const outer = isItem ? `${this.#list}[${index}]` : `${this.#list}[${index}].${parts}[${first}]`
    return inner.length === 0 ? outer : `${outer}.content[${inner[0]}]`
  }

  get #list(): string {
    const { form } = this.#request
    return form === 'gemini' ? 'contents' : form === 'responses' ? 'input' : 'messages'
  }
}

interface Place {
  readonly message: Message
  /** Among those that do not stand at the top. */
  readonly index: number
  readonly at: readonly number[]
}

/** Of all parts at once, those within results too: a request may ask for each of very many. */
function placesIn({ messages }: CommonRequest): ReadonlyMap<Part, Place> {
  const places = new Map<Part, Place>()
  let index = 0
  for (const message of messages) {
    for (const [outer, part] of message.parts.entries()) {
      if (!places.has(part)) places.set(part, { message, index, at: [outer] })
      if (part.kind !== 'tool_result') continue
      for (const [inner, own] of part.parts.entries()) {
        if (!places.has(own)) places.set(own, { message, index, at: [outer, inner] })
      }
    }
    if (message.placement !== 'top') index += 1
  }
  return places
}
