/** Somebody who can stand in a roster. */
export interface Member {
  /** Where it stands; −1 while it does not. Only the roster writes it. */
  place: number
}

/**
 * Those who are present, in no order. Unlike the platform's Set it leaves nothing behind: a Set grows new tables while
 * members come and go, and a table that has grown old keeps those alive that followed it.
 */
export class Roster<T extends Member> implements Iterable<T> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    if (member.place !== -1) return
    member.place = this.#members.length
    this.#members.push(member)
  }

  delete(member: T): void {
    const { place } = member
    if (place === -1) return
    member.place = -1
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#members[place] = last
    last.place = place
  }

  /** Over a copy, so that members may leave meanwhile. */
  [Symbol.iterator](): IterableIterator<T> {
    return [...this.#members].values()
  }
}
