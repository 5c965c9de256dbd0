import { other, type Series } from './metric.ts'

/** A number that only grows, and the values of its labels. */
export interface Cell {
  readonly labels: readonly string[]
  value: number
}

/** The numbers of one counter, by the values of its labels. */
export class Counts {
  readonly #cells = new Map<string, Cell>()
  readonly #seriesMax: number
  readonly #onDropped: () => void
  /** Of whatever comes when there are too many. */
  #rest: Cell | undefined

  /** `onDropped` is told when something finds no place of its own. */
  constructor(seriesMax: number, onDropped: () => void) {
    this.#seriesMax = seriesMax
    this.#onDropped = onDropped
  }

  /** The number for these labels. Whoever counts often keeps it. */
  cell(...labels: readonly string[]): Cell {
    const key = labels.length === 1 ? (labels[0] ?? '') : labels.join('\0')
    const known = this.#cells.get(key)
    if (known !== undefined) return known
    if (this.#cells.size >= this.#seriesMax) {
      this.#onDropped()
      return (this.#rest ??= { labels: labels.map(() => other), value: 0 })
    }
    const fresh = { labels, value: 0 }
    this.#cells.set(key, fresh)
    return fresh
  }

  series(): Series[] {
    const cells = this.#rest === undefined ? [...this.#cells.values()] : [...this.#cells.values(), this.#rest]
    return cells.map(({ labels, value }) => [labels, [value]])
  }
}

/** How often a number was how large: one count for each bucket, one for what is above them all, and the sum. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#sum += value
  }

  get values(): readonly number[] {
    return [...this.#counts, this.#sum]
  }
}
