import { describe, expect, test } from 'bun:test'
import type { Backend } from '#core/candidate.ts'
import type { Call } from '#core/call.ts'
import { Secret } from '#core/secret.ts'
import { requestHeaders, responseHeaders } from '#upstream/headers.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { callOf, headersOf } from '../../support/upstream.ts'

function sent(headers: Record<string, string>, backend: Partial<Backend> = {}, call: Partial<Call> = {}): Headers {
  const list = requestHeaders(
    callOf({ headers: new Headers(headers), ...call }),
    candidateOf('b', 'm', { backend: backendOf('b', backend) }),
  )
  return new Headers(list.map(([name, value]): [string, string] => [name, value]))
}

describe('requestHeaders()', () => {
  test('B37: every header of the client passes, odd ones too', () => {
    const odd = {
      'anthropic-beta': 'tools-2024,cache-2025',
      'openai-organization': 'org-1',
      'openai-project': 'proj',
      'openai-beta': 'assistants=v2',
      'idempotency-key': 'abc',
      'x-stainless-lang': 'js',
      'x-request-id': 'r-1',
      traceparent: '00-1-2-01',
      tracestate: 'a=b',
      'x-codex-turn': '3',
      originator: 'cli',
      'session-id': 's',
      'x-goog-api-client': 'genai',
      'content-type': 'application/json',
      accept: 'application/json',
      'accept-language': 'de',
      'accept-encoding': 'gzip, br',
      'user-agent': 'client/1',
      origin: 'http://page.test',
      via: '1.1 front',
      'x-latin': 'é',
      'x-empty': '',
    }
    expect(sent(odd).toJSON()).toEqual(odd)
  })

  test('headers that choose an account stay behind where there are credentials, unless they are the operator’s', () => {
    const choosing = { 'openai-organization': 'o', 'openai-project': 'p', 'x-goog-user-project': 'g' }
    expect(sent(choosing).toJSON()).toEqual(choosing)
    const apiKey = new Secret('key-of-b')
    expect(sent(choosing, { apiKey }).toJSON()).toMatchObject(choosing)
    const credentials = { backend: 'b', names: ['c1'], secrets: [] }
    expect(sent(choosing, { credentials }).toJSON()).toEqual({})
    const headers: Backend['headers'] = [['OpenAI-Organization', 'ours']]
    expect(sent(choosing, { credentials, headers }).get('openai-organization')).toBe('ours')
  })

  test('B38: headers about the connection stay behind, those that Connection names too', () => {
    const headers = sent({
      connection: 'keep-alive, X-Foo',
      'x-foo': '1',
      'keep-alive': 'timeout=5',
      'proxy-authorization': 'Basic x',
      'proxy-connection': 'keep-alive',
      te: 'trailers',
      trailer: 'x',
      'transfer-encoding': 'chunked',
      upgrade: 'websocket',
      'http2-settings': 'x',
      host: 'gateway',
      'content-length': '12',
      expect: '100-continue',
      'user-agent': 'u',
      'x-bar': '2',
    })
    expect(headers.toJSON()).toEqual({ 'user-agent': 'u', 'x-bar': '2' })
  })

  test('B03: the backend sees its own key and no credential of the client', () => {
    const headers = sent(
      {
        authorization: 'Bearer client',
        'x-api-key': 'client',
        'x-goog-api-key': 'client',
        'api-key': 'client',
        cookie: 'session=client',
      },
      { apiKey: new Secret('backend-key') },
    )
    expect(headers.get('authorization')).toBe('Bearer backend-key')
    expect(JSON.stringify(headers)).not.toContain('client')
  })

  test('B04: without a backend key no credential is sent at all', () => {
    const headers = sent({ authorization: 'Bearer client', 'user-agent': 'u' })
    expect(headers.toJSON()).toEqual({ 'user-agent': 'u' })
  })

  test('N121: a client without a user agent gets none that would tell of us', () => {
    expect(sent({}).get('user-agent')).toBeNull()
    expect(sent({ 'user-agent': 'mine/2' }).get('user-agent')).toBe('mine/2')
    expect(sent({}).has('accept-language')).toBe(false)
  })

  test('a stream is asked for uncompressed, a body as the client can read it', () => {
    expect(sent({ 'accept-encoding': 'gzip' }, {}, { stream: true }).get('accept-encoding')).toBe('identity')
    expect(sent({ 'accept-encoding': 'gzip' }).get('accept-encoding')).toBe('gzip')
    expect(sent({}).has('accept-encoding')).toBe(false)
  })

  test('the anthropic version is the client’s, or the oldest that everyone takes', () => {
    const endpoint = { path: '/v1/messages', dialect: 'anthropic', reads: 'json', stream: 'messages' } as const
    expect(sent({}, {}, { endpoint }).get('anthropic-version')).toBe('2023-06-01')
    expect(sent({ 'anthropic-version': '2026-10-21' }, {}, { endpoint }).get('anthropic-version')).toBe('2026-10-21')
    expect(sent({}).has('anthropic-version')).toBe(false)
  })

  test('B113: the client’s address is kept back unless forward_client_ip asks for it', () => {
    const headers = {
      'x-forwarded-for': '198.51.100.1',
      'x-forwarded-host': 'h',
      'x-real-ip': '198.51.100.1',
      forwarded: 'for=198.51.100.1',
      'user-agent': 'u',
    }
    expect(sent(headers).toJSON()).toEqual({ 'user-agent': 'u' })
    expect(sent(headers, { forwardClientIp: true }).toJSON()).toEqual({
      'user-agent': 'u',
      'x-forwarded-for': '198.51.100.1, 203.0.113.7',
    })
    expect(sent({}, { forwardClientIp: true }).get('x-forwarded-for')).toBe('203.0.113.7')
  })

  test.each([
    { name: 'a trusted proxy', peer: '10.0.0.1', before: '203.0.113.7', sent: '203.0.113.7, 10.0.0.1' },
    { name: 'a unix socket', peer: undefined, before: '203.0.113.7', sent: '203.0.113.7' },
    { name: 'a unix socket that names nobody', peer: undefined, before: '', sent: null },
  ])('B113: through $name X-Forwarded-For is "$sent"', ({ peer, before, sent: wanted }) => {
    const headers = sent(
      { 'x-forwarded-for': before },
      { forwardClientIp: true },
      { client: { address: '203.0.113.7', peer } },
    )
    expect(headers.get('x-forwarded-for')).toBe(wanted)
  })

  test('our own headers are not taken from a client', () => {
    expect(sent({ 'x-llm-proxy-anything': '1' }).has('x-llm-proxy-anything')).toBe(false)
  })

  test('headers of the backend replace all others of their name, the key’s too', () => {
    const headers = sent(
      { 'x-org': 'client', 'user-agent': 'client' },
      {
        apiKey: new Secret('backend-key'),
        headers: [
          ['X-Org', 'ours'],
          ['Authorization', 'Basic ours'],
          ['User-Agent', 'ours/1'],
        ],
      },
    )
    expect(headers.toJSON()).toEqual({ authorization: 'Basic ours', 'user-agent': 'ours/1', 'x-org': 'ours' })
  })
})

describe('responseHeaders()', () => {
  test('B40: headers of the upstream reach the client', () => {
    const kept = {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'retry-after': '7',
      'x-up': '1',
      'x-ratelimit-remaining-requests': '9',
      'anthropic-ratelimit-tokens-remaining': '9',
      'request-id': 'req_1',
      date: 'Tue, 13 Jan 2026 09:41:00 GMT',
      server: 'up',
    }
    expect(Object.fromEntries(responseHeaders(headersOf(kept), [new Secret('backend-key-0042')]))).toEqual(kept)
  })

  test('B38: headers about the connection, the origin and credentials do not', () => {
    const dropped = headersOf({
      connection: 'x-hop, close',
      'x-hop': '1',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      trailer: 'x',
      upgrade: 'h2c',
      'proxy-authenticate': 'Basic',
      'content-length': '5',
      'alt-svc': 'h3=":443"',
      'strict-transport-security': 'max-age=1',
      'access-control-allow-origin': '*',
      authorization: 'Bearer leaked',
      'x-api-key': 'leaked',
      'x-llm-proxy-backend': 'spoofed',
    })
    dropped.append('set-cookie', 'a=b')
    dropped.append('set-cookie', 'c=d')
    expect(responseHeaders(dropped, []).pairs).toEqual([])
  })

  test('N001: a header that tells a credential of the backend does not, whatever its name', () => {
    const received = headersOf({
      'x-echo': 'authorization: Bearer backend-key-0042',
      'x-debug-token': 'own-token-0042',
      server: 'up',
    })
    const secrets = [new Secret('backend-key-0042'), new Secret('own-token-0042')]
    expect(responseHeaders(received, secrets).pairs).toEqual([['server', 'up']])
  })

  test('what the upstream sent is not changed itself', () => {
    const received = headersOf({ 'content-length': '5' })
    responseHeaders(received, [])
    expect(received.get('content-length')).toBe('5')
  })
})
