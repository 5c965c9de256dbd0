import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Connection } from '#gateway/incoming.ts'
import { identify } from '#identity/identify.ts'
import { AddressList, canonicalAddress, readAddress } from '#kit/address-list.ts'
import type { Clock } from '#ports/clock.ts'
import type { AdminDoor, Snapshot } from '#snapshot/snapshot.ts'
import { clientAddress } from './client-ip.ts'
import { WrongKeys } from './wrong-keys.ts'

interface Visit {
  /** The methods that the page takes. */
  readonly allow?: readonly string[] | undefined
  /** Default: that of the admin pages. */
  readonly door?: AdminDoor
  /** Where a wrong one counts. */
  readonly wrongKeys?: WrongKeys
}

/** Who may see the admin pages. `hidden`: for this client there are none. */
export class AdminGuard {
  readonly #clock: Clock
  readonly #wrongKeys = new WrongKeys()
  /** Those at pages that are for everybody, where any key is shown: they shut no door but for guesses there. */
  readonly #wrongKeysAside = new WrongKeys()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For this client there are no pages behind the door, whatever key it has. */
  hidesFrom(
    { headers }: Request,
    { peer }: Connection,
    { admin, trustedProxies }: Snapshot,
    door: AdminDoor = admin,
  ): boolean {
    return door.keys.isOpen || (door.isLocalOnly && !isFromHere(peer, headers, trustedProxies))
  }

  judge(
    request: Request,
    connection: Connection,
    snapshot: Snapshot,
    { allow = ['GET', 'HEAD'], door = snapshot.admin, wrongKeys = this.#wrongKeys }: Visit = {},
  ): 'welcome' | 'hidden' | Refusal {
    if (this.hidesFrom(request, connection, snapshot, door)) return 'hidden'
    const { method, headers } = request
    const { peer } = connection
    if (isFromElsewhere(headers)) return fromElsewhere
    const client = countedAs(peer, headers, snapshot.trustedProxies)
    const nowMs = this.#clock.monotonicMs()
    const waitMs = wrongKeys.waitMs(client, nowMs)
    // Not even the right one is looked at: whoever guesses must not learn that it was right.
    if (waitMs > 0) return refuse('too_many_wrong_keys', tooManyWrongKeys, { retryAfterMs: waitMs })
    // No key in the query: it would stand in every log between here and there.
    const caller = identify(headers, undefined, door.keys, this.#clock.wallMs())
    if (isRefusal(caller)) {
      if (caller.code !== 'missing_api_key') wrongKeys.note(client, nowMs)
      return caller
    }
    if (allow.includes(method)) return 'welcome'
    return refuse('method_not_allowed', `Cannot serve ${method} on this path: it takes ${allow[0]}`, {
      allow: allow.join(', '),
    })
  }

  /** The same at a page that shows admins more than others. */
  judgeAside(request: Request, connection: Connection, snapshot: Snapshot): 'welcome' | 'hidden' | Refusal {
    return this.judge(request, connection, snapshot, { wrongKeys: this.#wrongKeysAside })
  }
}

const tooManyWrongKeys = 'Cannot accept the request: too many wrong keys came from this address, wait for a minute'

const fromElsewhere = refuse(
  'cross_origin',
  'Cannot accept the request: a page of another origin asks, and the admin pages are for programs',
)

/**
 * Whose wrong keys are counted together. Of clients behind a proxy that is not trusted only the proxy is known: what they
 * try must not lock out those who come from its address by themselves.
 */
function countedAs(peer: string | undefined, headers: Headers, trusted: AddressList): string {
  const client = clientAddress(peer, headers, trusted)
  return !trusted.includes(addressOf(peer)) && isForwarded(headers) ? `${client} forwarded` : client
}

/**
 * A program of this machine asks, not a proxy of this machine for somebody else. Headers can only take that away, and any
 * doubt does: what they say of the client is believed of trusted proxies alone, and only if all of it is of this machine.
 */
function isFromHere(peer: string | undefined, headers: Headers, trusted: AddressList): boolean {
  const address = addressOf(peer)
  if (!here.includes(address)) return false
  if (!isForwarded(headers)) return true
  if (!trusted.includes(address) || forwardingNames(headers).some((name) => !addressHeaders.includes(name)))
    return false
  return addressHeaders.every((name) => (headers.get(name)?.split(',') ?? []).every(isHop))
}

function isHop(text: string): boolean {
  const hop = readAddress(text)
  return hop !== undefined && here.includes(hop)
}

function addressOf(peer: string | undefined): string {
  return peer === undefined ? 'unix' : canonicalAddress(peer)
}

const here = new AddressList(['127.0.0.0/8', '::1', 'unix'])

function isForwarded(headers: Headers): boolean {
  return forwardingNames(headers).length > 0
}

function forwardingNames(headers: Headers): string[] {
  return [...headers.keys()].filter((name) => forwarding.test(name))
}

/** Headers in which proxies say that they ask for somebody else. */
const forwarding =
  /^(?:forwarded|via|x-forwarded(?:-.*)?|x-real-ip|x-original-.*|x-envoy-.*|(?:.*-)?client-ip|cf-.*|.*-connecting-ip|cdn-loop)$/

/** Of these, each hop is an address. */
const addressHeaders: readonly string[] = ['x-forwarded-for', 'x-real-ip']

/** Browsers say where a request comes from; nothing of ours asks from a page of another origin. */
function isFromElsewhere(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  // A proxy may have written another host than the browser asked.
  if (site === 'same-origin') return false
  if (site !== null && site !== 'none') return true
  const origin = headers.get('origin')
  return origin !== null && origin.replace(/^https?:\/\//i, '').toLowerCase() !== headers.get('host')?.toLowerCase()
}
