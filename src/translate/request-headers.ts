import type { BackendRequest, Framing } from './codec.ts'

/**
 * What a backend of another form is told beside the body. Nothing of the client's but the traces that tie logs together:
 * its other headers speak of an API that the backend does not know (formats §9.1).
 */
export function requestHeaders(client: Headers, request: BackendRequest, framing: Framing): Headers {
  const headers = new Headers({
    'content-type': 'application/json',
    accept: request.stream ? accepted[framing] : 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'llm-proxy',
  })
  for (const name of traces) {
    const value = client.get(name)
    if (value !== null) headers.set(name, value)
  }
  for (const [name, value] of request.headers) headers.set(name, value)
  return headers
}

const accepted: Readonly<Record<Framing, string>> = {
  sse: 'text/event-stream',
  lines: 'application/x-ndjson',
  array: 'application/json',
  aws: 'application/vnd.amazon.eventstream',
  raw: '*/*',
}

const traces = ['x-request-id', 'traceparent', 'tracestate']
