/** What an exchange owes: each thing taken on the way down is written here and paid once, newest first. */
export class Debts {
  readonly #owed: (() => void)[] = []
  #paid = false

  owe(pay: () => void): void {
    this.#owed.push(pay)
  }

  settle(): void {
    if (this.#paid) return
    this.#paid = true
    for (const pay of this.#owed.toReversed()) pay()
  }
}
