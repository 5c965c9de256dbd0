/** Sizes at which a {@link BoundedQueue} begins to drop. */
export interface QueueLimits {
  readonly countMax: number
  /** In the unit that `push` is told, usually characters or bytes. */
  readonly weightMax: number
}

/**
 * First in, first out, limited in count and in weight. When it is full, an important value pushes out the oldest
 * unimportant one; an unimportant value is dropped. Every operation takes constant time per value.
 */
export class BoundedQueue<T> {
  readonly #limits: QueueLimits
  readonly #major = new Line<T>()
  readonly #minor = new Line<T>()
  #weight = 0
  #count = 0
  #pushed = 0
  #dropped = 0
  #droppedEver = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  get weight(): number {
    return this.#weight
  }

  /** `count` is how many a value stands for. */
  push(value: T, weight: number, isImportant: boolean, count = 1): void {
    while (this.#isTooFullFor(weight, count)) {
      const victim = isImportant ? this.#minor.shift() : undefined
      this.#dropped += victim?.count ?? count
      if (victim === undefined) return
      this.#weight -= victim.weight
      this.#count -= victim.count
    }
    this.#pushed += 1
    this.#weight += weight
    this.#count += count
    const line = isImportant ? this.#major : this.#minor
    line.push({ value, weight, count, order: this.#pushed })
  }

  /** The oldest values until `weightMax` is reached, at least one when there is any. */
  take(weightMax: number): T[] {
    const taken: T[] = []
    let weight = 0
    while (weight < weightMax) {
      const entry = this.#oldestLine().shift()
      if (entry === undefined) break
      weight += entry.weight
      this.#count -= entry.count
      taken.push(entry.value)
    }
    this.#weight -= weight
    return taken
  }

  /** How many values were dropped since this was asked last. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    this.#droppedEver += dropped
    return dropped
  }

  /** How many values were dropped since the start. */
  get dropped(): number {
    return this.#droppedEver + this.#dropped
  }

  #isTooFullFor(weight: number, count: number): boolean {
    // A single value above the limit is let into an empty queue: dropping it always would hide it for ever.
    if (this.#count === 0) return false
    return this.#count + count > this.#limits.countMax || this.#weight + weight > this.#limits.weightMax
  }

  #oldestLine(): Line<T> {
    const minor = this.#minor.first
    const major = this.#major.first
    if (minor === undefined) return this.#major
    return major === undefined || minor.order < major.order ? this.#minor : this.#major
  }
}

interface Entry<T> {
  readonly value: T
  readonly weight: number
  readonly count: number
  readonly order: number
}

/** An array with a moving head: `Array.shift` moves every element of a long array. */
class Line<T> {
  #entries: Entry<T>[] = []
  #head = 0

  get first(): Entry<T> | undefined {
    return this.#entries[this.#head]
  }

  push(entry: Entry<T>): void {
    this.#entries.push(entry)
  }

  shift(): Entry<T> | undefined {
    const entry = this.#entries[this.#head]
    if (entry === undefined) return undefined
    this.#head += 1
    // Half of the array is dead: giving it back now costs each entry one move over its life.
    if (this.#head === this.#entries.length || (this.#head >= 1024 && this.#head * 2 >= this.#entries.length)) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return entry
  }
}
