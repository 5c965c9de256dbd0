import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { AffinityPolicy } from '#core/plan.ts'
import { answerIdOf, type TextOf } from './answer-id.ts'
import { bodyFacts, type BodyFacts } from './body-facts.ts'
import type { Pins } from './pins.ts'

/** Which requests one request belongs to, and the route that they stay with. Of what tells it only a hash is kept. */
export class Affinity {
  /** The same for all requests that belong together. */
  readonly seed: number
  /** State key of the route that is asked before the others of its tier. */
  readonly pinned: string | undefined
  /** Only that route knows what the request speaks of: nobody else is asked, whatever the priorities. */
  readonly isHard: boolean
  readonly #pins: Pins
  readonly #key: string
  /** What it would have gone by without that answer; kept as well. */
  readonly #otherKey: string | undefined
  readonly #ttlMs: number
  /** Prefix for the keys of answers that later requests may name. */
  readonly #answers: string | undefined

  constructor(pins: Pins, { ttlMs }: AffinityPolicy, { hash, other, answers, isHard }: AffinityKey, nowMs: number) {
    this.#pins = pins
    this.#key = nameOf(hash)
    this.#otherKey = other === undefined ? undefined : nameOf(other)
    this.#ttlMs = ttlMs
    this.#answers = answers
    this.seed = Number(hash & 0xffff_ffffn)
    this.pinned = ttlMs === 0 ? undefined : pins.find(this.#key, nowMs)
    this.isHard = isHard
  }

  /** The route answered, and is the one to stay with. An error that is passed on is no answer. */
  keep(answer: Answer, nowMs: number, textOf: TextOf): void {
    const { stateKey } = answer.candidate
    if (this.#ttlMs === 0 || answer.status >= 400) return
    this.#pins.keep(this.#key, stateKey, nowMs, this.#ttlMs)
    if (this.#otherKey !== undefined) this.#pins.keep(this.#otherKey, stateKey, nowMs, this.#ttlMs)
    const id = this.#answers === undefined ? undefined : answerIdOf(answer, textOf)
    if (id !== undefined) this.#pins.keep(nameOf(hashOf(`${this.#answers}${id}`)), stateKey, nowMs, this.#ttlMs)
  }
}

/** Undefined when nothing in the request tells. */
export function affinityOf(
  pins: Pins,
  policy: AffinityPolicy,
  alias: string,
  call: Call,
  nowMs: number,
): Affinity | undefined {
  const key = keyOf(pins, policy, alias, call, nowMs)
  return key === undefined ? undefined : new Affinity(pins, policy, key, nowMs)
}

interface AffinityKey {
  readonly hash: bigint
  readonly other?: bigint | undefined
  readonly answers: string | undefined
  readonly isHard: boolean
}

function keyOf(pins: Pins, policy: AffinityPolicy, alias: string, call: Call, nowMs: number): AffinityKey | undefined {
  const isAuto = policy.by === 'auto'
  // Keys of two aliases have nothing to do with each other.
  const answers = isAuto && call.endpoint.stream === 'responses' ? `${alias}\0answer\0` : undefined
  const facts = new LazyFacts(call)
  const told = isAuto ? tellingOf(call, facts) : oneTelling(policy, call, facts)
  const own = told === undefined ? undefined : hashOf(`${alias}\0${told}`)
  if (answers !== undefined) {
    const before = facts.mayName('previous_response_id') ? facts.text('previous_response_id') : undefined
    const hash = before === undefined ? undefined : hashOf(`${answers}${before}`)
    // Who does not know the answer that is gone on with could only refuse.
    if (hash !== undefined && pins.find(nameOf(hash), nowMs) !== undefined) {
      return { hash, other: own, answers, isHard: true }
    }
  }
  return own === undefined ? undefined : { hash: own, answers, isHard: false }
}

/** The first that there is: what says most about the prompts that a provider has cached. */
function tellingOf(call: Call, facts: LazyFacts): string | undefined {
  for (const name of sessionHeaders) {
    const value = call.headers.get(name)
    if (value !== null && value !== '') return `${name}\0${value}`
  }
  for (const name of sessionMembers) {
    const value = facts.text(name)
    if (value !== undefined) return `${name}\0${value}`
  }
  return facts.opening('first') ?? networkOf(call.client.address)
}

function oneTelling({ by, header }: AffinityPolicy, call: Call, facts: LazyFacts): string | undefined {
  switch (by) {
    case 'header': {
      const value = call.headers.get(header)
      return value === null || value === '' ? undefined : value
    }
    case 'user':
      return userMembers.map((name) => facts.text(name)).find((value) => value !== undefined)
    case 'system':
      return facts.opening('system')
    case 'ip':
    case 'auto':
      return networkOf(call.client.address)
  }
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
  readonly #call: Call
  #facts: BodyFacts | undefined

  constructor(call: Call) {
    this.#call = call
  }

  /** A cheap look: most bodies do not. */
  mayName(name: string): boolean {
    const { body } = this.#call
    return body !== undefined && Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes(`"${name}"`)
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

function hashOf(text: string): bigint {
  return Bun.hash.xxHash64(text)
}

function nameOf(hash: bigint): string {
  return hash.toString(36)
}
