import type { Caller } from '#core/caller.ts'
import type { Client } from '#core/client.ts'
import { networkOf } from './network.ts'
import { ratesOf, type LimitPolicy, type Rate, type Rates } from './policy.ts'

/** What a request takes of one limit. */
export interface Demand {
  readonly scope: Scope
  /** Whose limit it is: a caller, an address, an alias; empty where it is everybody's. */
  readonly whose: string
  readonly of: 'requests' | 'tokens'
  readonly rate: Rate
  /** What this process may take of it. */
  readonly share: Rate
  readonly amount: number
  /** Names the meter, also to other processes. */
  readonly id: string
}

export type Scope = 'global' | 'user' | 'ip' | 'model'

/** What tells whose limits count. */
export interface Asker {
  readonly caller: Caller
  /** Callers have keys of their own; else each address is a caller. */
  readonly tellsApart: boolean
  readonly client: Client
  readonly alias: string
}

/** Everything that a request takes of all limits; `tokens`: what it is thought to take, asked for only when it counts. */
export function demandsOf(policy: LimitPolicy, asker: Asker, workers: number, tokens: () => number): Demand[] {
  const demands: Demand[] = []
  const guess = new Guess(tokens)
  const add = (scope: Scope, whose: string, rates: Rates): void => {
    const { requestsPerMinute, requestsPerSecond, tokensPerMinute } = rates
    const id = `${scope}:${whose}`
    if (requestsPerSecond !== undefined) {
      // A fraction of a request is as many whole ones in a longer time.
      const limit = Math.ceil(requestsPerSecond)
      const rate = { limit, windowMs: (1000 * limit) / requestsPerSecond }
      demands.push(demandOf(scope, whose, 'requests', rate, 1, `s:${id}`, workers))
    }
    if (requestsPerMinute !== undefined) {
      const rate = { limit: requestsPerMinute, windowMs: minuteMs }
      demands.push(demandOf(scope, whose, 'requests', rate, 1, `m:${id}`, workers))
    }
    if (tokensPerMinute !== undefined) {
      const rate = { limit: tokensPerMinute, windowMs: minuteMs }
      demands.push(demandOf(scope, whose, 'tokens', rate, guess.amount, `t:${id}`, workers))
    }
  }
  const { global, perUser, perAddress, perModel } = policy
  if (global !== undefined) add('global', '', global)
  const own = ownRates(asker.caller, perUser)
  if (own !== undefined) add('user', userOf(asker), own)
  if (perAddress !== undefined) add('ip', networkOf(asker.client.address), perAddress)
  const ofModel = perModel === undefined ? undefined : ratesOf(perModel, asker.alias)
  if (ofModel !== undefined) add('model', asker.alias, ofModel)
  return demands
}

const minuteMs = 60_000

/** Limits of a caller's own win over those of all callers, each for itself. */
function ownRates({ limits }: Caller, perUser: Rates | undefined): Rates | undefined {
  if (limits === undefined) return perUser
  const requestsPerMinute = limits.requestsPerMinute ?? perUser?.requestsPerMinute
  const tokensPerMinute = limits.tokensPerMinute ?? perUser?.tokensPerMinute
  const requestsPerSecond = limits.requestsPerMinute === undefined ? perUser?.requestsPerSecond : undefined
  if (requestsPerMinute === undefined && requestsPerSecond === undefined && tokensPerMinute === undefined) {
    return undefined
  }
  return { requestsPerMinute, requestsPerSecond, tokensPerMinute }
}

/** Under which name a caller's requests are counted. */
export function userOf({ caller, tellsApart, client }: Asker): string {
  return tellsApart || caller.limits !== undefined ? `=${caller.id}` : networkOf(client.address)
}

/** `whose` as people may read it. */
export function plainName(whose: string): string {
  return whose.startsWith('=') ? whose.slice(1) : whose
}

function demandOf(
  scope: Scope,
  whose: string,
  of: Demand['of'],
  rate: Rate,
  amount: number,
  id: string,
  workers: number,
): Demand {
  const share = workers === 1 ? rate : { limit: Math.ceil(rate.limit / workers), windowMs: rate.windowMs }
  return { scope, whose, of, rate, share, amount, id }
}

/** Made once, and only when somebody counts tokens. */
class Guess {
  readonly #make: () => number
  #amount: number | undefined

  constructor(make: () => number) {
    this.#make = make
  }

  get amount(): number {
    return (this.#amount ??= this.#make())
  }
}
