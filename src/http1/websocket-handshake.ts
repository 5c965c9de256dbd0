import type { HeaderList, HeaderPair } from '#kit/header-list.ts'

/** What a client asks for when it wants to open a WebSocket, RFC 6455 §4.1. */
export interface Opening {
  /** Complete but for `host`: to be added to the request, which is a GET. */
  readonly headers: readonly HeaderPair[]
  readonly key: string
  readonly protocols: readonly string[]
}

/** Opens a WebSocket with one of these subprotocols and no extension, so that messages stay readable on their way. */
export function openingFor(
  protocols: readonly string[],
  fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void,
): Opening {
  const nonce = new Uint8Array(16)
  fillRandom(nonce)
  const key = nonce.toBase64()
  const headers: HeaderPair[] = [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', key],
  ]
  if (protocols.length > 0) headers.push(['Sec-WebSocket-Protocol', protocols.join(', ')])
  return { headers, key, protocols }
}

/** What is wrong with a 101, for people; undefined when it opens the WebSocket that was asked for. */
export function objectionToOpened(opening: Opening, headers: HeaderList): string | undefined {
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return 'it switched to another protocol than WebSocket'
  if (!lists(headers.get('connection'), 'upgrade')) return 'its answer to the opening lacks "Connection: Upgrade"'
  if (headers.get('sec-websocket-accept') !== acceptFor(opening.key)) {
    return 'its answer to the opening does not prove that it understood it (Sec-WebSocket-Accept)'
  }
  if (headers.has('sec-websocket-extensions')) return 'it uses a WebSocket extension that was not offered'
  const protocol = headers.get('sec-websocket-protocol')
  if (protocol !== null && !opening.protocols.includes(protocol)) {
    return 'it chose a WebSocket subprotocol that was not offered'
  }
  return undefined
}

/** Of a request, by what RFC 6455 §4.2.1 demands of it; undefined when it is a good one. */
export function objectionToOpening(headers: Pick<Headers, 'get'>): string | undefined {
  if (!lists(headers.get('connection'), 'upgrade')) return 'it lacks "Connection: Upgrade"'
  if (headers.get('sec-websocket-version')?.trim() !== '13') return 'its Sec-WebSocket-Version is not 13'
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(headers.get('sec-websocket-key')?.trim() ?? '')) {
    return 'its Sec-WebSocket-Key is not 16 bytes in base64'
  }
  return undefined
}

/** `realtime, json` → its parts; duplicates and empty ones left out. */
export function protocolsOf(header: string | null): readonly string[] {
  if (header === null) return []
  return [...new Set(header.split(',').map((name) => name.trim()))].filter((name) => name !== '')
}

export function acceptFor(key: string): string {
  return new Bun.CryptoHasher('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

function lists(header: string | null, option: string): boolean {
  return header !== null && header.split(',').some((part) => part.trim().toLowerCase() === option)
}
