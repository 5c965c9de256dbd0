/** The wish that something running should end, passed down to it. What an AbortController is, at a fraction of its cost. */
export class Stop {
  #isAsked = false
  #listener: (() => void) | undefined
  #others: Set<() => void> | undefined

  get isAsked(): boolean {
    return this.#isAsked
  }

  /** Runs every listener once; from then on it is asked. */
  ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    const listener = this.#listener
    const others = this.#others
    this.#listener = undefined
    this.#others = undefined
    listener?.()
    if (others !== undefined) for (const other of others) other()
  }

  /** Runs `listener` when it is asked, at once when it was; the returned function takes it back. */
  onAsk(listener: () => void): () => void {
    if (this.#isAsked) {
      listener()
      return nothing
    }
    // There is hardly ever more than one.
    if (this.#listener === undefined) {
      this.#listener = listener
      return () => {
        if (this.#listener === listener) this.#listener = undefined
      }
    }
    const others = (this.#others ??= new Set())
    others.add(listener)
    return () => void others.delete(listener)
  }
}

function nothing(): void {}
