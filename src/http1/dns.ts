import { promises as dns } from 'node:dns'
import type { Clock } from '#ports/clock.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { codeOf } from './dial-errors.ts'
import { transportFailure } from './failure.ts'

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** Where hosts are found. What connecting teaches is told to it, so that it need not be learned again. */
export interface Resolver {
  /** The addresses of a host in the order in which they are to be tried, or why there are none. Never rejects. */
  resolve(host: string): Promise<readonly Address[] | TransportFailure>
  /** This address did not answer while another one did: it is tried last for a while. */
  demote(host: string, address: string): void
  /** No address answered: the host is looked up anew. */
  forget(host: string): void
}

/** Asks the system, hosts file included, in the system's own order. */
export function systemResolver(clock: Clock): Resolver {
  return new CachingResolver(clock, systemLookup)
}

/** Rejects with an error that has a code when there is no answer. */
export type Lookup = (host: string) => Promise<readonly Address[]>

/** Remembers answers for a short time, and asks once for all who want to know the same. */
export class CachingResolver implements Resolver {
  readonly #clock: Clock
  readonly #lookup: Lookup
  readonly #known = new Map<string, Known>()
  readonly #underway = new Map<string, Promise<readonly Address[] | TransportFailure>>()

  constructor(clock: Clock, lookup: Lookup) {
    this.#clock = clock
    this.#lookup = lookup
  }

  async resolve(host: string): Promise<readonly Address[] | TransportFailure> {
    const known = this.#known.get(host)
    if (known !== undefined && this.#clock.monotonicMs() - known.sinceMs < freshMs) return known.addresses
    let underway = this.#underway.get(host)
    if (underway === undefined) {
      underway = this.#ask(host, known)
      this.#underway.set(host, underway)
    }
    return await underway
  }

  demote(host: string, address: string): void {
    const known = this.#known.get(host)
    const last = known?.addresses.find((other) => other.address === address)
    if (known === undefined || last === undefined) return
    known.addresses = [...known.addresses.filter((other) => other !== last), last]
  }

  forget(host: string): void {
    this.#known.delete(host)
  }

  async #ask(host: string, before: Known | undefined): Promise<readonly Address[] | TransportFailure> {
    try {
      const addresses = withoutDoubles(await this.#lookup(host))
      if (addresses.length === 0) return notFound('no address')
      this.#keep(host, addresses)
      return addresses
    } catch (error) {
      const failure = explain(codeOf(error))
      // A name server that is out of order says nothing about the host.
      if (failure.cause === 'not_found' || before === undefined) return failure
      this.#keep(host, before.addresses)
      return before.addresses
    } finally {
      this.#underway.delete(host)
    }
  }

  #keep(host: string, addresses: readonly Address[]): void {
    this.#known.delete(host)
    this.#known.set(host, { addresses, sinceMs: this.#clock.monotonicMs() })
    if (this.#known.size <= hostsMax) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

interface Known {
  addresses: readonly Address[]
  readonly sinceMs: number
}

/** Milliseconds for which an answer is used; providers move by records that live for a minute. */
const freshMs = 30_000

/** Limit: of more hosts than this, the one that was looked up longest ago is forgotten. */
const hostsMax = 1024

async function systemLookup(host: string): Promise<readonly Address[]> {
  const found = await dns.lookup(host, { all: true, order: 'verbatim' })
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
}

function withoutDoubles(addresses: readonly Address[]): readonly Address[] {
  return addresses.filter((one, at) => addresses.findIndex((other) => other.address === one.address) === at)
}

function explain(code: string): TransportFailure {
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
    case 'EAI_NONAME':
    case 'EAI_NODATA':
      return notFound(code)
    case 'ETIMEOUT':
    case 'ETIMEDOUT':
      return transportFailure('dns', 'timeout', `the name server did not answer (${code})`)
    case 'EAI_AGAIN':
      return transportFailure('dns', 'other', `the name server did not answer (${code})`)
    default:
      return transportFailure(
        'dns',
        'other',
        `the host name could not be looked up (${code === '' ? 'no code' : code})`,
      )
  }
}

function notFound(code: string): TransportFailure {
  return transportFailure('dns', 'not_found', `the host name was not found (${code})`)
}
