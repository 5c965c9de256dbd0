/** What an exchange owes: each thing taken on the way down is written here and paid once, newest first. */
export class Debts {
  // Most exchanges owe one thing, and an array costs more than that.
  #first: (() => void) | undefined
  #others: (() => void)[] | undefined
  #isPaid = false

  owe(pay: () => void): void {
    if (this.#first === undefined) this.#first = pay
    else (this.#others ??= []).push(pay)
  }

  settle(): void {
    if (this.#isPaid) return
    this.#isPaid = true
    if (this.#others !== undefined) for (const pay of this.#others.toReversed()) pay()
    this.#first?.()
  }
}
