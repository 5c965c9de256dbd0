import type { Connection, IncomingClient } from '#gateway/incoming.ts'
import { canonicalAddress, readAddress, type AddressList } from '#kit/address-list.ts'

/** The client behind a connection, looked up when it is asked for. */
export class ClientBehind implements IncomingClient {
  readonly #connection: Connection
  readonly #headers: Headers
  readonly #trusted: AddressList
  #address: string | undefined

  constructor(connection: Connection, headers: Headers, trusted: AddressList) {
    this.#connection = connection
    this.#headers = headers
    this.#trusted = trusted
  }

  get address(): string {
    this.#address ??= this.#find()
    return this.#address
  }

  get peer(): string | undefined {
    const { peer } = this.#connection
    return peer === undefined ? undefined : canonicalAddress(peer)
  }

  get noted(): string | undefined {
    return this.#address
  }

  note(): void {
    this.#address ??= this.#find()
  }

  #find(): string {
    return clientAddress(this.#connection.peer, this.#headers, this.#trusted)
  }
}

/**
 * The client's address; `unix` for the peer of a unix socket. Forwarding headers are believed only from trusted proxies,
 * and then from right to left: the first address that is no trusted proxy is the client; everything left of it could be
 * forged. Behind a hop that is no address nothing can be told apart, so the proxy that wrote it stands for the client.
 */
export function clientAddress(peer: string | undefined, headers: Headers, trusted: AddressList): string {
  const address = peer === undefined ? 'unix' : canonicalAddress(peer)
  if (!trusted.includes(address)) return address
  const forwarded = headers.get('x-forwarded-for') ?? ''
  if (forwarded.trim() === '') return readAddress(headers.get('x-real-ip') ?? '') ?? address
  let client = address
  for (const hop of forwarded.split(',').toReversed()) {
    const before = readAddress(hop)
    if (before === undefined) break
    client = before
    if (!trusted.includes(client)) break
  }
  return client
}
