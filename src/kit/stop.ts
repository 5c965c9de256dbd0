/** Is told, once, that what it does should end. */
export interface StopListener {
  onStop(): void
}

/** The wish that something running should end, passed down to it. What an AbortController is, at a fraction of its cost. */
export class Stop {
  #isAsked = false
  // There is hardly ever more than one.
  #listener: StopListener | undefined
  #others: Set<StopListener> | undefined

  get isAsked(): boolean {
    return this.#isAsked
  }

  /** Tells every listener; from then on it is asked. */
  ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    const listener = this.#listener
    this.#listener = undefined
    listener?.onStop()
    // Whoever is told may take others back that were not told yet.
    if (this.#others !== undefined) for (const other of this.#others) other.onStop()
    this.#others = undefined
  }

  /** Tells `listener` when it is asked, at once when it was. */
  tell(listener: StopListener): void {
    if (this.#isAsked) listener.onStop()
    else if (this.#listener === undefined) this.#listener = listener
    else (this.#others ??= new Set()).add(listener)
  }

  /** The listener is not told any more. */
  forget(listener: StopListener): void {
    if (this.#listener === listener) this.#listener = undefined
    else this.#others?.delete(listener)
  }
}
