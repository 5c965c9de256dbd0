import { AddressList, canonicalAddress } from '#kit/address-list.ts'

/** Hosts to which requests go directly, past the proxy: names, all names below one, addresses and ranges. */
export class DirectHosts {
  readonly #rules: readonly Rule[]

  /** Each entry one that {@link isDirectHost} takes; others match nothing. */
  constructor(entries: readonly string[]) {
    this.#rules = entries.flatMap((entry) => parseRule(entry) ?? [])
  }

  /** A name is compared as it is written: nothing is looked up for it. */
  includes(url: URL): boolean {
    const host = bareHost(url.hostname)
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    return this.#rules.some((rule) => (rule.port === undefined || rule.port === port) && matches(rule, host))
  }
}

/** Does an entry of `no_proxy` mean anything? */
export function isDirectHost(entry: string): boolean {
  return parseRule(entry) !== undefined
}

/** Does the address lead to this machine? */
export function isLoopback(url: URL): boolean {
  const host = bareHost(url.hostname)
  return host === 'localhost' || host.endsWith('.localhost') || loopback.includes(host)
}

const loopback = new AddressList(['127.0.0.0/8', '::1'])

type Rule = { readonly port: string | undefined } & (
  | { readonly kind: 'name' | 'suffix'; readonly name: string }
  | { readonly kind: 'addresses'; readonly addresses: AddressList }
)

function matches(rule: Rule, host: string): boolean {
  if (rule.kind === 'addresses') return rule.addresses.includes(host)
  return rule.kind === 'name' ? host === rule.name : host.endsWith(rule.name)
}

function parseRule(entry: string): Rule | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(entry) ?? []
  // IPv6 without brackets is all colons, and so without a port.
  const host = bracketed ?? plain ?? entry
  const port = digits === undefined ? undefined : String(Number(digits))
  if (Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) return undefined
  if (host.includes(':') || /^[\d./]+$/.test(host)) {
    const addresses = addressesOf(host)
    return addresses === undefined ? undefined : { kind: 'addresses', addresses, port }
  }
  if (bracketed !== undefined || !/^(?:\*?\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/i.test(host)) return undefined
  const name = bareHost(host.replace(/^\*/, ''))
  return { kind: name.startsWith('.') ? 'suffix' : 'name', name, port }
}

function addressesOf(text: string): AddressList | undefined {
  try {
    return new AddressList([text])
  } catch {
    return undefined
  }
}

/** Lower case, without the brackets of IPv6 and the dot of a full name. */
function bareHost(host: string): string {
  return canonicalAddress(host.toLowerCase().replace(/\.$/, ''))
}
