/** Something that was taken and must be given back. */
export interface Debt {
  pay(): void
}

/** What an exchange owes: each thing taken on the way down is written here and paid once, newest first. */
export class Debts {
  // Most exchanges owe one thing, and an array costs more than that.
  #first: Debt | undefined
  #others: Debt[] | undefined
  #isPaid = false

  /** What is taken when everything is paid already is given back at once: nobody else would. */
  owe(debt: Debt): void {
    if (this.#isPaid) debt.pay()
    else if (this.#first === undefined) this.#first = debt
    else (this.#others ??= []).push(debt)
  }

  get isPaid(): boolean {
    return this.#isPaid
  }

  settle(): void {
    if (this.#isPaid) return
    this.#isPaid = true
    if (this.#others !== undefined) for (const debt of this.#others.toReversed()) debt.pay()
    this.#first?.pay()
  }
}
