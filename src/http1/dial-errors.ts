import type { TransportFailure } from '#ports/transport.ts'
import { transportFailure } from './failure.ts'

/** What the system's error codes mean while a connection is being made. */
export function connectFailure(code: string): TransportFailure {
  const [cause, words] = meanings[code] ?? ['other', 'no connection could be made']
  return transportFailure('connect', cause, `${words} (${code === '' ? 'no code' : code})`)
}

/** Why TLS with `whom` did not come about, from the platform's error. */
export function tlsFailure(error: unknown, whom: string): TransportFailure {
  const code = codeOf(error)
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return transportFailure('tls', 'reset', `${whom} closed the connection during the TLS handshake (${code})`)
  }
  const reason = reasonOf(error)
  const named = reason === undefined ? code : `${code} ${reason}`
  const advice = reason === undefined ? undefined : (advices[reason] ?? undefined)
  const message = `the TLS connection to ${whom} failed with ${named === '' ? 'no code' : named}`
  return transportFailure('tls', 'tls', advice === undefined ? message : `${message}: ${advice}`)
}

export function givenUp(phase: TransportFailure['phase']): TransportFailure {
  return transportFailure(phase, 'aborted', 'the exchange was given up')
}

export function isFailure(value: object): value is TransportFailure {
  return 'kind' in value && value.kind === 'transport_failure'
}

/** The code of a system or OpenSSL error, without the prefix that some resolvers put before it. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return ''
  return error.code.replace(/^DNS_/, '')
}

const meanings: Readonly<Record<string, readonly [cause: TransportFailure['cause'], words: string]>> = {
  ECONNREFUSED: ['refused', 'the connection was refused'],
  EHOSTUNREACH: ['refused', 'the host cannot be reached'],
  EHOSTDOWN: ['refused', 'the host cannot be reached'],
  ENETUNREACH: ['refused', 'the network cannot be reached'],
  ENETDOWN: ['refused', 'the network cannot be reached'],
  ENOENT: ['refused', 'there is no such unix socket'],
  ETIMEDOUT: ['timeout', 'the connection timed out'],
  ECONNRESET: ['reset', 'the connection was closed while it was being made'],
  EACCES: ['other', 'the system forbids the connection'],
  EPERM: ['other', 'the system forbids the connection'],
  EADDRNOTAVAIL: ['other', 'no local address or port is free'],
  EMFILE: ['other', 'too many files and connections are open'],
  ENFILE: ['other', 'too many files and connections are open'],
}

/** Reasons of OpenSSL behind which there is hardly ever another thing. */
const advices: Readonly<Record<string, string>> = {
  WRONG_VERSION_NUMBER: 'what answers there does not speak TLS',
  HTTP_REQUEST: 'what answers there does not speak TLS',
  UNSUPPORTED_PROTOCOL: 'it speaks no TLS version that is allowed here',
  TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks no TLS version that is allowed here',
}

/** OpenSSL's own word for what went wrong; the rest of its messages is noise. */
function reasonOf(error: unknown): string | undefined {
  return error instanceof Error ? /OPENSSL_internal:([A-Z0-9_]+)/.exec(error.message)?.[1] : undefined
}
