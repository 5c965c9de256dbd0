import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { rawRequest, speak, type ClientAnswer } from '../support/raw-client.ts'
import { plainAnswer, rawOrigin, type RawOrigin, type RawRequest } from '../support/raw-origin.ts'

const clientKey = 'sk-client-0123456789'
const backendKey = 'sk-backend-9876543210'
const adminKey = 'sk-admin-0123456789'
const answer = '{"choices":[]}'

let origin: RawOrigin
let elsewhere: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  const good = plainAnswer(answer, ['Content-Type: application/json'])
  origin = await rawOrigin((peer) => peer.write(good))
  elsewhere = await rawOrigin((peer) => peer.write(good))
  gateway = await startGateway(`
proxy_api_key: ${clientKey}
admin: { key: ${adminKey} }
max_body_size: 16mb
backends:
  - { name: a, url: "${origin.url.origin}/v1", api_key: ${backendKey} }
  - { name: g, url: "${origin.url.origin}/v1beta", api_key: ${backendKey}, protocol: gemini }
models:
  m: { routes: [{ backend: a, model: m }] }
  "org/g": { routes: [{ backend: g, model: g }] }
  off: { enabled: false, routes: [{ backend: a, model: m }] }
logging: { level: debug }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([origin.stop(), elsewhere.stop()])
})

/** One way to send something that nobody should, and what must become of it. */
interface Row {
  readonly id: string
  readonly name: string
  readonly bytes: string | Uint8Array
  /** Statuses in order; none: the connection is closed without a word. */
  readonly gives: readonly number[]
  /** Code of our error; undefined where the platform answers by itself, or where the request is served. */
  readonly code?: string
  readonly param?: string
  readonly fate?: 'kept' | 'closed' | 'silent'
  /** A backend sees it. */
  readonly isServed?: boolean
  /** What a backend that sees it must have got. */
  readonly arrives?: (request: RawRequest) => void
  readonly allow?: string
}

const chat = '/v1/chat/completions'
const hello = '{"model":"m"}'
const bearer = `Authorization: Bearer ${clientKey}`
const json = 'Content-Type: application/json'

interface Sent {
  readonly path?: string
  readonly method?: string
  readonly version?: string
  readonly host?: string
  /** Lines of the head beside Host and the length. */
  readonly lines?: readonly string[]
  /** Framing lines in place of the right length. */
  readonly framing?: readonly string[]
  readonly body?: string | Uint8Array
}

/** A chat request, right in all that is not given. */
function post({ body = hello, framing, ...head }: Sent = {}): Buffer {
  const { path = chat, method = 'POST', version = 'HTTP/1.1', host = 'Host: g', lines = [bearer, json] } = head
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  const text = [`${method} ${path} ${version}`, host, ...lines, ...(framing ?? [length]), '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(text, 'latin1'), typeof body === 'string' ? Buffer.from(body) : body])
}

function get(path: string, lines: readonly string[] = ['Host: g']): Buffer {
  return Buffer.from([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'), 'latin1')
}

function chunks(body: string): Buffer {
  return post({ framing: ['Transfer-Encoding: chunked'], body })
}

/** The platform's own refusal: an empty body, and the end of the connection. */
function refused(id: string, names: Readonly<Record<string, Buffer>>, status = 400): Row[] {
  return Object.entries(names).map(([name, bytes]) => ({ id, name, bytes, gives: [status], fate: 'closed' }))
}

const chunk = `d\r\n${hello}\r\n`

const framing: readonly Row[] = [
  ...refused('B1', { 'a length and chunks': post({ framing: ['Content-Length: 13', 'Transfer-Encoding: chunked'] }) }),
  ...refused('B2', {
    'two different lengths': post({ framing: ['Content-Length: 13', 'Content-Length: 5'] }),
    ...Object.fromEntries(
      ['5, 6', '+5', '-5', '0x5', '5.0', '1_0', '', '18446744073709551621', '\v5'].map((length) => [
        `the length ${JSON.stringify(length)}`,
        post({ framing: [`Content-Length: ${length}`] }),
      ]),
    ),
  }),
  {
    id: 'B3',
    name: 'the same length twice',
    bytes: post({ framing: ['Content-Length: 13', 'Content-Length: 13'] }),
    gives: [200],
    fate: 'kept',
    isServed: true,
    arrives: (request) => expect(request.headers.filter(([name]) => /length/i.test(name))).toHaveLength(1),
  },
  ...refused(
    'B4',
    Object.fromEntries(
      ['identity', 'xchunked', 'gzip,chunked', '"chunked"', 'chunked\0', '\xffchunked', 'chunked\r\n ,x'].map(
        (coding) => [
          `the transfer coding ${JSON.stringify(coding)}`,
          post({ framing: [`Transfer-Encoding: ${coding}`], body: `${chunk}0\r\n\r\n` }),
        ],
      ),
    ),
  ),
  ...refused('B4', {
    'chunked twice': post({
      framing: ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      body: `${chunk}0\r\n\r\n`,
    }),
    'a blank in front of the colon': post({ framing: ['Transfer-Encoding : chunked'], body: `${chunk}0\r\n\r\n` }),
  }),
  ...refused('B5', {
    'chunks in HTTP/1.0': post({
      version: 'HTTP/1.0',
      framing: ['Transfer-Encoding: chunked'],
      body: `${chunk}0\r\n\r\n`,
    }),
  }),
  ...refused(
    'B6',
    Object.fromEntries(
      ['0xd', '+d', '-d', 'dg', ' d', '', 'ffffffffffffffffd'].map((size) => [
        `the chunk size ${JSON.stringify(size)}`,
        chunks(`${size}\r\n${hello}\r\n0\r\n\r\n`),
      ]),
    ),
  ),
  ...refused('B6', {
    'a chunk size that ends with LF': chunks(`d\n${hello}\r\n0\r\n\r\n`),
    'a chunk size that ends with CR': chunks(`d\r${hello}\r\n0\r\n\r\n`),
    'a chunk that is longer than its size': chunks(`c\r\n${hello}\r\n0\r\n\r\n`),
    'a chunk that ends with something else': chunks(`d\r\n${hello}XX0\r\n\r\n`),
  }),
  ...refused('B7', { 'a chunk extension of 20 kB': chunks(`d;${'x'.repeat(20_000)}\r\n${hello}\r\n0\r\n\r\n`) }, 413),
  ...refused('B9', {
    'a NUL in a value': get('/health', ['Host: g', 'X: a\0b']),
    'a control character in a value': get('/health', ['Host: g', 'X: a\x01b']),
    'a blank in a name': get('/health', ['Host: g', 'X : a']),
    'a line without colon': get('/health', ['Host: g', 'Xa']),
    'an empty name': get('/health', ['Host: g', ': a']),
    'a name that is no token': get('/health', ['Host: g', 'X@: a']),
    'a blank in front of the first name': get('/health', [' Host: g']),
  }),
  ...refused(
    'B9',
    {
      'lines that end with LF': Buffer.from('GET /health HTTP/1.1\nHost: g\n\n'),
      'lines that end with CR': Buffer.from('GET /health HTTP/1.1\rHost: g\r\r'),
    },
    505,
  ),
  {
    id: 'B10',
    name: 'a DEL in a value',
    bytes: post({ lines: [bearer, json, 'X-A: a\x7fb'] }),
    gives: [400],
    code: 'invalid_parameter',
    fate: 'kept',
  },
  ...refused('B11', { 'no Host': get('/health', []) }),
  { id: 'B12, H4', name: 'two Hosts', bytes: get('/health', ['Host: a', 'Host: b']), gives: [200], fate: 'kept' },
  ...['a b', 'a/b', 'u@a', '', '\xe4\xbd\xa0'].map((host): Row => ({
    id: 'B13, H1',
    name: `the Host ${JSON.stringify(host)}`,
    bytes: get('/aaaaaaa/admin', [`Host: ${host}`]),
    gives: [400],
    code: 'invalid_host',
    fate: 'closed',
  })),
  ...['a:99999', '[::1', 'a%2fb'].map((host): Row => ({
    id: 'B14, H2',
    name: `the Host ${JSON.stringify(host)}`,
    bytes: get('/health', [`Host: ${host}`]),
    gives: [200],
    fate: 'kept',
  })),
  {
    id: 'B15, H1',
    name: 'HTTP/1.0 without Host',
    bytes: Buffer.from('GET /health HTTP/1.0\r\n\r\n'),
    gives: [200],
    fate: 'closed',
  },
  ...refused(
    'B16',
    Object.fromEntries(
      [' HTTP/9.9', ' HTTP/2.0', '', ' http/1.1'].map((version) => [
        `the version "${version}"`,
        Buffer.from(`GET /health${version}\r\nHost: g\r\n\r\n`),
      ]),
    ),
    505,
  ),
  ...refused('B17', {
    'the preface of HTTP/2': Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    'a TLS handshake': Buffer.from(`\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'a'.repeat(600)}`, 'latin1'),
  }),
  ...['FOO', 'get'].map((method): Row => ({
    id: 'B18, H5',
    name: `the method ${method}`,
    bytes: post({ method }),
    gives: [],
    fate: 'closed',
  })),
  {
    id: 'B19, H4',
    name: 'CONNECT',
    bytes: Buffer.from('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'),
    gives: [405],
    code: 'method_not_allowed',
    allow: 'GET, POST',
    fate: 'closed',
  },
  {
    id: 'B19, H4',
    name: 'TRACE',
    bytes: post({ method: 'TRACE', path: '/health' }),
    gives: [405],
    code: 'method_not_allowed',
    allow: 'GET, POST',
    fate: 'closed',
  },
  ...['PROPFIND', 'QUERY', 'PURGE', 'DELETE', 'GET'].map((method): Row => ({
    id: 'H5',
    name: `the method ${method} on a path that takes POST`,
    bytes: post({ method }),
    gives: [405],
    code: 'method_not_allowed',
    allow: 'POST',
  })),
  ...refused('B20', { 'OPTIONS *': Buffer.from('OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n') }),
  {
    id: 'B21',
    name: 'a target with another host',
    bytes: post({ path: `http://elsewhere.invalid${chat}` }),
    gives: [200],
    isServed: true,
    arrives: (request) => expect(request.target).toBe(chat),
  },
  ...refused(
    'B22',
    {
      'a URL of 66 kB': get(`/${'a'.repeat(66_000)}`),
      'a header of 66 kB': get('/health', ['Host: g', `X: ${'a'.repeat(66_000)}`]),
      '250 headers': get('/health', ['Host: g', ...Array.from({ length: 250 }, (_, index) => `X${index}: a`)]),
      '5,000 headers': get('/health', ['Host: g', ...Array.from({ length: 5000 }, (_, index) => `X${index}: a`)]),
    },
    431,
  ),
  {
    id: 'B23',
    name: 'an announced body above max_body_size',
    bytes: post({ framing: ['Content-Length: 16777217'], body: '' }),
    gives: [413],
    code: 'body_too_large',
  },
  {
    id: 'B23',
    name: 'an announced body that no memory would hold',
    bytes: post({ framing: ['Content-Length: 3000000000'], body: '' }),
    gives: [413],
    code: 'body_too_large',
  },
  ...refused(
    'B23',
    { 'an announced body above every limit': post({ framing: ['Content-Length: 2000000000000000'], body: '' }) },
    413,
  ),
  {
    id: 'B24',
    name: 'a body in chunks above max_body_size',
    bytes: chunks(`${`100000\r\n${' '.repeat(1024 ** 2)}\r\n`.repeat(17)}0\r\n\r\n`),
    gives: [413],
    code: 'body_too_large',
  },
  {
    id: 'B25',
    name: 'Expect: 100-continue',
    bytes: post({ lines: [bearer, json, 'Expect: 100-continue'] }),
    gives: [100, 200],
    isServed: true,
    arrives: (request) => expect(request.header('expect')).toBeUndefined(),
  },
  {
    id: 'B26',
    name: 'an expectation that nobody knows',
    bytes: post({ lines: [bearer, json, 'Expect: banana'] }),
    gives: [200],
    isServed: true,
    arrives: (request) => expect(request.header('expect')).toBeUndefined(),
  },
  ...[
    ['Connection: Upgrade', 'Upgrade: foo'],
    ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
  ].map((lines): Row => ({
    id: 'B27, H8',
    name: lines[1] ?? '',
    bytes: post({ lines: [bearer, json, ...lines] }),
    gives: [200],
    fate: 'kept',
    isServed: true,
    arrives: (request) => {
      expect(request.header('upgrade')).toBeUndefined()
      expect(request.header('http2-settings')).toBeUndefined()
    },
  })),
  {
    id: 'B28',
    name: 'GET with a body',
    bytes: Buffer.concat([get('/health', ['Host: g', 'Content-Length: 5']), Buffer.from('hello')]),
    gives: [200],
    fate: 'kept',
  },
]

/** Their first part is a whole request, so it is answered when that is quick; then the platform ends the connection. */
const brokenBehind: readonly Row[] = [
  {
    id: 'B8',
    name: 'something else behind the last chunk',
    bytes: Buffer.concat([get('/health', ['Host: g', 'Transfer-Encoding: chunked']), Buffer.from(`${chunk}0\r\nXX`)]),
    gives: [200, 400],
    fate: 'closed',
  },
  {
    id: 'H6',
    name: 'trailers',
    bytes: Buffer.concat([
      get('/health', ['Host: g', 'Transfer-Encoding: chunked']),
      Buffer.from(`${chunk}0\r\nX-T: 1\r\n\r\n`),
    ]),
    gives: [200, 400],
    fate: 'closed',
  },
  {
    id: 'B29',
    name: 'garbage behind a request',
    bytes: Buffer.concat([get('/health'), Buffer.from('GARBAGE\r\n\r\n')]),
    gives: [200, 400],
    fate: 'closed',
  },
]

const asAdmin = ['Host: g', `Authorization: Bearer ${adminKey}`]

const paths: readonly Row[] = [
  { id: 'B30, H3', name: 'the admin pages', bytes: get('/admin', asAdmin), gives: [200] },
  ...['/v1/../admin', '/v1/%2e%2e/admin', '/v1/..\\admin', '/v1/x/../../admin'].map((path): Row => ({
    id: 'B30, H3',
    name: path,
    bytes: get(path, asAdmin),
    gives: [200],
  })),
  {
    id: 'B30, H3',
    name: 'a way round to the chat',
    bytes: post({ path: '/nowhere/../v1/x/%2e%2e/chat/completions', lines: [json] }),
    gives: [401],
    code: 'missing_api_key',
  },
  ...['/a%2fb', '/a%5cb', '/a%252eb', '/health%2f'].map((path): Row => ({
    id: 'B31',
    name: path,
    bytes: get(path, asAdmin),
    gives: [404],
    code: 'route_not_found',
  })),
  ...['/a%00b', '/v1/models/%00', '/v1/a%00b', '/health%00'].map((path): Row => ({
    id: 'B31',
    name: path,
    bytes: post({ path }),
    gives: [400],
    code: 'invalid_parameter',
  })),
  ...['/v1/a%2fb', '/v1/a%5cb', '/v1/a/%252e%252e/b'].map((path): Row => ({
    id: 'B31',
    name: path,
    bytes: post({ path }),
    gives: [404],
    code: 'route_not_found',
  })),
  {
    id: 'B31',
    name: 'other odd characters below /v1/ are passed on as they are',
    bytes: post({ path: '/v1/a%20b;%3Fc%25' }),
    gives: [200],
    isServed: true,
    arrives: (request) => expect(request.target).toBe('/v1/a%20b;%3Fc%25'),
  },
  ...[
    '//admin',
    '/admin/',
    '/ADMIN',
    '/admin;x',
    '/%61dmin',
    '/%68ealth',
    '//health',
    '/health/',
    '/HEALTH',
    '/V1/models',
  ].map((path): Row => ({ id: 'B32', name: path, bytes: get(path, asAdmin), gives: [404], code: 'route_not_found' })),
  ...['/%zz', '/a\xffb', '/%'].map((path): Row => ({
    id: 'B33',
    name: path,
    bytes: get(path),
    gives: [404],
    code: 'route_not_found',
  })),
  {
    id: 'B33',
    name: '/v1/models/%zz',
    bytes: get('/v1/models/%zz', ['Host: g', bearer]),
    gives: [404],
    code: 'model_not_found',
    param: 'model',
  },
  {
    id: 'B34',
    name: 'a slash of the model that is encoded',
    bytes: post({ path: '/v1beta/models/org%2fg:generateContent', body: '{}' }),
    gives: [200],
    isServed: true,
    arrives: (request) => expect(request.target).toBe('/v1beta/models/g:generateContent'),
  },
  {
    id: 'B35',
    name: 'a query of 8 kB with a key that occurs twice, and a fragment',
    bytes: post({ path: `${chat}?a=1&a=2&q=${'x'.repeat(8000)}#frag` }),
    gives: [200],
    isServed: true,
    arrives: (request) => expect(request.target).toBe(`${chat}?a=1&a=2&q=${'x'.repeat(8000)}`),
  },
]

function withKeys(id: string, name: string, lines: readonly string[], code: string): Row {
  return { id, name, bytes: post({ lines: [json, ...lines] }), gives: [401], code, fate: 'kept' }
}

const auth: readonly Row[] = [
  withKeys('B36', 'no credentials', [], 'missing_api_key'),
  withKeys('B37', 'a wrong key', ['Authorization: Bearer sk-wrong'], 'invalid_api_key'),
  withKeys('B37', 'an empty bearer', ['Authorization: Bearer '], 'invalid_api_key'),
  withKeys('B37', 'another scheme', ['Authorization: Basic c2stY2xpZW50OnNrLWNsaWVudA=='], 'invalid_api_key'),
  withKeys('B37', 'the beginning of the key', [`Authorization: Bearer ${clientKey.slice(0, -1)}`], 'invalid_api_key'),
  ...[`Bearer  ${clientKey}`, `bearer ${clientKey}`, `BEARER ${clientKey}`].map((value): Row => ({
    id: 'B37',
    name: value.slice(0, 8),
    bytes: post({ lines: [json, `Authorization: ${value}`] }),
    gives: [200],
    isServed: true,
  })),
  ...refused('B38', { 'a key of 1 MB': post({ lines: [json, `Authorization: Bearer ${'a'.repeat(1e6)}`] }) }, 431),
  ...["' OR '1'='1", '%73k-client-0123456789', '\xe9\x92\xa5\xe5\x8c\x99', '"sk"', '*', '__proto__'].map((key) =>
    withKeys('B39', `the key ${JSON.stringify(key)}`, [`Authorization: Bearer ${key}`], 'invalid_api_key'),
  ),
  withKeys('B40', 'two different keys', [bearer, 'x-api-key: other'], 'ambiguous_credentials'),
  withKeys('B40', 'two different keys, the right one second', ['x-api-key: other', bearer], 'ambiguous_credentials'),
  withKeys('B40', 'one header twice', [bearer, 'Authorization: Bearer other'], 'invalid_api_key'),
  {
    id: 'B40',
    name: 'a second key in the query',
    bytes: post({ path: `${chat}?key=other` }),
    gives: [401],
    code: 'ambiguous_credentials',
  },
  {
    id: 'B44',
    name: 'a forged X-Forwarded-For says nothing',
    bytes: post({ lines: [json, 'X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1'] }),
    gives: [401],
    code: 'missing_api_key',
  },
]

function withBody(id: string, name: string, body: string | Uint8Array, code: string, extra: Partial<Row> = {}): Row {
  return { id, name, bytes: post({ body }), gives: [400], code, fate: 'kept', ...extra }
}

function passed(id: string, name: string, body: string | Uint8Array, extra: Partial<Row> = {}): Row {
  const arrives = (request: RawRequest): void => expect(request.body.equals(Buffer.from(body))).toBe(true)
  return { id, name, bytes: post({ body }), gives: [200], fate: 'kept', isServed: true, arrives, ...extra }
}

function typed(id: string, type: string | undefined, gives: number): Row {
  const lines = type === undefined ? [bearer] : [bearer, `Content-Type: ${type}`]
  const isServed = gives === 200
  return {
    id,
    name: type ?? 'no Content-Type',
    bytes: post({ lines }),
    gives: [gives],
    isServed,
    ...(isServed ? {} : { code: 'unsupported_media_type' }),
  }
}

function coded(name: string, coding: string, body: Uint8Array, gives: number, code?: string): Row {
  const bytes = post({ lines: [bearer, json, `Content-Encoding: ${coding}`], body })
  return code === undefined
    ? { id: 'B61', name, bytes, gives: [gives], isServed: true, arrives: isPlainHello }
    : { id: 'B61', name, bytes, gives: [gives], code }
}

function isPlainHello(request: RawRequest): void {
  expect(request.body.toString()).toBe(hello)
  expect(request.header('content-encoding')).toBeUndefined()
}

/** Longer than anything that may be told of it. */
const long = 'lorem-ipsum-'.repeat(20)
const nested = (depth: number): string => `{"model":"m","x":${'['.repeat(depth)}${']'.repeat(depth)}}`

const bodies: readonly Row[] = [
  withBody('B47', 'nothing', '', 'invalid_json'),
  withBody('B47', 'blanks', ' \r\n\t', 'invalid_json'),
  withBody('B48', 'no JSON', long, 'invalid_json'),
  withBody('B48', 'something behind the object', `${hello}x`, 'invalid_json'),
  withBody('B48', 'a comment', '{"model":"m"/* */}', 'invalid_json'),
  withBody('B48', 'NaN', '{"model":"m","x":NaN}', 'invalid_json'),
  withBody('B48', 'single quotes', "{'model':'m'}", 'invalid_json'),
  withBody('B48', 'a line end in a string', `{"model":"m","x":"${long}\n"}`, 'invalid_json'),
  withBody('B49', 'an array', '[{"model":"m"}]', 'invalid_parameter'),
  withBody('B49', 'a string', '"model"', 'invalid_parameter'),
  withBody('B49', 'a number', '1', 'invalid_parameter'),
  withBody('B49', 'null', 'null', 'invalid_parameter'),
  withBody('B50', '65 levels', nested(64), 'json_too_deep'),
  passed('B50', '64 levels', nested(63)),
  withBody('B51, H23', 'five million levels', nested(5_000_000), 'json_too_deep'),
  withBody('B52', 'two models', '{"model":"m","model":"x"}', 'duplicate_key', { param: 'model' }),
  withBody('B52, H23', 'two models, one escaped', String.raw`{"model":"m","mod\u0065l":"x"}`, 'duplicate_key', {
    param: 'model',
  }),
  withBody('B52', 'two models, one in other letters', '{"model":"m","Model":"x"}', 'duplicate_key', { param: 'model' }),
  passed(
    'B53, H23',
    'keys of Object.prototype',
    '{"__proto__":{"model":"x"},"constructor":1,"toString":2,"model":"m"}',
  ),
  passed('B54, H23', 'odd numbers', '{"model":"m","x":[1e400,12345678901234567890,-0,1.0]}'),
  passed('B55', 'a number of ten million digits', `{"model":"m","x":${'1'.repeat(10_000_000)}}`),
  withBody(
    'B56',
    'a million keys',
    `{"model":"m",${Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
    'invalid_parameter',
  ),
  passed('B57', 'odd characters', '{"model":"m","x":"\\ud800\\u0000\u2028"}'),
  withBody('B58', 'no UTF-8', Buffer.from('{"model":"m","x":"\xff"}', 'latin1'), 'invalid_json'),
  withBody('B59', 'a byte order mark', `\ufeff${hello}`, 'invalid_json'),
  withBody('B59', 'UTF-16', Buffer.from(hello, 'utf16le'), 'invalid_json'),
  typed('B60', undefined, 200),
  typed('B60', 'text/plain', 200),
  typed('B60', 'application/json; charset="UTF-8"', 200),
  typed('B60', 'application/x-www-form-urlencoded', 415),
  typed('B60', 'application/json; charset=gbk', 415),
  typed('B60', 'text/html', 415),
  coded('gzip', 'gzip', gzipSync(hello), 200),
  coded('brotli', 'br', brotliCompressSync(hello), 200),
  coded('a coding that nobody knows', 'foo', Buffer.from(hello), 415, 'unsupported_media_type'),
  coded('two codings', 'gzip, gzip', gzipSync(gzipSync(hello)), 415, 'unsupported_media_type'),
  coded('a coding that it has not', 'gzip', Buffer.from(hello), 400, 'invalid_json'),
  coded('a cut gzip', 'gzip', gzipSync(hello).subarray(0, 20), 400, 'invalid_json'),
  coded('something behind the gzip', 'gzip', Buffer.concat([gzipSync(hello), Buffer.from('x')]), 400, 'invalid_json'),
  coded('a bomb', 'gzip', gzipSync(Buffer.alloc(200_000_000, ' ')), 413, 'body_too_large'),
  withBody('B62', 'stream as a text', '{"model":"m","stream":"true"}', 'invalid_parameter', { param: 'stream' }),
  withBody('B62', 'stream as a number', '{"model":"m","stream":1}', 'invalid_parameter', { param: 'stream' }),
  passed('B62', 'stream as null', '{"model":"m","stream":null}'),
]

const unknown = { gives: [404], param: 'model' }

const meanings: readonly Row[] = [
  withBody('B63', 'no model', '{}', 'missing_model', { param: 'model' }),
  withBody('B63', 'an empty model', '{"model":""}', 'invalid_parameter', { param: 'model' }),
  withBody('B63', 'a number as model', '{"model":3}', 'invalid_parameter', { param: 'model' }),
  withBody('B63', 'an array as model', '{"model":["m"]}', 'invalid_parameter', { param: 'model' }),
  withBody('B63', 'null as model', '{"model":null}', 'invalid_parameter', { param: 'model' }),
  withBody('B63', 'a model of 10 kB', `{"model":"${'x'.repeat(10_000)}"}`, 'invalid_parameter', { param: 'model' }),
  withBody('B64', 'an unknown model', '{"model":"zzz"}', 'model_not_found', unknown),
  withBody('B64', 'an unknown model with a long name', `{"model":"${long}"}`, 'model_not_found', unknown),
  withBody('B64', 'an alias that is switched off', '{"model":"off"}', 'model_not_found', unknown),
  withBody('B64', 'a blank in front of an alias', '{"model":" m"}', 'model_not_found', unknown),
  withBody('B64', 'an alias in other letters', '{"model":"M"}', 'model_not_found', unknown),
  ...[
    String.raw`m\r\n2026-01-01 [ERROR] forged`,
    String.raw`\u001b[2Jred`,
    '../../admin',
    '${jndi:ldap://x}',
    '<script>alert(1)</script>',
    '__proto__',
    'constructor',
  ].map((model) => withBody('B65', `the model ${model}`, `{"model":"${model}"}`, 'model_not_found', unknown)),
  passed('B67', 'odd numbers of tokens', '{"model":"m","max_tokens":-1,"max_completion_tokens":1e9}'),
  passed(
    'B69',
    'ten thousand messages',
    `{"model":"m","messages":[${'{"role":"user","content":"x"},'.repeat(9999)}1]}`,
  ),
  passed('B69', 'an image of 12 MB', `{"model":"m","messages":[{"content":"${'QUJD'.repeat(3_000_000)}"}]}`),
  passed(
    'B70',
    'texts that tokenizers fear',
    `{"model":"m","x":"${'a'.repeat(100_000)}${'<|endoftext|>'.repeat(800)}"}`,
  ),
  passed(
    'B72',
    'fields that would lead elsewhere',
    '{"model":"m","api_base":"http://e.invalid","base_url":"http://e.invalid","api_key":"x","extra_headers":{"authorization":"y"}}',
    { arrives: isForBackend },
  ),
  passed(
    'B73',
    'addresses inside the net',
    '{"model":"m","image_url":["file:///etc/passwd","http://169.254.169.254/","http://0x7f.1/","http://[::ffff:7f00:1]/"]}',
  ),
  {
    id: 'B74',
    name: 'headers that would lead elsewhere',
    bytes: post({
      lines: [bearer, json, 'x-llm-backend: b', 'x-portkey-custom-host: http://e.invalid', 'x-llm-proxy-backend: b'],
    }),
    gives: [200],
    isServed: true,
    arrives: isForBackend,
  },
  passed('B75', 'a schema that refers to itself', '{"model":"m","tools":[{"parameters":{"$ref":"#"}}]}'),
  ...[
    { name: 'without boundary', type: 'multipart/form-data', body: 'x' },
    {
      name: 'of 10,000 parts',
      type: 'multipart/form-data; boundary=b',
      body: `${'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'.repeat(10_000)}--b--\r\n`,
    },
    {
      name: 'with a part header of 1 MB',
      type: 'multipart/form-data; boundary=b',
      body: `--b\r\nContent-Disposition: form-data; name="model"; x="${'y'.repeat(1e6)}"\r\n\r\nm\r\n--b--\r\n`,
    },
    {
      name: 'that breaks off',
      type: 'multipart/form-data; boundary=b',
      body: '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm',
    },
  ].map(({ name, type, body }): Row => ({
    id: 'B76',
    name: `a form ${name}`,
    bytes: post({ path: '/v1/audio/transcriptions', lines: [bearer, `Content-Type: ${type}`], body }),
    gives: [400],
    code: 'invalid_parameter',
  })),
  {
    id: 'B76',
    name: 'a file name that leads elsewhere',
    bytes: post({
      path: '/v1/audio/transcriptions',
      lines: [bearer, 'Content-Type: multipart/form-data; boundary=b'],
      body:
        '--b\r\nContent-Disposition: form-data; name="file"; filename="../../x"\r\n\r\n1\r\n' +
        '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n',
    }),
    gives: [200],
    isServed: true,
    arrives: (request) => expect(request.body.toString()).toContain('filename="../../x"'),
  },
  {
    id: 'B77',
    name: 'a WebSocket of another version',
    bytes: get(`/v1/realtime?model=m`, [
      'Host: g',
      bearer,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 8',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]),
    gives: [400],
    code: 'invalid_parameter',
  },
  ...[
    'garbage',
    '00-00000000000000000000000000000000-0000000000000000-00',
    `ff-${'1'.repeat(32)}-${'1'.repeat(16)}-00`,
  ].map((trace): Row => ({
    id: 'B79',
    name: `the traceparent ${trace}`,
    bytes: post({ lines: [bearer, json, `traceparent: ${trace}`, `tracestate: ${'a'.repeat(5000)}`] }),
    gives: [200],
    isServed: true,
  })),
  ...['a'.repeat(10_000), 'req_\xe4\xbd\xa0', '../../x', '<b>'].map((id): Row => ({
    id: 'B80',
    name: `the x-request-id ${id.slice(0, 10)}`,
    bytes: post({ lines: [bearer, json, `x-request-id: ${id}`] }),
    gives: [200],
    isServed: true,
  })),
]

function isForBackend(request: RawRequest): void {
  expect(request.header('authorization')).toBe(`Bearer ${backendKey}`)
  expect(request.header('host')).toBe(origin.url.host)
}

describe.each([
  { group: 'framing', rows: framing },
  { group: 'what stands behind a request', rows: brokenBehind },
  { group: 'path and query', rows: paths },
  { group: 'credentials', rows: auth },
  { group: 'bodies', rows: bodies },
  { group: 'what a body says', rows: meanings },
])('bad input: $group', ({ rows }) => {
  test.each(rows.map((row) => [`${row.id}: ${row.name.slice(0, 80)}`, row] as const))('%s', async (_, row) => {
    const before = origin.received.length
    const reply = await speak(gateway.url, row.bytes)
    expect(reply.answers.map(({ status }) => status)).toEqual([...row.gives])
    if (row.fate !== undefined) expect(reply.fate).toBe(row.fate)
    const told = reply.answers.at(-1)
    if (row.code !== undefined) expectRefusal(told, row)
    else if (row.isServed === true) expect(told?.text).toBe(answer)
    if (told !== undefined) expectClean(told, row.bytes)
    const arrived = origin.received.slice(before)
    expect(arrived).toHaveLength(row.isServed === true ? 1 : 0)
    if (arrived[0] !== undefined) row.arrives?.(arrived[0])
    expect((await rawRequest(gateway.url, { path: '/health' })).status).toBe(200)
  })
})

function expectRefusal(told: ClientAnswer | undefined, { code, param, allow }: Row): void {
  const error = {
    message: expect.stringMatching(/^Cannot /),
    type: expect.any(String),
    param: param ?? null,
    code,
  }
  expect(JSON.parse(told?.text ?? '')).toEqual({ error })
  expect(told?.headers.get('content-type')).toBe('application/json')
  expect(told?.headers.get('x-should-retry')).toBe('false')
  expect(told?.headers.get('allow') ?? undefined).toBe(allow)
  expect(told?.headers.get('www-authenticate') ?? undefined).toBe(
    told?.status === 401 ? 'Bearer realm="llm-proxy"' : undefined,
  )
}

/** Of a client's own words 64 characters may be told, within quotes. */
const echoMax = 66

/** An id of ours on all that is ours, no page of the platform, and nothing of what was sent beyond a few characters. */
function expectClean({ headers, text, status }: ClientAnswer, bytes: string | Uint8Array): void {
  const isPlatforms = text === ''
  if (!isPlatforms) expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/)
  expect(text).not.toMatch(/<html|Welcome to Bun|node_modules|\/\$bunfs/i)
  if (status < 400 || bytes.length > 2_000_000) return
  const sent = Buffer.from(bytes).toString('latin1')
  for (let at = 0; at + echoMax < text.length; at += 1) {
    const piece = text.slice(at, at + echoMax + 1)
    if (sent.includes(piece)) throw new Error(`It tells more of what it was sent than it may: ${piece}`)
  }
}

describe('bad input', () => {
  test.each(['/v1/../admin', '/v1/%2e%2e/admin', '/v1/..\\admin', '/v1/x/../../admin/config'])(
    'B30, H3: no way round opens what is closed: %s',
    async (path) => {
      for (const key of [[], [bearer]]) {
        const plain = (await speak(gateway.url, get('/admin', ['Host: g', ...key]))).answers[0]
        const round = (await speak(gateway.url, get(path, ['Host: g', ...key]))).answers[0]
        expect(plain?.status).toBeGreaterThanOrEqual(400)
        expect([round?.status, round?.text]).toEqual([plain?.status, plain?.text])
      }
    },
  )

  test('B21, B72, B74: no word of a client leads anywhere else', async () => {
    const { origin: other, host } = elsewhere.url
    const body = JSON.stringify({ model: 'm', api_base: other, base_url: `${other}/v1`, extra_headers: { host } })
    const lines = [
      bearer,
      json,
      `x-portkey-custom-host: ${other}`,
      `Forwarded: host=${host}`,
      `X-Forwarded-Host: ${host}`,
    ]
    const { answers } = await speak(gateway.url, post({ path: `${other}${chat}`, host: `Host: ${host}`, lines, body }))
    expect(answers.map(({ status }) => status)).toEqual([200])
    expect(elsewhere.connections).toBe(0)
  })

  test('B65: whatever a model is called, it cannot forge a line of the log', async () => {
    await speak(gateway.url, post({ body: String.raw`{"model":"m\r\n2026-01-01 [ERROR] forged \u001b[31m"}` }))
    await gateway.told(/forged/)
    expect(gateway.output()).not.toMatch(/^2026-01-01/m)
    expect(gateway.output()).not.toContain('\u001b')
  })

  test.each([
    { id: 'mine', is: /^mine$/ },
    { id: '../../x', is: /^req_[0-9a-f]{24}$/ },
    { id: `req_${'0'.repeat(24)}`, is: /^req_0[0-9a-f]{23}$/ },
    { id: 'req_\xe4', is: /^req_[0-9a-f]{24}$/ },
  ])('B80: a request has the id $id of its client only if that can stand anywhere', async ({ id, is }) => {
    const { answers } = await speak(gateway.url, post({ lines: [bearer, json, `x-request-id: ${id}`] }))
    expect(answers[0]?.headers.get('x-request-id')).toMatch(is)
    expect(answers[0]?.headers.get('x-request-id')).not.toBe(`req_${'0'.repeat(24)}`)
  })

  test('after all of it the gateway serves as before, and nothing was left uncaught', async () => {
    const { answers, fate } = await speak(gateway.url, post())
    expect([answers[0]?.status, answers[0]?.text, fate]).toEqual([200, answer, 'kept'])
    expect(gateway.output()).not.toMatch(/Unhandled error|Internal error/)
    for (const key of [clientKey, backendKey, adminKey]) expect(gateway.output()).not.toContain(key)
  })
})
