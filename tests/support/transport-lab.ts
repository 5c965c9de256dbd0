import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  isSafeToRepeat,
  type IncomingResponse,
  type Link,
  type OutgoingRequest,
  type TlsOptions,
  type Transport,
  type TransportFailure,
} from '#ports/transport.ts'
import { readThrough } from './body.ts'
import { FakeClock } from './fake-clock.ts'
import { linkWith, outgoing } from './outgoing.ts'
import { rawOrigin, type RawOptions, type RawOrigin, type RawPeer } from './raw-origin.ts'

/** What interchangeable transports are tried in: fake time, and real upstreams on loopback that may do anything. */
export class Lab implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly transport: Transport
  readonly #open: (() => Promise<void>)[] = []

  constructor(make: (clock: FakeClock) => Transport) {
    this.transport = make(this.clock)
  }

  async origin(script: (peer: RawPeer) => void = () => {}, options?: RawOptions): Promise<RawOrigin> {
    const origin = await rawOrigin(script, options)
    this.#open.push(async () => await origin.stop())
    return origin
  }

  /** An origin that sends these bytes, then closes. */
  async answering(bytes: string | Uint8Array): Promise<RawOrigin> {
    return await this.origin((peer) => peer.end(bytes))
  }

  /** An HTTP proxy on loopback that opens every tunnel it is asked for. */
  async proxy(answer = 'HTTP/1.1 200 OK\r\n\r\n'): Promise<TunnelProxy> {
    const proxy = await tunnelProxy(answer)
    this.#open.push(async () => await proxy.stop())
    return proxy
  }

  unixPath(): string {
    const path = join(tmpdir(), `conformance-${crypto.randomUUID()}.sock`)
    this.#open.push(async () => rmSync(path, { force: true }))
    return path
  }

  async send(url: URL, changes: Partial<OutgoingRequest> = {}): Promise<IncomingResponse | TransportFailure> {
    return await this.transport.send(outgoing(url, { link: this.link(), ...changes }))
  }

  /** Sends, reads to the end, and says what came. */
  async ask(url: URL, changes: Partial<OutgoingRequest> = {}): Promise<string> {
    return await told(await this.send(url, changes))
  }

  link(tls: Partial<TlsOptions> = {}, changes: Partial<Link> = {}): Link {
    return { ...linkWith({}, tls), ...changes }
  }

  /**
   * Lets fake time pass beyond a limit, with some tolerance for how timers are kept, and then waits for the work: it has
   * to be over by then, and not before the limit.
   */
  async endingAfter<T>(limitMs: number, work: Promise<T>): Promise<readonly [T, 'on time' | 'too early']> {
    let isOver = false
    const watched = work.finally(() => (isOver = true))
    let isEarly = false
    for (let passedMs = 0; passedMs < limitMs + toleranceMs; passedMs += stepMs) {
      await turns(10)
      if (passedMs < limitMs) isEarly ||= isOver
      await this.clock.advance(stepMs)
    }
    return [await watched, isEarly ? 'too early' : 'on time']
  }

  /** Lets fake time pass until the work is over, which may not be before the limit. */
  async endingSomeTimeAfter<T>(limitMs: number, work: Promise<T>): Promise<readonly [T, 'on time' | 'too early']> {
    const startedMs = this.clock.monotonicMs()
    const end: { atMs: number | undefined } = { atMs: undefined }
    const watched = work.finally(() => (end.atMs = this.clock.monotonicMs()))
    for (; end.atMs === undefined; await this.clock.advance(stepMs)) await turns(10)
    return [await watched, end.atMs - startedMs < limitMs ? 'too early' : 'on time']
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#open.toReversed()) await close()
  }
}

const stepMs = 100
const toleranceMs = 3000

/** Lets the event loop turn, so that what happened on sockets is noticed. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve))
}

/** In short: `200 text`, `200 text | body reset` when it broke after that text, or `head malformed`. */
export async function told(outcome: IncomingResponse | TransportFailure): Promise<string> {
  if (outcome.kind === 'transport_failure') return brief(outcome)
  const { pieces, end } = await readThrough(outcome.body)
  const said = `${outcome.status} ${Buffer.concat(pieces).toString('latin1')}`
  return end === 'end' ? said : `${said} | ${brief(end)}`
}

/** Phase and cause; and whether the request may be repeated. */
export function brief(failure: TransportFailure): string {
  return `${failure.phase} ${failure.cause}${isSafeToRepeat(failure) ? ', safe to repeat' : ''}`
}

export function responded(outcome: IncomingResponse | TransportFailure): IncomingResponse {
  if (outcome.kind === 'response') return outcome
  throw new Error(`No response: ${brief(outcome)}, ${outcome.message}`)
}

export interface TunnelProxy {
  readonly url: URL
  /** Heads that it was sent, oldest first. */
  readonly heads: readonly string[]
  stop(): Promise<void>
}

async function tunnelProxy(answer: string): Promise<TunnelProxy> {
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((socket) => {
    keep(socket).once('data', (bytes) => {
      heads.push(bytes.toString('latin1'))
      const port = /^CONNECT [^ ]*:(\d+) /.exec(bytes.toString('latin1'))?.[1]
      if (port === undefined || !answer.startsWith('HTTP/1.1 200')) return void socket.end(answer)
      const there = keep(
        connect(Number(port), '127.0.0.1', () => {
          socket.write(answer)
          socket.pipe(there)
          there.pipe(socket)
        }),
      )
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('Cannot tell the port: the proxy has none')
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    heads,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
