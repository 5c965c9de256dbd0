import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Repinned } from '#core/exchange.ts'
import type { AffinityPolicy } from '#core/plan.ts'
import { cachedTokensIn } from '#wire/cached-tokens.ts'
import type { TextOf } from './answer-id.ts'
import { bodyFacts, type BodyFacts } from './body-facts.ts'
import type { Pins } from './pins.ts'

/** What of a call tells which others it belongs to. */
export type AffinityCall = Pick<Call, 'endpoint' | 'headers' | 'client' | 'body'>

/** Which requests one request belongs to, and the route that they stay with. Of what tells it only a hash is kept. */
export class Affinity {
  /** The same for all requests that belong together. */
  readonly seed: number
  /** What tells it, for people: `the header "session-id"`. */
  readonly by: string
  /** State key of the route that is asked before the others of its tier. */
  readonly pinned: string | undefined
  /** With which of its backend's credentials that route was asked; undefined where it has one. */
  readonly credential: string | undefined
  /** Monotonic time until which it stays there; 0 where it stays nowhere. */
  readonly untilMs: number
  readonly #pins: Pins
  readonly #alias: string
  readonly #key: string
  readonly #ttlMs: number
  /** Somebody else alone can answer this one request, and that moves nothing. */
  isBound = false
  /** Why the route is left, if it is. */
  #why: string | undefined
  /** State key of the one that answered. */
  #home: string | undefined

  constructor(pins: Pins, { ttlMs }: AffinityPolicy, alias: string, { name, value }: Telling, nowMs: number) {
    // Keys of two aliases have nothing to do with each other.
    const hash = Bun.hash.xxHash64(`${alias}\0${value}`)
    this.#pins = pins
    this.#alias = alias
    this.#key = hash.toString(36)
    this.#ttlMs = ttlMs
    this.by = name
    this.seed = Number(hash & 0xffff_ffffn)
    const pin = ttlMs === 0 ? undefined : pins.look(this.#key, nowMs)
    this.pinned = pin?.stateKey
    this.credential = pin?.credential
    this.untilMs = pin?.untilMs ?? 0
  }

  /** The route that it stays with was passed over, or failed. The first reason counts. */
  leave(stateKey: string, why: string): void {
    if (stateKey === this.pinned) this.#why ??= why
  }

  /** The route answered, and is the one to stay with. An error that is passed on is no answer. Tells whom it left. */
  keep(answer: Answer, credential: string | undefined, nowMs: number, textOf: TextOf): Repinned | undefined {
    const { stateKey } = answer.candidate
    if (this.#ttlMs === 0 || answer.status >= 400) return undefined
    if (this.isBound && this.pinned !== undefined && this.pinned !== stateKey) return undefined
    const place = { alias: this.#alias, credential }
    const departure = this.#pins.keep(this.#key, stateKey, nowMs, this.#ttlMs, place)
    this.#home = stateKey
    const { held, headers } = answer
    const isEncoded = headers.has('content-encoding')
    for (const piece of held) this.sawUsage(isEncoded ? Buffer.from(textOf(piece, headers)) : piece)
    if (departure === undefined) return undefined
    const { from, cachedTokens } = departure
    return { from: idOf(from), why: this.#why ?? 'a route that comes before it answered', cachedTokens }
  }

  /** The end of the answer, where its usage stands. */
  sawUsage(bytes: Uint8Array): void {
    const tokens = this.#home === undefined ? undefined : cachedTokensIn(bytes)
    if (tokens !== undefined) this.#pins.noteCached(this.#key, this.#home ?? '', tokens)
  }
}

/** `backend/model`, or whatever tells a route from others. */
export function idOf(stateKey: string): string {
  const parts: unknown = JSON.parse(stateKey)
  return Array.isArray(parts) ? parts.join('/') : stateKey
}

/**
 * Undefined when nothing in the request tells. `caller`: who asks, where callers are told apart; one key that all clients
 * share says nothing.
 */
export function affinityOf(
  pins: Pins,
  policy: AffinityPolicy,
  alias: string,
  call: AffinityCall,
  nowMs: number,
  caller?: string,
): Affinity | undefined {
  const facts = new LazyFacts(call)
  const told = policy.by === 'auto' ? tellingOf(call, facts, caller) : oneTelling(policy, call, facts)
  return told === undefined ? undefined : new Affinity(pins, policy, alias, told, nowMs)
}

interface Telling {
  /** For people. */
  readonly name: string
  readonly value: string
}

/** The first that there is: what says most about the prompts that a provider has cached. */
function tellingOf(call: AffinityCall, facts: LazyFacts, caller: string | undefined): Telling | undefined {
  for (const name of sessionHeaders) {
    const value = call.headers.get(name)
    if (value !== null && value !== '') return { name: `the header "${name}"`, value: `${name}\0${value}` }
  }
  for (const name of sessionMembers) {
    const value = facts.text(name)
    if (value !== undefined) return { name: `"${name}" of the body`, value: `${name}\0${value}` }
  }
  const opening = facts.opening('first')
  if (opening !== undefined) return { name: 'the instructions and the first message', value: opening }
  return caller === undefined ? byAddress(call) : { name: 'the caller', value: `caller\0${caller}` }
}

function oneTelling({ by, header }: AffinityPolicy, call: AffinityCall, facts: LazyFacts): Telling | undefined {
  switch (by) {
    case 'header': {
      const value = call.headers.get(header)
      return value === null || value === '' ? undefined : { name: `the header "${header}"`, value }
    }
    case 'user': {
      const value = userMembers.map((name) => facts.text(name)).find((text) => text !== undefined)
      return value === undefined ? undefined : { name: 'the user', value }
    }
    case 'system': {
      const value = facts.opening('system')
      return value === undefined ? undefined : { name: 'the instructions', value }
    }
    case 'ip':
    case 'auto':
      return byAddress(call)
  }
}

function byAddress({ client }: AffinityCall): Telling | undefined {
  const value = networkOf(client.address)
  return value === undefined ? undefined : { name: 'the address', value }
}

/** Ours, then those of coding agents: Claude Code, Codex, opencode, and what others call it. */
const sessionHeaders: readonly string[] = [
  'x-llm-proxy-affinity',
  'x-claude-code-session-id',
  'session-id',
  'session_id',
  'x-session-affinity',
  'x-session-id',
  'thread-id',
]

const userMembers: readonly string[] = ['metadata.user_id', 'safety_identifier', 'user']

const sessionMembers: readonly string[] = ['conversation', 'prompt_cache_key', ...userMembers]

/** The body's facts, looked up when somebody asks. */
class LazyFacts {
  readonly #call: AffinityCall
  #facts: BodyFacts | undefined

  constructor(call: AffinityCall) {
    this.#call = call
  }

  text(name: string): string | undefined {
    return this.#all().texts.get(name)
  }

  /** What the prompt begins with: the instructions alone, or with them the first message. */
  opening(which: 'system' | 'first'): string | undefined {
    const { system, first } = this.#all()
    if (which === 'system') return system === '' ? undefined : `system\0${system}`
    return system === '' && first === '' ? undefined : `opening\0${system}\0${first}`
  }

  #all(): BodyFacts {
    this.#facts ??= bodyFacts(this.#call)
    return this.#facts
  }
}

/** One client has a whole /64 of IPv6. Behind a unix socket everybody has the same address. */
function networkOf(address: string): string | undefined {
  if (address === 'unix' || address === '') return undefined
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return groups.slice(0, 4).join(':')
}
