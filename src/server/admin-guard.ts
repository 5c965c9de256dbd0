import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Connection } from '#gateway/incoming.ts'
import { identify } from '#identity/identify.ts'
import { canonicalAddress, type AddressList } from '#kit/address-list.ts'
import type { Clock } from '#ports/clock.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { clientAddress } from './client-ip.ts'
import { WrongKeys } from './wrong-keys.ts'

/** Who may see the admin pages. `hidden`: for this client there are none. */
export class AdminGuard {
  readonly #clock: Clock
  readonly #wrongKeys = new WrongKeys()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  judge({ method, headers }: Request, { peer }: Connection, snapshot: Snapshot): 'welcome' | 'hidden' | Refusal {
    const { keys, isLocalOnly } = snapshot.admin
    if (keys.isOpen || (isLocalOnly && !isFromHere(peer, headers, snapshot.trustedProxies))) return 'hidden'
    if (isFromElsewhere(headers)) return fromElsewhere
    const client = clientAddress(peer, headers, snapshot.trustedProxies)
    const nowMs = this.#clock.monotonicMs()
    const waitMs = this.#wrongKeys.waitMs(client, nowMs)
    // Not even the right one is looked at: whoever guesses must not learn that it was right.
    if (waitMs > 0) return refuse('too_many_wrong_keys', tooManyWrongKeys, { retryAfterMs: waitMs })
    // No key in the query: it would stand in every log between here and there.
    const caller = identify(headers, undefined, keys)
    if (isRefusal(caller)) {
      if (caller.code !== 'missing_api_key') this.#wrongKeys.note(client, nowMs)
      return caller
    }
    if (method === 'GET' || method === 'HEAD') return 'welcome'
    return refuse('method_not_allowed', `Cannot serve ${method} on this path: it takes GET`, { allow: 'GET, HEAD' })
  }
}

const tooManyWrongKeys = 'Cannot accept the request: too many wrong keys came from this address, wait for a minute'

const fromElsewhere = refuse(
  'cross_origin',
  'Cannot accept the request: a page of another origin asks, and the admin pages are for programs',
)

/**
 * A program of this machine asks, not a proxy of this machine for somebody else. Headers can only take that away: what
 * they say of the client is believed of trusted proxies alone.
 */
function isFromHere(peer: string | undefined, headers: Headers, trusted: AddressList): boolean {
  const address = peer === undefined ? 'unix' : canonicalAddress(peer)
  if (!isLoopback(address) || headers.has('forwarded') || headers.has('via')) return false
  if (!headers.has('x-forwarded-for') && !headers.has('x-real-ip')) return true
  return trusted.includes(address) && isLoopback(clientAddress(peer, headers, trusted))
}

function isLoopback(address: string): boolean {
  return address === 'unix' || address === '::1' || /^127(?:\.\d{1,3}){3}$/.test(address)
}

/** Browsers say where a request comes from; nothing of ours asks from a page of another origin. */
function isFromElsewhere(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') return true
  const origin = headers.get('origin')
  return origin !== null && origin.replace(/^https?:\/\//i, '').toLowerCase() !== headers.get('host')?.toLowerCase()
}
