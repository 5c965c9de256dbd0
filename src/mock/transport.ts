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
  const { url, clocks, abort } = request
  const asked = {
    method: request.method,
    path: url.pathname,
    query: url.search.slice(1),
    headers: new Headers(request.headers.map(([name, value]): [string, string] => [name, value])),
    body: request.body ?? new Uint8Array(),
  }
  const limitMs = clocks.firstByteMs === 0 ? Infinity : clocks.firstByteMs
  const outcome = await exchangeWith(url.host, asked, ports, options, limitMs, abort.signal)
  if (outcome.kind !== 'head') return failures[outcome.kind]
  const { status, headers, body } = outcome
  if (status >= 200) return { kind: 'response', status, headers, body }
  await body.cancel()
  return failure('head', 'malformed', `the status ${status} is no final answer`)
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
