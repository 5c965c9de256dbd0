/** What was said lately, in memory: what was not asked for is forgotten after a while, or when there is too much of it. */
export class RecallMemory {
  readonly #entries = new Map<string, Entry>()
  readonly #bytesMax: number
  readonly #idleMs: number
  readonly #onForget: (key: string, keys: readonly string[]) => void
  #bytes = 0

  constructor(bytesMax: number, idleMs: number, onForget: (key: string, keys: readonly string[]) => void = () => {}) {
    this.#bytesMax = bytesMax
    this.#idleMs = idleMs
    this.#onForget = onForget
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  /** `keys`: other names of it, told when it is forgotten. */
  put(key: string, text: string, keys: readonly string[], nowMs: number): void {
    this.forget(key)
    let bytes = entryBytes + key.length + Buffer.byteLength(text)
    for (const other of keys) bytes += entryBytes + other.length
    // Limit: what fills the memory by itself is not kept.
    if (bytes > this.#bytesMax) {
      this.#onForget(key, keys)
      return
    }
    this.#entries.set(key, { text, keys, bytes, usedMs: nowMs })
    this.#bytes += bytes
    this.#makeRoom(nowMs)
  }

  /** Whoever asks keeps it in memory. */
  get(key: string, nowMs: number): string | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (nowMs - entry.usedMs > this.#idleMs) {
      this.forget(key)
      return undefined
    }
    entry.usedMs = nowMs
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.text
  }

  forget(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
    this.#onForget(key, entry.keys)
    return true
  }

  /** Those that were not used for longest come first. */
  #makeRoom(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax && nowMs - entry.usedMs <= this.#idleMs) return
      this.forget(key)
    }
  }
}

interface Entry {
  readonly text: string
  readonly keys: readonly string[]
  readonly bytes: number
  usedMs: number
}

/** About what an entry costs beside its texts. */
const entryBytes = 150
