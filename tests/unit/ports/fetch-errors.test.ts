import { expect, test } from 'bun:test'
import { explainFetchError } from '#ports/fetch-errors.ts'
import type { TransportFailure } from '#ports/transport.ts'

type Row = readonly [code: string, reached: 'head' | 'body', TransportFailure['phase'], TransportFailure['cause']]

test.each<Row>([
  ['ECONNREFUSED', 'head', 'connect', 'refused'],
  ['EHOSTUNREACH', 'head', 'connect', 'refused'],
  ['ETIMEDOUT', 'head', 'connect', 'timeout'],
  ['ENOTFOUND', 'head', 'dns', 'not_found'],
  ['EAI_AGAIN', 'head', 'dns', 'other'],
  ['DNSResolutionFailed', 'head', 'dns', 'other'],
  ['ENOENT', 'head', 'connect', 'refused'],
  ['ERR_PROXY_TUNNEL', 'head', 'connect', 'refused'],
  ['FailedToOpenSocket', 'head', 'connect', 'other'],
  ['HTTP2Unsupported', 'head', 'tls', 'tls'],
  ['HTTP2StreamReset', 'body', 'body', 'reset'],
  ['ECONNRESET', 'head', 'head', 'reset'],
  ['ECONNRESET', 'body', 'body', 'reset'],
  ['InvalidHTTPResponse', 'head', 'head', 'malformed'],
  ['InvalidHTTPResponse', 'body', 'body', 'malformed'],
  ['Malformed_HTTP_Response', 'head', 'head', 'malformed'],
  ['InvalidContentLength', 'head', 'head', 'malformed'],
  ['ResponseHeadersTooLarge', 'head', 'head', 'malformed'],
  ['UnrequestedUpgrade', 'head', 'head', 'malformed'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'head', 'tls', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'head', 'tls', 'tls'],
  ['CERT_HAS_EXPIRED', 'head', 'tls', 'tls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'head', 'tls', 'tls'],
  ['TLSHandshakeFailed', 'head', 'tls', 'tls'],
  ['EPROTO', 'head', 'tls', 'tls'],
  ['ERR_INVALID_ARG_VALUE', 'head', 'write', 'other'],
  ['SomethingNew', 'head', 'head', 'other'],
  ['SomethingNew', 'body', 'body', 'other'],
])('explainFetchError() takes %s until the %s for %s, %s', (code, reached, phase, cause) => {
  const error = Object.assign(new TypeError('at http://10.0.0.1/?key=secret'), { code })
  const failure = explainFetchError(error, reached)
  expect(failure).toMatchObject({ kind: 'transport_failure', phase, cause })
  expect(failure.message).not.toContain('10.0.0.1')
})

test.each<[string, unknown]>([
  ['an error without a code', new TypeError('Header has invalid value')],
  ['a code that is no text', { code: 5 }],
  ['a text', 'text'],
  ['nothing', undefined],
])('explainFetchError() takes %s for a request that cannot be sent', (_, error) => {
  expect(explainFetchError(error, 'head')).toMatchObject({ phase: 'write', cause: 'other' })
})
