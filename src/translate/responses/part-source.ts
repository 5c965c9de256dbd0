import type { CommonEvent, PartHead, PartMeta } from '#translate/common.ts'

/** Events that a stream was read into, and what was told so far. */
export class EventOut {
  #events: CommonEvent[] = []
  #parts = 0
  /** Those that the client is to carry out. */
  calls = 0

  /** Something was told that cannot be taken back. */
  get hasParts(): boolean {
    return this.#parts > 0
  }

  nextPart(): number {
    return this.#parts++
  }

  push(event: CommonEvent): void {
    this.#events.push(event)
  }

  take(): readonly CommonEvent[] {
    if (this.#events.length === 0) return none
    const events = this.#events
    this.#events = []
    return events
  }
}

const none: readonly CommonEvent[] = []

/** One part on its way: begins when there is something to tell of it. */
export class PartSource {
  readonly #out: EventOut
  readonly #head: PartHead
  #part = -1
  #text = ''
  #isOver = false
  annotations = 0
  hasLogprobs = false

  constructor(out: EventOut, head: PartHead) {
    this.#out = out
    this.#head = head
  }

  get text(): string {
    return this.#text
  }

  open(): void {
    if (this.#part !== -1) return
    this.#part = this.#out.nextPart()
    this.#out.push({ event: 'part_start', choice: 0, part: this.#part, head: this.#head })
  }

  add(text: string): void {
    if (text === '' || this.#isOver) return
    this.open()
    this.#text += text
    this.#out.push({ event: 'part_delta', choice: 0, part: this.#part, text })
  }

  /** What was told as a whole: the rest of it, where deltas did not tell all. */
  complete(whole: string): void {
    if (whole.length > this.#text.length && whole.startsWith(this.#text)) this.add(whole.slice(this.#text.length))
  }

  meta(meta: PartMeta): void {
    if (this.#isOver) return this.#lateMeta(meta)
    this.open()
    this.#out.push({ event: 'part_meta', choice: 0, part: this.#part, meta })
  }

  #lateMeta({ annotation }: PartMeta): void {
    if (annotation === undefined || this.#part === -1) return
    this.#out.push({ event: 'late_source', choice: 0, part: this.#part, annotation })
  }

  end(): void {
    if (this.#part !== -1 && !this.#isOver) this.#out.push({ event: 'part_end', choice: 0, part: this.#part })
    this.#isOver = true
  }
}
