import { expect, test } from 'bun:test'
import { objectionTo, targetOf } from '#server/guard.ts'

function requestOf(url: string, method = 'GET', headers: Record<string, string> = {}): Request {
  // The platform hands over relative URLs when Host is missing or malformed; the Request constructor would not.
  return { url, method, headers: new Headers(headers) } as unknown as Request
}

test.each([
  { name: 'path and query are cut apart', url: 'http://a/v1/x?y=1&z', path: '/v1/x', query: 'y=1&z' },
  { name: 'percent-encoding stays as it was sent', url: 'http://a/v1/a%2Fb?x=%20', path: '/v1/a%2Fb', query: 'x=%20' },
  { name: 'a host that URL cannot parse does no harm', url: 'http://a:99999/health', path: '/health', query: '' },
  { name: 'a fragment is dropped', url: 'http://a/health#x', path: '/health', query: '' },
  { name: 'no path is the root', url: 'http://a', path: '/', query: '' },
  { name: 'a probe of HTTP/1.0 without Host is served', url: '/health', path: '/health', query: '' },
])('$name', ({ url, path, query }) => {
  expect(targetOf(requestOf(url))).toEqual({ path, query })
  expect(objectionTo(requestOf(url))).toBeUndefined()
})

test.each([
  {
    name: 'a malformed Host is refused, or routing would lose a path segment',
    url: '/aaaaaaa/admin',
    method: 'GET',
    headers: { host: 'a b' },
    code: 'invalid_host',
  },
  { name: 'CONNECT is refused', url: 'a:443', method: 'CONNECT', headers: {}, code: 'method_not_allowed' },
  { name: 'TRACE is refused', url: 'http://a/', method: 'TRACE', headers: {}, code: 'method_not_allowed' },
])('$name', ({ url, method, headers, code }) => {
  expect(objectionTo(requestOf(url, method, headers))?.code).toBe(code)
})
