import type { Snapshot } from './snapshot.ts'

/** The one place where the current snapshot stands. A request reads it once; a reload replaces it in one assignment. */
export class Holder {
  #snapshot: Snapshot

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot
  }

  current(): Snapshot {
    return this.#snapshot
  }

  /** Gives the replaced one. */
  swap(snapshot: Snapshot): Snapshot {
    const replaced = this.#snapshot
    this.#snapshot = snapshot
    return replaced
  }
}
