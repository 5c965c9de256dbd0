import { connect } from 'node:net'

export interface WireRequest {
  readonly method?: string
  /** Path and query, as they go out. */
  readonly target: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Sent with its length. */
  readonly body?: string | Uint8Array
}

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Value of the first header of this name, in any case. */
  header(name: string): string | undefined
  readonly body: Buffer
  readonly text: string
  /** The body ended as its framing says. */
  readonly isWhole: boolean
  /** What the socket gave, and when (`performance.now()`); the head is part of it. */
  readonly arrivals: readonly { readonly atMs: number; readonly text: string }[]
}

/** Sends one request of any method and bytes on a connection of its own, and reads until that is closed. */
export async function askWire(address: string, request: WireRequest): Promise<WireAnswer> {
  const { method = 'GET', target, headers = [], body } = request
  const { hostname, port } = new URL(address)
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: gateway', 'Connection: close']
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  if (bytes !== undefined) lines.push(`Content-Length: ${bytes.byteLength}`)
  const parts: Buffer[] = []
  const arrivals: { atMs: number; text: string }[] = []
  const ended = Promise.withResolvers<void>()
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('data', (part) => {
    const piece = Buffer.from(part)
    parts.push(piece)
    arrivals.push({ atMs: performance.now(), text: piece.toString('latin1') })
  })
  socket.on('error', () => {})
  socket.on('close', () => ended.resolve())
  socket.on('connect', () => {
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    if (bytes !== undefined) socket.write(bytes)
  })
  await ended.promise
  return { ...readWire(Buffer.concat(parts), method), arrivals }
}

/** One answer, all of it that came. */
export function readWire(bytes: Buffer, method: string): Omit<WireAnswer, 'arrivals'> {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) throw new Error(`The connection ended before there was an answer: ${bytes.toString('latin1')}`)
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const header = (name: string): string | undefined => headers.find(([own]) => own.toLowerCase() === name)?.[1]
  const status = Number(first.split(' ')[1])
  const { body, isWhole } = readBody(bytes.subarray(headEnd + 4), {
    isBodiless: method === 'HEAD' || status === 204 || status === 304,
    length: header('content-length'),
    isChunked: header('transfer-encoding')?.toLowerCase() === 'chunked',
  })
  return { status, headers, header, body, text: body.toString(), isWhole }
}

interface Framing {
  readonly isBodiless: boolean
  readonly length: string | undefined
  readonly isChunked: boolean
}

function readBody(bytes: Buffer, { isBodiless, length, isChunked }: Framing): { body: Buffer; isWhole: boolean } {
  // Bytes behind an answer that has no body would belong to nobody.
  if (isBodiless) return { body: bytes, isWhole: bytes.byteLength === 0 }
  if (!isChunked) return { body: bytes, isWhole: length !== undefined && bytes.byteLength === Number(length) }
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = lineEnd === -1 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (!(end <= bytes.byteLength)) return { body: Buffer.concat(chunks), isWhole: false }
    if (size === 0) return { body: Buffer.concat(chunks), isWhole: end === bytes.byteLength }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = end
  }
}
