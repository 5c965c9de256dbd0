import type { Clock } from '#ports/clock.ts'

/** Records of one day that go out together. */
export interface Sheet {
  /** `2026-01-13`, the day that names the file. */
  readonly day: string
  /** Every record with its line feed. */
  readonly text: string
  /** How many records it holds. */
  readonly count: number
  /** It holds a warning or an error. */
  readonly isImportant: boolean
}

/**
 * Gathers records and sends them on when a sheet is full, when its day is over, or when its first record has waited long
 * enough. They are kept as bytes: text that was put together stays alive in all its pieces until someone reads it, and
 * the collector would walk through those of every request.
 */
export class SheetWriter {
  readonly #clock: Clock
  readonly #send: (sheet: Sheet) => void
  readonly #bytes = Buffer.allocUnsafeSlow(sheetBytesMax)
  #bytesUsed = 0
  #day = ''
  #count = 0
  #isImportant = false
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, send: (sheet: Sheet) => void) {
    this.#clock = clock
    this.#send = send
  }

  add(day: string, record: string, isImportant: boolean): void {
    // A character takes three bytes at most.
    const bytesMax = record.length * 3
    if (day !== this.#day || bytesMax > sheetBytesMax - this.#bytesUsed) this.send()
    if (bytesMax > sheetBytesMax) return this.#send({ day, text: record, count: 1, isImportant })
    this.#day = day
    this.#bytesUsed += this.#bytes.write(record, this.#bytesUsed)
    this.#count += 1
    if (isImportant) this.#isImportant = true
    this.#cancelTimer ??= this.#clock.after(waitMs, this.#onWaited)
  }

  // Made once: a closure in `add` would be paid for by each record.
  readonly #onWaited = (): void => this.send()

  /** Sends what there is; nothing when there is nothing. */
  send(): void {
    if (this.#count === 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const text = this.#bytes.toString('utf8', 0, this.#bytesUsed)
    const sheet = { day: this.#day, text, count: this.#count, isImportant: this.#isImportant }
    this.#bytesUsed = 0
    this.#count = 0
    this.#isImportant = false
    this.#send(sheet)
  }
}

/** Limit: bytes of a sheet; a record that is larger goes alone. */
const sheetBytesMax = 131_072

/** Milliseconds that a record waits for company. */
const waitMs = 100
