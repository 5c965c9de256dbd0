/** A value that must not be seen: it prints, serialises and inspects as `****`. `reveal` only where it is sent. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '****'
  }

  toJSON(): string {
    return '****'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '****'
  }
}
