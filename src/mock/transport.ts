import { concat } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
import { exchangeWith, type MockOptions, type MockOutcome, type MockPorts } from './exchange.ts'

/** Serves `mock://name` URLs inside the program, as a network would: in time, abortable, and as faulty as asked. */
export function mockTransport(ports: MockPorts, options: MockOptions = {}): Transport {
  return { send: async (request) => await send(request, ports, options) }
}

async function send(
  request: OutgoingRequest,
  ports: MockPorts,
  options: MockOptions,
): Promise<IncomingResponse | TransportFailure> {
  const { url, clocks, stop } = request
  const body = request.body instanceof ReadableStream ? await readAll(request.body) : joined(request.body ?? [])
  if (body === undefined) return failure('write', 'other', 'the body of the request could not be read')
  const asked = {
    method: request.method,
    path: url.pathname,
    query: url.search.slice(1),
    headers: new Headers(request.headers.map(([name, value]): [string, string] => [name, value])),
    body,
  }
  const limitMs = clocks.firstByteMs === 0 ? Infinity : clocks.firstByteMs
  const outcome = await exchangeWith(url.host, asked, ports, options, limitMs, stop)
  if (outcome.kind !== 'head') return failures[outcome.kind]
  const { status } = outcome
  if (status >= 200) {
    const headers = HeaderList.from(outcome.headers)
    return { kind: 'response', status, headers, sentMs: undefined, body: outcome.body }
  }
  outcome.body.cancel()
  return failure('head', 'malformed', `the status ${status} is no final answer`)
}

async function readAll(body: ReadableStream<Uint8Array>): Promise<Uint8Array | undefined> {
  return await new Response(body).bytes().catch(() => undefined)
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : concat(pieces)
}

const failures: Readonly<Record<Exclude<MockOutcome['kind'], 'head'>, TransportFailure>> = {
  refused: failure('connect', 'refused', 'the connection was refused'),
  aborted: failure('head', 'aborted', 'the request was aborted'),
  late: failure('head', 'timeout', 'no answer arrived in time'),
}

function failure(
  phase: TransportFailure['phase'],
  cause: TransportFailure['cause'],
  message: string,
): TransportFailure {
  return { kind: 'transport_failure', phase, cause, message }
}
