import type { Learned } from '#core/shared.ts'

/** Where a key stays. */
export interface PinPlace {
  /** Whose key it is. */
  readonly alias: string
  /** With which credential of its backend the route was asked; undefined where it has one, or nobody knows. */
  readonly credential?: string | undefined
}

/** A key that went over to another route. */
export interface Departure {
  /** State key of the one that it left. */
  readonly from: string
  /** Tokens that it had in its cache. */
  readonly cachedTokens: number | undefined
}

/** How affinity works out for one alias since the start. */
export interface PinTally {
  /** Keys that stay with a route now. */
  readonly pins: number
  /** Requests that their route answered. */
  readonly hits: number
  /** Those that another one answered. */
  readonly repinned: number
  /** Tokens that were in the caches of the routes that were left. */
  readonly cachedTokensLost: number
}

/** Which route answered a key last. Limit: {@link pinsMax} keys; the one that was used longest ago makes room. */
export class Pins {
  /** Moved to the end with each use. */
  readonly #pins = new Map<string, Pin>()
  readonly #tallies = new Map<string, Tally>()
  readonly #max: number
  #repinned = 0
  /** Other processes are to know who stays where; undefined: there are none. */
  learned: Learned | undefined

  constructor(max = pinsMax) {
    this.#max = max
  }

  /** The route's state key. */
  find(key: string, nowMs: number): string | undefined {
    return this.look(key, nowMs)?.stateKey
  }

  /** Where the key stays, and until when; undefined: nowhere. */
  look(
    key: string,
    nowMs: number,
  ): Pick<Readonly<Pin>, 'stateKey' | 'credential' | 'untilMs' | 'cachedTokens'> | undefined {
    const pin = this.#pins.get(key)
    return pin !== undefined && pin.untilMs > nowMs ? pin : undefined
  }

  /** The route answered: the key stays with it for so long. Tells whom it left for that. */
  keep(key: string, stateKey: string, nowMs: number, ttlMs: number, place = nowhere): Departure | undefined {
    const before = this.#pins.get(key)
    const tally = this.#tallyOf(place.alias)
    let departure: Departure | undefined
    if (before !== undefined && before.untilMs > nowMs) {
      if (before.stateKey === stateKey) tally.hits += 1
      else {
        departure = { from: before.stateKey, cachedTokens: before.cachedTokens }
        this.#repinned += 1
        tally.repinned += 1
        tally.cachedTokensLost += before.cachedTokens ?? 0
      }
    }
    const { credential } = place
    const isSame = before?.stateKey === stateKey
    const cachedTokens = isSame ? before.cachedTokens : undefined
    const pin: Pin = { stateKey, credential, untilMs: nowMs + ttlMs, toldMs: before?.toldMs, cachedTokens, tally }
    this.#put(key, pin)
    this.#drop(nowMs)
    if (this.learned !== undefined) this.#tell(this.learned, key, pin, before, nowMs, ttlMs, place.alias)
    return departure
  }

  /** What the route had in its cache of the key's prompt. */
  noteCached(key: string, stateKey: string, tokens: number): void {
    const pin = this.#pins.get(key)
    if (pin?.stateKey === stateKey) pin.cachedTokens = tokens
  }

  /** In another process the route answered. */
  hear(key: string, stateKey: string, nowMs: number, ttlMs: number, { alias, credential } = nowhere): void {
    const before = this.#pins.get(key)
    const isSame = before?.stateKey === stateKey
    const untilMs = Math.max(nowMs + ttlMs, isSame ? before.untilMs : 0)
    const cachedTokens = isSame ? before.cachedTokens : undefined
    this.#put(key, { stateKey, credential, untilMs, toldMs: nowMs, cachedTokens, tally: this.#tallyOf(alias) })
    this.#drop(nowMs)
  }

  /** What only lasts longer is told now and then. */
  #tell(
    learned: Learned,
    key: string,
    pin: Pin,
    before: Pin | undefined,
    nowMs: number,
    ttlMs: number,
    alias: string,
  ): void {
    const { stateKey, credential } = pin
    const isKnown = before?.stateKey === stateKey && before.credential === credential && before.toldMs !== undefined
    if (isKnown && nowMs - (before?.toldMs ?? 0) < ttlMs / tellsPerTtl) return
    pin.toldMs = nowMs
    learned({ kind: 'pin', key, forMs: ttlMs, stateKey, alias, credential })
  }

  /** Forgets the keys of routes, and what was counted of aliases, that are no longer configured. */
  retain(stateKeys: ReadonlySet<string>, aliases?: { has(alias: string): boolean }): void {
    for (const [key, { stateKey }] of this.#pins) if (!stateKeys.has(stateKey)) this.#remove(key)
    if (aliases === undefined) return
    for (const alias of this.#tallies.keys()) if (!aliases.has(alias)) this.#tallies.delete(alias)
  }

  /** Nobody stays with these any more. */
  forget(stateKeys: ReadonlySet<string>): void {
    if (stateKeys.size === 0) return
    for (const [key, { stateKey }] of this.#pins) if (stateKeys.has(stateKey)) this.#remove(key)
  }

  /** Undefined: it has no affinity, or nobody came yet. */
  tallyOf(alias: string): PinTally | undefined {
    return this.#tallies.get(alias)
  }

  /** Keys that went over to another route while they still had one: each time its cache of their prompts was lost. */
  get repinned(): number {
    return this.#repinned
  }

  get size(): number {
    return this.#pins.size
  }

  #tallyOf(alias: string): Tally {
    let tally = this.#tallies.get(alias)
    if (tally === undefined) {
      tally = { pins: 0, hits: 0, repinned: 0, cachedTokensLost: 0 }
      this.#tallies.set(alias, tally)
    }
    return tally
  }

  #put(key: string, pin: Pin): void {
    this.#remove(key)
    this.#pins.set(key, pin)
    pin.tally.pins += 1
  }

  #remove(key: string): void {
    const pin = this.#pins.get(key)
    if (pin === undefined) return
    pin.tally.pins -= 1
    this.#pins.delete(key)
  }

  /** The oldest go when they have had their time or there are too many; a few at once, so that it never takes long. */
  #drop(nowMs: number): void {
    let left = droppedMax
    for (const [key, { untilMs }] of this.#pins) {
      if (left === 0 || (untilMs > nowMs && this.#pins.size <= this.#max)) return
      this.#remove(key)
      left -= 1
    }
  }
}

interface Pin {
  readonly stateKey: string
  readonly credential: string | undefined
  readonly untilMs: number
  /** When other processes last knew as much. */
  toldMs: number | undefined
  cachedTokens: number | undefined
  readonly tally: Tally
}

type Tally = { -readonly [Name in keyof PinTally]: PinTally[Name] }

const nowhere: PinPlace = { alias: '' }

const tellsPerTtl = 4

/** Limit: keys that are remembered, about 25 MB. */
const pinsMax = 100_000

const droppedMax = 4
