import { Stop } from '#kit/stop.ts'
import type { IncomingBody } from '#ports/transport.ts'
import { exchangeWith, type MockOptions, type MockPorts } from './exchange.ts'

export interface MockAddress {
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
}

/** A mock backend that listens on a socket of its own. */
export interface MockServer {
  /** `http://host:port`. */
  readonly url: string
  /** Closes the socket and every connection. */
  stop(): Promise<void>
}

/**
 * Starts a mock backend as a server. Its faults are real on the wire, with two differences to `mock://`: a listening
 * server cannot refuse a connection, so `dead` resets it within the head; and `badstatus` is a 101.
 * Throws what `Bun.serve` throws when the address cannot be used.
 */
export function startMockServer(address: MockAddress, ports: MockPorts, options: MockOptions = {}): MockServer {
  const server = Bun.serve({
    hostname: address.host,
    port: address.port,
    development: false,
    // Without this, a second process takes the same port unnoticed.
    reusePort: false,
    idleTimeout: 0,
    error: () => new Response('Cannot answer the request: the mock backend failed\n', { status: 500 }),
    fetch: async (request) => await answer(request, ports, options),
  })
  return {
    url: server.url.origin,
    stop: async () => await server.stop(true),
  }
}

async function answer(request: Request, ports: MockPorts, options: MockOptions): Promise<Response> {
  // A request line without a host gives a relative URL.
  const url = new URL(request.url, 'http://mock.invalid')
  const asked = {
    method: request.method,
    path: url.pathname,
    query: url.search.slice(1),
    headers: request.headers,
    body: new Uint8Array(await request.arrayBuffer()),
  }
  const stop = new Stop()
  request.signal.addEventListener('abort', () => stop.ask(), { once: true })
  if (request.signal.aborted) stop.ask()
  const outcome = await exchangeWith('mock', asked, ports, options, Infinity, stop)
  if (outcome.kind !== 'head') return new Response(brokenBody(ports))
  const { status, headers, body } = outcome
  if (status < 200) return new Response(null, { status })
  return new Response(body.whole ?? streamOf(body, ports), { status, headers })
}

/** Fails after a turn, which the server answers with a reset in the middle of the head. */
function brokenBody({ clock }: MockPorts): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await clock.sleep(1)
      controller.error(new Error('Cannot answer the request: the mock backend plays dead'))
    },
  })
}

// A reset destroys what the socket has not sent yet, so the break waits until it has.
const flushMs = 20

/** The same bytes; a break comes a little later. */
function streamOf(body: IncomingBody, { clock }: MockPorts): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const step = await body.read()
      if (step instanceof Uint8Array) return controller.enqueue(step)
      if (step === 'end') return controller.close()
      await clock.sleep(flushMs)
      controller.error(step)
    },
    cancel: () => body.cancel(),
  })
}
