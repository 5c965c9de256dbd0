import { entryOverheadBytes, type Entry } from './entry.ts'

export interface StoreBounds {
  readonly entriesMax: number
  readonly bytesMax: number
}

/** Answers in memory. Over its bounds, which it is told at each use, the one goes that was not asked for the longest. */
export class MemoryStore {
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  #evictions = 0

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Entries that had to go for others. */
  get evictions(): number {
    return this.#evictions
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  put(key: string, entry: Entry, bounds: StoreBounds): void {
    this.delete(key)
    if (weightOf(key, entry) > bounds.bytesMax) return
    this.#entries.set(key, entry)
    this.#bytes += weightOf(key, entry)
    this.trim(bounds)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= weightOf(key, entry)
  }

  trim({ entriesMax, bytesMax }: StoreBounds): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= entriesMax && this.#bytes <= bytesMax) return
      this.delete(key)
      this.#evictions += 1
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }
}

function weightOf(key: string, { bytes, contentType, warnings = '' }: Entry): number {
  return bytes.byteLength + key.length + contentType.length + warnings.length + entryOverheadBytes
}
