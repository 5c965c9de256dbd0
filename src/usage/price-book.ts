import type { PriceRules } from './compile.ts'
import type { TokenPrice } from './price.ts'

/** Whom a price is looked up for. */
export interface Priced {
  readonly backend: string
  /** The name that the backend knows. */
  readonly model: string
  readonly alias: string
}

/** What models cost: what the operator says, and what was read from elsewhere. */
export class PriceBook {
  #listed: ReadonlyMap<string, TokenPrice> = new Map()
  #rules: PriceRules | undefined
  /** As looked up by `#rules`. */
  readonly #known = new Map<string, TokenPrice | undefined>()

  /** Prices of a list take the place of those of the one before it. */
  adopt(listed: ReadonlyMap<string, TokenPrice>): void {
    this.#listed = listed
    this.#known.clear()
  }

  /** Undefined: nobody knows. */
  find(rules: PriceRules, { backend, model, alias }: Priced): TokenPrice | undefined {
    if (rules !== this.#rules) {
      this.#rules = rules
      this.#known.clear()
    }
    const key = `${backend}\0${model}\0${alias}`
    const known = this.#known.get(key)
    if (known !== undefined || this.#known.has(key)) return known
    if (this.#known.size >= knownMax) this.#known.clear()
    const found = this.#lookUp(rules, [`${backend}/${model}`, model, alias])
    this.#known.set(key, found)
    return found
  }

  #lookUp(rules: PriceRules, names: readonly string[]): TokenPrice | undefined {
    for (const name of names) {
      const price = rules.byName.get(name)
      if (price !== undefined) return price
    }
    for (const name of names) {
      const price = rules.patterns.find(({ isLike }) => isLike(name))?.price
      if (price !== undefined) return price
    }
    for (const name of names) {
      // `openai/gpt-4o` is called `gpt-4o` elsewhere.
      const price = this.#listed.get(name) ?? this.#listed.get(name.slice(name.lastIndexOf('/') + 1))
      if (price !== undefined) return price
    }
    return rules.otherwise
  }
}

/** Limit: routes whose prices are known; beyond it they are looked up anew. */
const knownMax = 10_000
