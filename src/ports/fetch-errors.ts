import type { TransportFailure, TransportPhase } from './transport.ts'

/**
 * What an error of the platform's fetch means. `reached` is how far the exchange had come: until the head, a reset
 * happened before any answer. Messages are ours, because the platform's may hold the URL.
 */
export function explainFetchError(error: unknown, reached: 'head' | 'body'): TransportFailure {
  const code = codeOf(error)
  const [phase, cause, message] = known[code] ?? (isTls(code) ? tls(code) : unknown(code))
  return { kind: 'transport_failure', phase: phase ?? reached, cause, message }
}

/** Undefined phase: wherever the exchange was. */
type Meaning = readonly [phase: TransportPhase | undefined, cause: TransportFailure['cause'], message: string]

const known: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: ['connect', 'refused', 'the connection was refused'],
  EHOSTUNREACH: ['connect', 'refused', 'the host cannot be reached'],
  ENETUNREACH: ['connect', 'refused', 'the network cannot be reached'],
  ENOENT: ['connect', 'refused', 'there is no such unix socket'],
  FailedToOpenSocket: ['connect', 'other', 'no connection could be begun; are the TLS options of the backend right?'],
  ERR_PROXY_TUNNEL: ['connect', 'refused', 'the proxy refused the connection'],
  EADDRNOTAVAIL: ['connect', 'other', 'no local address or port is free'],
  ETIMEDOUT: ['connect', 'timeout', 'the connection timed out'],
  ENOTFOUND: ['dns', 'not_found', 'the host name was not found'],
  EAI_AGAIN: ['dns', 'other', 'the name server did not answer'],
  EAI_FAIL: ['dns', 'other', 'the name server failed'],
  DNSResolutionFailed: ['dns', 'other', 'the host name could not be looked up'],
  ECONNRESET: [undefined, 'reset', 'the connection was closed before the answer was complete'],
  EPIPE: [undefined, 'reset', 'the connection was closed before the answer was complete'],
  HTTP2Unsupported: ['tls', 'tls', 'it does not speak HTTP/2'],
  HTTP2StreamReset: [undefined, 'reset', 'the stream was reset before the answer was complete'],
  Malformed_HTTP_Response: ['head', 'malformed', 'the answer is not HTTP'],
  InvalidHTTPResponse: [undefined, 'malformed', 'the answer breaks the rules of HTTP'],
  InvalidContentLength: ['head', 'malformed', 'the length of the answer is not a number or not one'],
  UnsupportedTransferEncoding: ['head', 'malformed', 'the answer has an unknown transfer encoding'],
  ResponseHeadersTooLarge: ['head', 'malformed', 'the head of the answer is too large'],
  UnrequestedUpgrade: ['head', 'malformed', 'it changed the protocol without being asked'],
}

function unknown(code: string): Meaning {
  // The platform refuses a request that it cannot put on the wire with such errors; the upstream has no part in it.
  if (code === '' || code.startsWith('ERR_INVALID_')) return ['write', 'other', 'the request cannot be sent as it is']
  return [undefined, 'other', `the exchange failed with ${code}`]
}

function tls(code: string): Meaning {
  return ['tls', 'tls', `the TLS connection failed with ${code}`]
}

/** OpenSSL and Node name certificate errors by topic, so the topics are what is looked for. */
function isTls(code: string): boolean {
  return code === 'EPROTO' || /(?:TLS|SSL|CERT|SIGNATURE|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|CRL)/.test(code)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
