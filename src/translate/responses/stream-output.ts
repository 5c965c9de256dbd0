import type { FramedEvent } from '#translate/codec.ts'

const none: readonly FramedEvent[] = []

/** The events of an answer on its way: numbers them, and keeps the items that are complete. */
export class StreamOutput {
  #sequence = 0
  #events: FramedEvent[] = []
  readonly #items: string[] = []
  /** Places of calls among them. */
  readonly #calls = new Set<number>()
  /** Characters that the model wrote. */
  length = 0

  /** Items that are complete, as texts of JSON. */
  get items(): readonly string[] {
    return this.#items
  }

  /** Where the item stands that comes next. */
  get index(): number {
    return this.#items.length
  }

  /** `members`: JSON, beginning with a comma. */
  emit(name: string, members: string): void {
    this.#events.push({ name, data: `{"type":"${name}","sequence_number":${this.#sequence++}${members}}` })
  }

  addItem(item: string): void {
    this.emit('response.output_item.added', `,"output_index":${this.index},"item":${item}`)
  }

  /** All but the calls: nobody may carry out those of an answer that was refused. */
  get itemsWithoutCalls(): readonly string[] {
    return this.#items.filter((_, index) => !this.#calls.has(index))
  }

  finishItem(item: string, isCall = false): void {
    if (isCall) this.#calls.add(this.index)
    this.emit('response.output_item.done', `,"output_index":${this.index},"item":${item}`)
    this.#items.push(item)
  }

  take(): readonly FramedEvent[] {
    const events = this.#events
    if (events.length === 0) return none
    this.#events = []
    return events
  }
}
