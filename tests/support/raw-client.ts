import { connect } from 'node:net'

/** A client on a bare socket: no pool, no limit of parallel requests, and every way of ending is seen. */
export interface RawClient extends Disposable {
  /** Sends a request; the next one may be sent when its answer has ended. */
  send(request: ClientRequest): ClientExchange
  /** Resolves with how the server closed the connection. */
  readonly closed: Promise<'fin' | 'reset'>
  /** Reads nothing more. */
  pause(): void
  close(): void
}

export interface ClientRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** What is announced, where that is not the body's length. */
  readonly length?: number
  /** The head is begun at once, and sent to its end and with its body when this has resolved. */
  readonly after?: Promise<void>
}

/** An answer that comes in. */
export interface ClientExchange {
  /** Rejects when the connection ends before there was one. */
  readonly head: Promise<ClientHead>
  /** Resolves when the first bytes of the body are there, or when there will be none. */
  readonly begun: Promise<void>
  readonly ended: Promise<ClientAnswer>
}

export interface ClientHead {
  readonly status: number
  readonly headers: Headers
}

export interface ClientAnswer extends ClientHead {
  readonly text: string
  /** True when the body ended as its framing says; false when the connection ended before. */
  readonly isWhole: boolean
}

/** Connects to `http://host:port` or `unix:/path`. */
export async function rawClient(address: string): Promise<RawClient> {
  const socket = connect(socketOf(address))
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('error', reject)
  })
  const closed = Promise.withResolvers<'fin' | 'reset'>()
  let reader: AnswerReader | undefined
  let hasError = false
  socket.on('error', () => (hasError = true))
  socket.on('data', (bytes) => reader?.take(Buffer.from(bytes)))
  socket.on('close', () => {
    reader?.gone()
    closed.resolve(hasError ? 'reset' : 'fin')
  })
  return {
    send(request) {
      reader = new AnswerReader()
      const text = requestText(request)
      const split = request.after === undefined ? text.length : text.indexOf('\r\n')
      socket.write(text.slice(0, split))
      void request.after?.then(() => socket.write(text.slice(split)))
      return reader
    },
    closed: closed.promise,
    pause: () => void socket.pause(),
    close: () => void socket.destroy(),
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

/** One request on a connection of its own. */
export async function rawRequest(address: string, request: ClientRequest): Promise<ClientAnswer> {
  using client = await rawClient(address)
  return await client.send({ ...request, headers: { connection: 'close', ...request.headers } }).ended
}

/** A Chat Completions request; a stream unless told otherwise. */
export function chatRequest(model: string, extra: Readonly<Record<string, unknown>> = {}, key = ''): ClientRequest {
  const body = { model, messages: [{ role: 'user', content: 'hi' }], stream: true, ...extra }
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', ...(key === '' ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
  }
}

function socketOf(address: string): { path: string } | { host: string; port: number } {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const { hostname, port } = new URL(address)
  return { host: hostname, port: Number(port) }
}

function requestText({ method = 'GET', path, headers = {}, body = '', length }: ClientRequest): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: gateway']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (method === 'POST') lines.push(`Content-Length: ${length ?? Buffer.byteLength(body)}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Reads one answer with a length, in chunks, or up to the end of the connection. */
class AnswerReader implements ClientExchange {
  readonly #head = Promise.withResolvers<ClientHead>()
  readonly #begun = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<ClientAnswer>()
  readonly head = this.#head.promise
  readonly begun = this.#begun.promise
  readonly ended = this.#ended.promise
  readonly #body: Buffer[] = []
  #unread: Buffer = Buffer.alloc(0)
  #got: ClientHead | undefined
  #isOver = false

  constructor() {
    // Whoever waits for one of them alone must not be told twice.
    this.head.catch(() => {})
    this.ended.catch(() => {})
  }

  take(bytes: Buffer): void {
    if (this.#isOver) return
    this.#unread = Buffer.concat([this.#unread, bytes])
    if (this.#got === undefined && !this.#readHead()) return
    this.#readBody()
  }

  gone(): void {
    if (this.#isOver) return
    if (this.#got === undefined) {
      const error = new Error('The connection ended before there was an answer')
      this.#head.reject(error)
      this.#ended.reject(error)
    }
    const { headers } = this.#got ?? {}
    const isFramed = headers?.has('content-length') === true || headers?.has('transfer-encoding') === true
    this.#end(!isFramed)
  }

  #readHead(): boolean {
    const end = this.#unread.indexOf('\r\n\r\n')
    if (end === -1) return false
    const [first = '', ...lines] = this.#unread.subarray(0, end).toString('latin1').split('\r\n')
    this.#unread = this.#unread.subarray(end + 4)
    const headers = new Headers()
    for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
    this.#got = { status: Number(first.split(' ')[1]), headers }
    this.#head.resolve(this.#got)
    return true
  }

  #readBody(): void {
    const { status = 0, headers } = this.#got ?? {}
    if (status === 204 || status === 304) return this.#end(true)
    if (headers?.get('transfer-encoding')?.includes('chunked') === true) return this.#readChunks()
    this.#keep(this.#unread)
    this.#unread = Buffer.alloc(0)
    const length = headers?.get('content-length')
    const size = this.#body.reduce((sum, part) => sum + part.length, 0)
    if (typeof length === 'string' && size >= Number(length)) this.#end(true)
  }

  #readChunks(): void {
    for (;;) {
      const lineEnd = this.#unread.indexOf('\r\n')
      if (lineEnd === -1) return
      const size = Number.parseInt(this.#unread.subarray(0, lineEnd).toString('latin1'), 16)
      if (this.#unread.length < lineEnd + 2 + size + 2) return
      if (size === 0) return this.#end(true)
      this.#keep(this.#unread.subarray(lineEnd + 2, lineEnd + 2 + size))
      this.#unread = this.#unread.subarray(lineEnd + 2 + size + 2)
    }
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return
    this.#body.push(part)
    this.#begun.resolve()
  }

  #end(isWhole: boolean): void {
    this.#isOver = true
    this.#begun.resolve()
    if (this.#got === undefined) return
    this.#ended.resolve({ ...this.#got, text: Buffer.concat(this.#body).toString('utf8'), isWhole })
  }
}

/** What a server said to bytes that may be no HTTP at all. */
export interface RawReply {
  readonly answers: readonly ClientAnswer[]
  /** `kept`: one more request on the same connection was answered. `silent`: nothing came, and nothing was closed. */
  readonly fate: 'kept' | 'closed' | 'silent'
}

/** Sends bytes as they are, and behind the first answer a request that shows whether the connection still serves. */
export async function speak(address: string, bytes: string | Uint8Array, silentAfterMs = 1500): Promise<RawReply> {
  const socket = connect(socketOf(address))
  const { promise, resolve } = Promise.withResolvers<RawReply>()
  const parts: Buffer[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let hasAskedAgain = false
  const end = (isClosed: boolean): void => {
    clearTimeout(timer)
    socket.destroy()
    const answers = answersIn(Buffer.concat(parts))
    const again = hasAskedAgain && answers.at(-1)?.text === secondAnswer ? answers.pop() : undefined
    resolve({ answers, fate: again !== undefined ? 'kept' : isClosed ? 'closed' : 'silent' })
  }
  socket.on('error', () => {})
  socket.on('close', () => end(true))
  socket.on('data', (part) => {
    parts.push(Buffer.from(part))
    if (hasAskedAgain || !answersIn(Buffer.concat(parts)).some(({ status }) => status >= 200)) return
    hasAskedAgain = true
    socket.write(secondRequest)
  })
  socket.on('connect', () => socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes))
  timer = setTimeout(() => end(false), silentAfterMs)
  return await promise
}

const secondRequest = 'GET /livez HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n'
const secondAnswer = 'ok'

/** Answers one behind the other, as far as they are whole; those before a final one (100, 103) count too. */
function answersIn(bytes: Buffer): ClientAnswer[] {
  const answers: ClientAnswer[] = []
  for (let at = 0; at < bytes.length;) {
    const headEnd = bytes.indexOf('\r\n\r\n', at)
    if (headEnd === -1) break
    const [first = '', ...lines] = bytes.toString('latin1', at, headEnd).split('\r\n')
    const headers = new Headers()
    for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
    const end = headEnd + 4 + Number(headers.get('content-length') ?? 0)
    if (end > bytes.length) break
    const text = bytes.toString('utf8', headEnd + 4, end)
    answers.push({ status: Number(first.split(' ')[1]), headers, text, isWhole: true })
    at = end
  }
  return answers
}
