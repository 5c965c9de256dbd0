import { expect, test } from 'bun:test'
import type { Refusal } from '#core/refusal.ts'
import { objectionTo, objectionToBody, targetOf } from '#server/guard.ts'

function requestOf(url: string, method = 'GET', headers: Record<string, string> = {}): Request {
  // The platform hands over relative URLs when Host is missing or malformed; the Request constructor would not.
  return { url, method, headers: new Headers(headers) } as unknown as Request
}

function objection(request: Request): Refusal | undefined {
  return objectionTo(request, targetOf(request))
}

test.each([
  { name: 'path and query are cut apart', url: 'http://a/v1/x?y=1&z', path: '/v1/x', query: 'y=1&z' },
  { name: 'percent-encoding stays as it was sent', url: 'http://a/v1/a%2Fb?x=%20', path: '/v1/a%2Fb', query: 'x=%20' },
  {
    name: 'H2, B14: a host that URL cannot parse does no harm',
    url: 'http://a:99999/health',
    path: '/health',
    query: '',
  },
  { name: 'a fragment is dropped', url: 'http://a/health#x', path: '/health', query: '' },
  { name: 'no path is the root', url: 'http://a', path: '/', query: '' },
  { name: 'H1, B15: a probe of HTTP/1.0 without Host is served', url: '/health', path: '/health', query: '' },
])('$name', ({ url, path, query }) => {
  expect(targetOf(requestOf(url))).toEqual({ path, query })
  expect(objection(requestOf(url))).toBeUndefined()
})

test.each([
  {
    name: 'H1, B13: a malformed Host is refused, or routing would lose a path segment',
    url: '/aaaaaaa/admin',
    method: 'GET',
    headers: { host: 'a b' },
    code: 'invalid_host',
  },
  { name: 'H4, B19: CONNECT is refused', url: 'a:443', method: 'CONNECT', headers: {}, code: 'method_not_allowed' },
  { name: 'H4, B19: TRACE is refused', url: 'http://a/', method: 'TRACE', headers: {}, code: 'method_not_allowed' },
  {
    name: 'B31: a NUL in the path is refused',
    url: 'http://a/v1/a%00b',
    method: 'POST',
    headers: {},
    code: 'invalid_parameter',
  },
])('$name', ({ url, method, headers, code }) => {
  expect(objection(requestOf(url, method, headers))?.code).toBe(code)
})

test.each([
  { name: 'a large body', headers: { 'content-length': '1048577' }, isHigh: true, code: 'overloaded' },
  { name: 'a body of unknown size', headers: { 'transfer-encoding': 'chunked' }, isHigh: true, code: 'overloaded' },
  { name: 'a small body', headers: { 'content-length': '1048576' }, isHigh: true, code: undefined },
  { name: 'no body', headers: {}, isHigh: true, code: undefined },
  { name: 'a large body when there is room', headers: { 'content-length': '1048577' }, isHigh: false, code: undefined },
])('F95: $name while memory is short ($isHigh) gives $code', ({ headers, isHigh, code }) => {
  const refusal = objectionToBody(requestOf('http://a/v1/chat/completions', 'POST', { ...headers }), { isHigh })
  expect<string | undefined>(refusal?.code).toBe(code)
})
