import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Stop } from '#kit/stop.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import type { IncomingBody, OutgoingRequest } from '#ports/transport.ts'
import { Collector, flowThrough, readThrough } from './body.ts'
import { authority, expired, forAddress, forClient, forElsewhere } from './certificates.ts'
import { eventually } from './eventually.ts'
import { patient } from './outgoing.ts'
import { chunk, chunkedHead, closedPort, plainAnswer, type RawOrigin } from './raw-origin.ts'
import { selfSigned } from './tls.ts'
import { brief, responded, told, turns, type Lab } from './transport-lab.ts'

/** One thing that every transport does alike. */
export interface TransportCase {
  readonly name: string
  readonly expected: unknown
  readonly observe: (lab: Lab) => Promise<unknown>
}

const ok = plainAnswer('ok')

/** Names and values as they arrived, without those that a transport makes itself. */
function given({ received }: RawOrigin): HeaderPair[] {
  const own = new Set(['host', 'content-length', 'transfer-encoding'])
  return (received[0]?.headers ?? []).filter(([name]) => !own.has(name.toLowerCase()))
}

function bytesLike(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).map((_, at) => (at * 31 + (at >> 9)) & 255)
}

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const left = [...pieces]
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift()
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    },
  })
}

/** Sends a body and tells what arrived of it. */
async function uploaded(
  lab: Lab,
  body: OutgoingRequest['body'],
  headers: readonly HeaderPair[] = [],
  bodyBytes?: number,
) {
  const origin = await lab.origin((peer) => peer.end(ok))
  const answer = await lab.ask(origin.url, { body, headers, bodyBytes })
  const [request] = origin.received
  return {
    answer,
    bytes: request?.body.byteLength,
    hash: Bun.hash(request?.body ?? ''),
    length: request?.header('content-length'),
    coding: request?.header('transfer-encoding')?.toLowerCase(),
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

const large = bytesLike(8_000_000)

const requests: readonly TransportCase[] = [
  {
    name: 'the common methods arrive as they are',
    expected: methods,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(peer.request.method === 'HEAD' ? plainAnswer('') : ok))
      for (const method of methods) await lab.ask(origin.url, { method, body: undefined })
      return origin.received.map((request) => request.method)
    },
  },
  {
    name: 'a method that nobody knows arrives as it is',
    expected: ['200 ok', 'PURGE'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      return [await lab.ask(origin.url, { method: 'PURGE', body: undefined }), origin.received[0]?.method]
    },
  },
  {
    name: 'headers arrive in their order and case, those of one name apart, and none is added',
    expected: [
      ['X-Zebra', '1'],
      ['accept', 'text/x'],
      ['x-ant', '2'],
      ['X-Zebra', '3'],
      ['Anthropic-Beta', 'a,b'],
    ],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      const headers: HeaderPair[] = [
        ['X-Zebra', '1'],
        ['accept', 'text/x'],
        ['x-ant', '2'],
        ['X-Zebra', '3'],
        ['Anthropic-Beta', 'a,b'],
      ]
      await lab.ask(origin.url, { headers })
      return given(origin)
    },
  },
  {
    name: 'a header in latin-1 arrives byte for byte, an empty one empty',
    expected: ['é', ''],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      const headers: HeaderPair[] = [
        ['x-latin', 'é'],
        ['user-agent', ''],
      ]
      await lab.ask(origin.url, { headers })
      return [origin.received[0]?.header('x-latin'), origin.received[0]?.header('user-agent')]
    },
  },
  {
    name: 'the host is that of the URL, or the one given',
    expected: ['127.0.0.1', 'other.test'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok))
      await lab.ask(origin.url)
      await lab.ask(origin.url, { headers: [['Host', 'other.test']] })
      return origin.received.map((request) => request.header('host')?.replace(/:.*/, ''))
    },
  },
  {
    name: 'path and query arrive as they are',
    expected: '/v1/a%2Fb/%zz/c:d?x=%20&y=a+b',
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      await lab.ask(new URL('/v1/a%2Fb/%zz/c:d?x=%20&y=a+b', origin.url))
      return origin.received[0]?.target
    },
  },
  ...[
    ['x-name', '阿里'],
    ['x-name', 'a\r\nx-other: b'],
    ['x-name', 'a\0b'],
    ['x name', 'a'],
    ['', 'a'],
  ].map(([name = '', value = '']): TransportCase => ({
    name: `the header ${JSON.stringify(name)} with ${JSON.stringify(value)} is not sent at all`,
    expected: ['write other', 0],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      return [await lab.ask(origin.url, { headers: [[name, value]] }), origin.received.length]
    },
  })),
  ...['file:///etc/hostname', 'data:text/plain,ok', 'ftp://127.0.0.1/'].map((url): TransportCase => ({
    name: `H17: the URL ${url} is refused`,
    expected: 'write other',
    observe: async (lab) => await lab.ask(new URL(url), { method: 'GET', body: undefined }),
  })),
  ...[0, 1, 16_384, 1_048_576, 1_048_577, 8_000_000].flatMap((size): TransportCase[] => {
    const body = large.subarray(0, size)
    const expected = {
      answer: '200 ok',
      bytes: size,
      hash: Bun.hash(body),
      length: String(size),
      coding: undefined,
    }
    return [
      {
        name: `a body of ${size} bytes arrives whole, with its length`,
        expected,
        observe: async (lab) => await uploaded(lab, [body]),
      },
      {
        name: `a body of ${size} bytes in pieces arrives whole, with its length`,
        expected,
        async observe(lab) {
          const third = Math.floor(size / 3)
          const pieces = [body.subarray(0, third), body.subarray(0, 0), body.subarray(third, 2 * third)]
          return await uploaded(lab, [...pieces, body.subarray(2 * third)])
        },
      },
    ]
  }),
  {
    name: 'a POST without a body says so',
    expected: { answer: '200 ok', bytes: 0, hash: Bun.hash(''), length: '0', coding: undefined },
    observe: async (lab) => await uploaded(lab, undefined),
  },
  {
    name: 'a GET without a body has no length',
    expected: undefined,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      await lab.ask(origin.url, { method: 'GET', body: undefined })
      return origin.received[0]?.header('content-length')
    },
  },
  {
    name: 'a GET with a body arrives with it',
    expected: ['200 ok', '{}'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      return [await lab.ask(origin.url, { method: 'GET' }), origin.received[0]?.body.toString()]
    },
  },
  {
    name: 'the length that a caller believes in is not sent',
    expected: { answer: '200 ok', bytes: 2, hash: Bun.hash('{}'), length: '2', coding: undefined },
    observe: async (lab) =>
      await uploaded(
        lab,
        [Buffer.from('{}')],
        [
          ['Content-Length', '7'],
          ['transfer-encoding', 'chunked'],
        ],
      ),
  },
  {
    name: 'a stream arrives in chunks',
    expected: { answer: '200 ok', bytes: 5, hash: Bun.hash('hello'), length: undefined, coding: 'chunked' },
    observe: async (lab) =>
      await uploaded(lab, streamOf([Buffer.from('hel'), Buffer.from('lo')]), [['Content-Length', '7']]),
  },
  {
    name: 'a stream of known length arrives with its length, not in chunks',
    expected: { answer: '200 ok', bytes: 8_000_000, hash: Bun.hash(large), length: '8000000', coding: undefined },
    async observe(lab) {
      const pieces = Array.from({ length: 80 }, (_, at) => large.subarray(at * 100_000, (at + 1) * 100_000))
      return await uploaded(lab, streamOf(pieces), [], 8_000_000)
    },
  },
  ...[4, 6].map((bytes): TransportCase => ({
    name: `a stream of 5 bytes that was told to have ${bytes} ends the exchange`,
    expected: 'write other',
    async observe(lab) {
      const origin = await lab.origin((peer) => bytes > 5 && peer.end(ok))
      const said = await lab.ask(origin.url, {
        body: streamOf([Buffer.from('hel'), Buffer.from('lo')]),
        bodyBytes: bytes,
      })
      if (origin.connections > 0) await origin.closed(1)
      return said
    },
  })),
  {
    name: 'an answer that comes before the body is sent is the answer, and the rest of the body is left',
    expected: ['413 no', 'source left'],
    async observe(lab) {
      const refusal = plainAnswer('no', [], '413 Payload Too Large')
      const origin = await lab.origin(() => {}, {
        onConnect: (socket) => (socket.once('data', () => void socket.write(refusal)), false),
      })
      let isLeft = false
      const source = new ReadableStream<Uint8Array>({
        async pull(controller) {
          controller.enqueue(new Uint8Array(1000))
          await Bun.sleep(5)
        },
        cancel: () => void (isLeft = true),
      })
      const said = await lab.ask(origin.url, { body: source, bodyBytes: 100_000_000 })
      await eventually(() => isLeft)
      return [said, 'source left']
    },
  },
  {
    name: 'a stream that pauses while its answer is under way is waited for',
    expected: ['h', '200 i', 'axyz'],
    async observe(lab) {
      const seen: Buffer[] = []
      const origin = await lab.origin(() => {}, {
        onConnect: (socket) => {
          socket.once('data', () => void socket.write(`${head}Content-Length: 2\r\n\r\nh`))
          socket.on('data', (bytes) => {
            seen.push(Buffer.from(bytes))
            if (bytes.includes('xyz')) socket.write('i')
          })
          return false
        },
      })
      let give: ReadableStreamDefaultController<Uint8Array> | undefined
      const source = new ReadableStream<Uint8Array>({ start: (controller) => void (give = controller) })
      give?.enqueue(Buffer.from('a'))
      const clocks = { ...patient, writeMs: 1000, firstByteMs: 1000, idleMs: 1000 }
      const outcome = responded(await lab.send(origin.url, { body: source, bodyBytes: 4, clocks }))
      const first = textOfStep(await outcome.body.read())
      await turns(10)
      await lab.clock.advance(10_000)
      await turns(10)
      give?.enqueue(Buffer.from('xyz'))
      give?.close()
      const rest = await told(outcome)
      return [first, rest, Buffer.concat(seen).toString('latin1').split('\r\n\r\n')[1]]
    },
  },
  {
    name: 'a stream of 8 MB arrives whole at an upstream that reads late',
    expected: ['200 ok', Bun.hash(large)],
    async observe(lab) {
      const sockets: Socket[] = []
      const origin = await lab.origin((peer) => peer.end(ok), {
        onConnect: (socket) => (sockets.push(socket.pause()), true),
      })
      const pieces = Array.from({ length: 80 }, (_, at) => large.subarray(at * 100_000, (at + 1) * 100_000))
      const answer = lab.ask(origin.url, { body: streamOf(pieces) })
      await origin.opened(1)
      await turns(50)
      sockets[0]?.resume()
      return [await answer, Bun.hash(origin.received[0]?.body ?? '')]
    },
  },
  {
    name: 'a stream is read no faster than the upstream takes it, and left when the request is given up',
    expected: ['held back', 'head aborted or write aborted', 'source left'],
    async observe(lab) {
      const origin = await lab.origin(() => {}, { onConnect: (socket) => (socket.pause(), false) })
      const piece = new Uint8Array(100_000)
      let pulled = 0
      let isLeft = false
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled += 1
          // Limit: 200 MB are more than any socket holds.
          if (pulled > 2000) controller.close()
          else controller.enqueue(piece)
        },
        cancel: () => void (isLeft = true),
      })
      const stop = new Stop()
      const answer = lab.ask(origin.url, { body: source, stop })
      await origin.opened(1)
      await standsStill(() => pulled)
      const isHeld = pulled < 1000
      stop.ask()
      const said = await answer
      await origin.closed(1)
      await eventually(() => isLeft)
      return [
        isHeld ? 'held back' : `${pulled} pieces`,
        ['head aborted', 'write aborted'].includes(said) ? 'head aborted or write aborted' : said,
        'source left',
      ]
    },
  },
  {
    name: 'a stream that breaks ends the exchange',
    expected: 'write other',
    async observe(lab) {
      const origin = await lab.origin()
      let count = 0
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          count += 1
          if (count < 3) controller.enqueue(Buffer.from('some'))
          else controller.error(new Error('the client left'))
        },
      })
      const said = await lab.ask(origin.url, { body: source })
      if (origin.connections > 0) await origin.closed(1)
      return said
    },
  },
  {
    name: 'H18: proxies of the environment are not asked',
    expected: '200 ok',
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(ok))
      const dead = `http://127.0.0.1:${await closedPort()}`
      const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy', 'HTTPS_PROXY', 'https_proxy']
      return await withVariables(
        Object.fromEntries(names.map((name) => [name, dead])),
        async () => await lab.ask(origin.url),
      )
    },
  },
]

/** Waits until a number has not changed for a while. */
async function standsStill(look: () => number): Promise<void> {
  let last = -1
  let same = 0
  await eventually(() => {
    same = look() === last ? same + 1 : 0
    last = look()
    return same > 20
  })
}

async function withVariables<T>(values: Readonly<Record<string, string>>, act: () => Promise<T>): Promise<T> {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, values)
  try {
    return await act()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

/** What an answer is taken for; it is sent at once, then the connection is closed. */
function answered(name: string, bytes: string, expected: string, method = 'POST'): TransportCase {
  return {
    name: `an answer ${name} is ${expected}`,
    expected,
    async observe(lab) {
      const origin = await lab.answering(Buffer.from(bytes, 'latin1'))
      return await lab.ask(origin.url, method === 'POST' ? {} : { method, body: undefined })
    },
  }
}

/** How an answer fails behind the text "ok"; `rest` is sent when that was read, then the connection is closed. */
function broken(name: string, good: string, rest: string, cause: string): TransportCase {
  return {
    name: `an answer ${name} is broken off as ${cause}`,
    expected: ['ok', `body ${cause}`],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(good))
      const { body } = responded(await lab.send(origin.url))
      const first = textOfStep(await body.read())
      origin.peers[0]?.end(rest)
      return [first, textOfStep(await body.read())]
    },
  }
}

const head = 'HTTP/1.1 200 OK\r\n'
const manyHeaders = Array.from({ length: 300 }, (_, at) => `X-${at}: y`)

const answers: readonly TransportCase[] = [
  answered('with its length', ok, '200 ok'),
  answered('in chunks', `${chunkedHead()}${chunk('o')}${chunk('k')}${chunk('')}`, '200 ok'),
  answered('with extensions of chunks', `${chunkedHead()}2;a=b;c="d"\r\nok\r\n0;e\r\n\r\n`, '200 ok'),
  answered('with trailers', `${chunkedHead()}${chunk('ok')}0\r\nX-After: 1\r\n\r\n`, '200 ok'),
  answered('until the connection ends', `${head}\r\nuntil the end`, '200 until the end'),
  answered('of HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nten', '200 ten'),
  answered('without a reason', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', '200 ok'),
  answered('with a status of its own', plainAnswer('ok', [], '529 Overloaded'), '529 ok'),
  answered('F15: after interim heads', `HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Go\r\n\r\n${ok}`, '200 ok'),
  answered('without a body', 'HTTP/1.1 204 No\r\n\r\n', '204 '),
  answered('that was not modified', 'HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n', '304 '),
  answered('to HEAD', `${head}Content-Length: 5\r\n\r\n`, '200 ', 'HEAD'),
  answered('to HEAD in chunks', `${head}Transfer-Encoding: chunked\r\n\r\n`, '200 ', 'HEAD'),
  answered('F17: with a header of 60 kB', plainAnswer('ok', [`X-Big: ${'a'.repeat(60_000)}`]), '200 ok'),
  answered('F17: with 250 headers', plainAnswer('ok', manyHeaders.slice(0, 250)), '200 ok'),

  answered('F7: that never begins', '', 'head reset'),
  answered('F11: with half a head', `${head}Content-Le`, 'head reset'),
  answered('F11: that is an interim one only', 'HTTP/1.1 100 Go\r\n\r\n', 'head reset'),
  answered('F12: of another protocol', '220 mail.test ESMTP at your service\r\n\r\n', 'head malformed'),
  answered('F12: of HTTP/2', 'HTTP/2 200\r\n\r\n', 'head malformed'),
  answered('F13: with status 99', plainAnswer('ok', [], '99 Low'), 'head malformed'),
  answered('F13: with status 099', plainAnswer('ok', [], '099 Low'), 'head malformed'),
  answered('F13: with status 600', plainAnswer('ok', [], '600 High'), 'head malformed'),
  answered('F13: with status 999', plainAnswer('ok', [], '999 High'), 'head malformed'),
  answered('F13: with status 999999', plainAnswer('ok', [], '999999 High'), 'head malformed'),
  answered('F13: with status 2x0', plainAnswer('ok', [], '2x0 Odd'), 'head malformed'),
  answered(
    'F14: that changes the protocol',
    `HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`,
    'head malformed',
  ),
  answered('F16: with two lengths', plainAnswer('ok', ['Content-Length: 3']), 'head malformed'),
  answered('F16: with its length twice', plainAnswer('ok', ['Content-Length: 2']), 'head malformed'),
  answered('F16: with two lengths in one header', `${head}Content-Length: 2, 2\r\n\r\nok`, 'head malformed'),
  answered('F16: with a negative length', `${head}Content-Length: -1\r\n\r\nok`, 'head malformed'),
  answered('F16: with a signed length', `${head}Content-Length: +2\r\n\r\nok`, 'head malformed'),
  answered('F16: with a length in hex', `${head}Content-Length: 0x2\r\n\r\nok`, 'head malformed'),
  answered('F16: with an endless length', `${head}Content-Length: 99999999999999999999\r\n\r\nok`, 'head malformed'),
  answered(
    'F16: with a length and chunks',
    `${chunkedHead('x/y', ['Content-Length: 2'])}${chunk('ok')}${chunk('')}`,
    'head malformed',
  ),
  answered('F16: with another coding', `${head}Transfer-Encoding: gzip\r\n\r\nok`, 'head malformed'),
  answered(
    'F16: with a coding before chunks',
    `${head}Transfer-Encoding: gzip, chunked\r\n\r\n${chunk('ok')}${chunk('')}`,
    'head malformed',
  ),
  answered(
    'F16: with chunks twice',
    `${head}Transfer-Encoding: chunked, chunked\r\n\r\n${chunk('ok')}${chunk('')}`,
    'head malformed',
  ),
  answered(
    'F16: of HTTP/1.0 in chunks',
    `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk('ok')}${chunk('')}`,
    'head malformed',
  ),
  answered('F16: with a folded header', plainAnswer('ok', ['X-A: b\r\n c']), 'head malformed'),
  answered('F16: with a NUL in a header', plainAnswer('ok', ['X-A: b\0c']), 'head malformed'),
  answered('F16: with a CR in a header', plainAnswer('ok', ['X-A: b\rc']), 'head malformed'),
  answered('F16: with a space before a colon', plainAnswer('ok', ['X-A : b']), 'head malformed'),
  answered('F16: with a header without a name', plainAnswer('ok', [': b']), 'head malformed'),
  answered('F16: with a header without a colon', plainAnswer('ok', ['X-A']), 'head malformed'),
  answered('F16: with bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'head malformed'),
  answered('F17: with 300 headers', plainAnswer('ok', manyHeaders), 'head malformed'),
  answered('F17: with a header of 100 kB', plainAnswer('ok', [`X-Big: ${'a'.repeat(100_000)}`]), 'head malformed'),
  answered('F17: with a head of 2 MB', plainAnswer('ok', [`X-Big: ${'a'.repeat(2_000_000)}`]), 'head malformed'),

  broken('N108: short of its length', `${head}Content-Length: 20\r\n\r\nok`, '', 'reset'),
  broken('N108: without its last chunk', chunkedHead() + chunk('ok'), '', 'reset'),
  broken('N108: in the middle of a chunk', `${chunkedHead()}5\r\nok`, '', 'reset'),
  broken('N108: without the end of its trailers', chunkedHead() + chunk('ok'), '0\r\n', 'reset'),
  broken('F31: with a bad chunk', chunkedHead() + chunk('ok'), 'zz\r\nok\r\n', 'malformed'),
  broken('F31: with a negative chunk', chunkedHead() + chunk('ok'), '-2\r\nok\r\n', 'malformed'),
  broken('F31: with a chunk in C notation', chunkedHead() + chunk('ok'), '0x2\r\nok\r\n', 'malformed'),
  broken('F31: with an empty size of a chunk', chunkedHead() + chunk('ok'), '\r\nok\r\n', 'malformed'),
  broken('F31: with an endless chunk', chunkedHead() + chunk('ok'), `${'F'.repeat(20)}\r\nok`, 'malformed'),
  broken('F31: with a chunk longer than said', `${chunkedHead()}2\r\nok`, 'ay\r\n', 'malformed'),
  broken('F31: with a bare line feed behind a size', chunkedHead() + chunk('ok'), '2\nok\r\n', 'malformed'),

  {
    name: 'headers of an answer come in their order, those of one name apart',
    expected: [
      ['x-zebra', '1'],
      ['set-cookie', 'a=1'],
      ['x-ant', '\u00e9'],
      ['x-zebra', '2'],
      ['set-cookie', 'b=2'],
      ['x-empty', ''],
    ],
    async observe(lab) {
      const lines = ['X-Zebra: 1', 'Set-Cookie: a=1', 'x-ant:\té ', 'X-Zebra: 2', 'Set-Cookie: b=2', 'X-Empty:']
      const origin = await lab.answering(
        Buffer.from(`${head}${lines.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`, 'latin1'),
      )
      return responded(await lab.send(origin.url)).headers.pairs.filter(([name]) => name !== 'content-length')
    },
  },
  {
    name: 'N119: an encoded answer keeps its encoding and its bytes',
    expected: ['gzip', '{"a":1}'],
    async observe(lab) {
      const packed = gzipSync('{"a":1}')
      const origin = await lab.answering(
        Buffer.concat([
          Buffer.from(`${head}Content-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`),
          packed,
        ]),
      )
      const { headers, body } = responded(await lab.send(origin.url))
      const { pieces } = await readThrough(body)
      return [
        headers.get('content-encoding'),
        Buffer.from(Bun.gunzipSync(Uint8Array.from(Buffer.concat(pieces)))).toString(),
      ]
    },
  },
  {
    name: 'H19: a redirect is handed on, and nobody else is asked',
    expected: ['302 gone', 0],
    async observe(lab) {
      const other = await lab.answering(ok)
      const origin = await lab.answering(plainAnswer('gone', [`Location: ${other.url.href}`], '302 Found'))
      return [await lab.ask(origin.url), other.connections]
    },
  },
  {
    name: 'F34: an answer that comes byte by byte is the same',
    expected: '200 okay',
    async observe(lab) {
      const bytes = Buffer.from(`${chunkedHead()}${chunk('ok')}${chunk('ay')}${chunk('')}`)
      const origin = await lab.origin()
      const said = lab.ask(origin.url)
      await origin.arrived(1)
      for (const byte of bytes) {
        origin.peers[0]?.write(Uint8Array.of(byte))
        await turns(1)
      }
      return await said
    },
  },
  {
    name: 'F7: an upstream that resets before its answer is told, without its address',
    expected: ['head reset', false],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.reset())
      const outcome = await lab.send(origin.url)
      return [await told(outcome), outcome.kind === 'transport_failure' && outcome.message.includes('127.0.0.1')]
    },
  },
  {
    name: 'F29: one that resets in the middle of its answer is told',
    expected: ['o', 'body reset'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok.slice(0, -1)))
      const { body } = responded(await lab.send(origin.url))
      const first = textOfStep(await body.read())
      origin.peers[0]?.reset()
      return [first, textOfStep(await body.read())]
    },
  },
]

const streamed = chunkedHead() + chunk('data: 1\n\n')

const bodies: readonly TransportCase[] = [
  {
    name: 'B42: a piece is handed over before the next one is sent',
    expected: ['data: 1\n\n', 'data: 2\n\n', 'end', 'end'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(streamed))
      const { body } = responded(await lab.send(origin.url))
      const first = await body.read()
      origin.peers[0]?.end(chunk('data: 2\n\n') + chunk(''))
      return [first, await body.read(), await body.read(), await body.read()].map(textOfStep)
    },
  },
  {
    name: 'a body that flows hands over every piece as it comes, then its end',
    expected: ['data: 1\n\n', 'data: 1\n\ndata: 2\n\n', 'end'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(streamed))
      const { body } = responded(await lab.send(origin.url))
      const sink = new Collector()
      body.flow(sink)
      await eventually(() => sink.bytes > 0)
      const first = sink.text
      origin.peers[0]?.end(chunk('data: 2\n\n') + chunk(''))
      const end = await sink.ended
      return [first, sink.text, end]
    },
  },
  {
    name: 'a body flows on from where it was read',
    expected: ['data: 1\n\n', 'data: 2\n\n', 'end'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(streamed))
      const { body } = responded(await lab.send(origin.url))
      const first = textOfStep(await body.read())
      const sink = new Collector()
      body.flow(sink)
      origin.peers[0]?.end(chunk('data: 2\n\n') + chunk(''))
      const end = await sink.ended
      return [first, sink.text, end]
    },
  },
  {
    name: 'a body that flows takes over what a read still waits for',
    expected: ['data: 1\n\ndata: 2\n\n', 'end'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(chunkedHead()))
      const { body } = responded(await lab.send(origin.url))
      void body.read()
      const sink = new Collector()
      body.flow(sink)
      origin.peers[0]?.end(chunk('data: 1\n\n') + chunk('data: 2\n\n') + chunk(''))
      const end = await sink.ended
      return [sink.text, end]
    },
  },
  {
    name: 'a body that flows and breaks says so once',
    expected: ['data: 1\n\n', 'body reset'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(streamed))
      const { body } = responded(await lab.send(origin.url))
      const sink = new Collector()
      body.flow(sink)
      await eventually(() => sink.bytes > 0)
      origin.peers[0]?.end()
      return [sink.text, textOfStep(await sink.ended)]
    },
  },
  {
    name: 'a body that ended is over for a sink that comes late',
    expected: ['data: 1\n\n', 'end', 'end'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.end(streamed + chunk('')))
      const { body } = responded(await lab.send(origin.url))
      const { pieces, end } = await readThrough(body)
      const sink = new Collector()
      body.flow(sink)
      return [Buffer.concat(pieces).toString(), end, await sink.ended]
    },
  },
  {
    name: 'a paused body holds the upstream back, and loses nothing',
    expected: ['held back', 32_000_000, 'end'],
    async observe(lab) {
      const sockets: Socket[] = []
      const piece = Buffer.from(large.subarray(0, 1_000_000))
      const origin = await lab.origin(
        (peer) => {
          peer.write(`${head}Content-Length: 32000000\r\n\r\n`)
          for (let count = 0; count < 32; count += 1) peer.write(piece)
        },
        { onConnect: (socket) => (sockets.push(socket), true) },
      )
      const { body } = responded(await lab.send(origin.url))
      let bytes = 0
      const { promise, resolve } = Promise.withResolvers<string>()
      body.flow({
        onPiece(part) {
          if (bytes === 0) body.pause()
          bytes += part.byteLength
        },
        onEnd: () => resolve('end'),
        onBreak: (failure) => resolve(brief(failure)),
      })
      await eventually(() => bytes > 0)
      await standsStill(() => sockets[0]?.writableLength ?? 0)
      const isHeld = (sockets[0]?.writableLength ?? 0) > 0 && bytes < 8_000_000
      body.resume()
      const end = await promise
      return [isHeld ? 'held back' : `${bytes} bytes came`, bytes, end]
    },
  },
  {
    name: 'a body that nobody reads holds the upstream back',
    expected: ['held back', 32_000_000],
    async observe(lab) {
      const sockets: Socket[] = []
      const piece = Buffer.from(large.subarray(0, 1_000_000))
      const origin = await lab.origin(
        (peer) => {
          peer.write(`${head}Content-Length: 32000000\r\n\r\n`)
          for (let count = 0; count < 32; count += 1) peer.write(piece)
        },
        { onConnect: (socket) => (sockets.push(socket), true) },
      )
      const { body } = responded(await lab.send(origin.url))
      await standsStill(() => sockets[0]?.writableLength ?? 0)
      const isHeld = (sockets[0]?.writableLength ?? 0) > 0
      const { pieces } = await readThrough(body)
      return [isHeld ? 'held back' : 'let go', pieces.reduce((sum, part) => sum + part.byteLength, 0)]
    },
  },
  ...(
    [
      ['without a body', 'HTTP/1.1 204 No\r\n\r\n', 'POST'],
      ['of length 0', plainAnswer(''), 'POST'],
      ['to HEAD', `${head}Content-Length: 5\r\n\r\n`, 'HEAD'],
    ] as const
  ).map(([name, bytes, method]): TransportCase => ({
    name: `an answer ${name} is whole at once`,
    expected: 0,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(bytes))
      return responded(await lab.send(origin.url, { method, body: undefined })).body.whole?.byteLength
    },
  })),
  {
    name: 'an answer that is whole at once may be read like any other',
    expected: ['ok', 'end', 'ok', 'end'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok))
      const read = responded(await lab.send(origin.url)).body
      const flowing = responded(await lab.send(origin.url)).body
      void [read.whole, flowing.whole]
      const sink = new Collector()
      flowing.flow(sink)
      const end = await sink.ended
      return [textOfStep(await read.read()), textOfStep(await read.read()), sink.text, end]
    },
  },
  {
    name: 'a small answer that came with its head is whole at once',
    expected: 'ok',
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok))
      const { body } = responded(await lab.send(origin.url))
      return body.whole === undefined ? 'to be read' : Buffer.from(body.whole).toString()
    },
  },
]

function textOfStep(step: Step): string {
  if (step instanceof Uint8Array) return Buffer.from(step).toString()
  return step === 'end' ? step : brief(step)
}

/** What a read of a body gives. */
type Step = Awaited<ReturnType<IncomingBody['read']>>

/** Stops an exchange at some point; the origin has to see the connection close. */
const stops: readonly TransportCase[] = [
  {
    name: 'B43: given up before it began, it opens nothing',
    expected: ['aborted', 0],
    async observe(lab) {
      const origin = await lab.origin()
      const stop = new Stop()
      stop.ask()
      const outcome = await lab.send(origin.url, { stop })
      return [outcome.kind === 'response' ? outcome.kind : outcome.cause, origin.connections]
    },
  },
  {
    name: 'N107: given up while the upstream thinks, it closes the connection',
    expected: 'head aborted',
    async observe(lab) {
      const origin = await lab.origin()
      const stop = new Stop()
      const said = lab.ask(origin.url, { stop })
      await origin.arrived(1)
      await turns(5)
      stop.ask()
      const seen = await said
      await origin.closed(1)
      return seen
    },
  },
  {
    name: 'given up in the TLS handshake, it closes the connection',
    expected: 'aborted',
    async observe(lab) {
      const origin = await lab.origin(() => {}, { onConnect: (socket) => (socket.resume(), false) })
      const stop = new Stop()
      const outcome = lab.send(secured(origin.url), { stop })
      await origin.opened(1)
      await turns(5)
      stop.ask()
      const seen = await outcome
      await origin.closed(1)
      return seen.kind === 'response' ? seen.kind : seen.cause
    },
  },
  {
    name: 'given up while a large body is sent, it closes the connection',
    expected: 'aborted',
    async observe(lab) {
      const sockets: Socket[] = []
      const origin = await lab.origin(() => {}, { onConnect: (socket) => (sockets.push(socket.pause()), false) })
      const stop = new Stop()
      const outcome = lab.send(origin.url, { stop, body: [large, large, large, large] })
      await origin.opened(1)
      await turns(20)
      stop.ask()
      const seen = await outcome
      sockets[0]?.resume()
      await origin.closed(1)
      return seen.kind === 'response' ? seen.kind : seen.cause
    },
  },
  ...(['waited for', 'flowing', 'paused', 'not looked at'] as const).map((state): TransportCase => ({
    name: `N107: given up while its body is ${state}, it closes the connection and says so`,
    expected: 'body aborted',
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(streamed))
      const stop = new Stop()
      const { body } = responded(await lab.send(origin.url, { stop }))
      const sink = new Collector()
      let end: Promise<Step> | undefined
      if (state === 'waited for') {
        await body.read()
        end = body.read()
      } else if (state !== 'not looked at') {
        body.flow(sink)
        await eventually(() => sink.bytes > 0)
        if (state === 'paused') body.pause()
        end = sink.ended
      }
      stop.ask()
      // What came before may still be read.
      end ??= readThrough(body).then((read) => read.end)
      const seen = await end
      await origin.closed(1)
      return textOfStep(seen)
    },
  })),
  {
    name: 'a cancelled body closes the connection, and nothing is handed over any more',
    expected: 9,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(streamed))
      const { body } = responded(await lab.send(origin.url))
      const sink = new Collector()
      body.flow(sink)
      await eventually(() => sink.bytes > 0)
      body.cancel()
      origin.peers[0]?.write(chunk('data: 2\n\n'))
      await origin.closed(1)
      await turns(5)
      return sink.bytes
    },
  },
  {
    name: 'a body that is cancelled unread closes the connection',
    expected: 'closed',
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(streamed))
      responded(await lab.send(origin.url)).body.cancel()
      await origin.closed(1)
      return 'closed'
    },
  },
]

function secured(url: URL): URL {
  return new URL(url.href.replace('http:', 'https:'))
}

const clocks: readonly TransportCase[] = [
  {
    name: 'F10: no head within the first-byte limit ends the exchange',
    expected: ['head timeout', 'on time'],
    async observe(lab) {
      const origin = await lab.origin()
      const outcome = lab.ask(origin.url, { clocks: { ...patient, firstByteMs: 5000 } })
      await origin.arrived(1)
      const ending = await lab.endingAfter(5000, outcome)
      await origin.closed(1)
      return ending
    },
  },
  {
    name: 'F10: half a head does not stop that clock',
    expected: ['head timeout', 'on time'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(`${head}Content-Le`))
      const outcome = lab.ask(origin.url, { clocks: { ...patient, firstByteMs: 5000 } })
      await origin.arrived(1)
      await turns(5)
      const ending = await lab.endingAfter(5000, outcome)
      await origin.closed(1)
      return ending
    },
  },
  {
    name: 'a body that cannot be sent on fails at the write limit',
    expected: ['write timeout', 'on time'],
    async observe(lab) {
      const sockets: Socket[] = []
      const origin = await lab.origin(() => {}, { onConnect: (socket) => (sockets.push(socket.pause()), false) })
      const body = [large, large, large, large]
      const outcome = lab.ask(origin.url, { clocks: { ...patient, writeMs: 3000, firstByteMs: 60_000 }, body })
      await origin.opened(1)
      // How much the kernel takes is its own affair, and progress each time; at some point it takes no more.
      const ending = await lab.endingSomeTimeAfter(3000, outcome)
      sockets[0]?.resume()
      await origin.closed(1)
      return ending
    },
  },
  {
    name: 'F4: a TLS handshake that is never answered fails',
    expected: ['tls timeout', 'on time'],
    async observe(lab) {
      const origin = await lab.origin(() => {}, { onConnect: (socket) => (socket.resume(), false) })
      const limits = { ...patient, connectMs: 1000, tlsMs: 3000, firstByteMs: 60_000 }
      const outcome = lab.ask(secured(origin.url), { clocks: limits })
      await origin.opened(1)
      await turns(5)
      const ending = await lab.endingAfter(3000, outcome)
      await origin.closed(1)
      return ending
    },
  },
  {
    name: 'no clock goes on once the exchange is over',
    expected: ['200 ok', '200 late'],
    async observe(lab) {
      const limits = { queueMs: 1000, dnsMs: 1000, connectMs: 1000, tlsMs: 1000, writeMs: 1000, firstByteMs: 1000 }
      const origin = await lab.origin((peer) => (peer.count === 1 ? peer.write(ok) : peer.write(chunkedHead())))
      const first = await lab.ask(origin.url, { clocks: limits })
      const { body } = responded(await lab.send(origin.url, { clocks: limits }))
      await lab.clock.advance(10_000)
      const sink = new Collector()
      body.flow(sink)
      origin.peers[1]?.write(chunk('late') + chunk(''))
      await sink.ended
      return [first, `200 ${sink.text}`]
    },
  },
  {
    name: 'F9: a request that finds every connection busy waits no longer than it may',
    expected: ['queue timeout', 'on time'],
    async observe(lab) {
      const origin = await lab.origin()
      const link = lab.link()
      const full = { ...link, pool: { ...link.pool, connectionsMax: 1 } }
      void lab.send(origin.url, { link: full })
      await origin.arrived(1)
      const limits = { ...patient, queueMs: 2000 }
      const second = lab.ask(origin.url, { link: full, clocks: limits })
      const [value, when] = await lab.endingAfter(2000, Promise.race([second, origin.arrived(2).then(() => 'arrived')]))
      return value === 'arrived' ? value : [value, when]
    },
  },
  {
    name: 'F9: where nobody may wait it fails at once',
    expected: 'queue full',
    async observe(lab) {
      const origin = await lab.origin()
      const link = lab.link()
      const full = { ...link, pool: { ...link.pool, connectionsMax: 1, waitingMax: 0 } }
      void lab.send(origin.url, { link: full })
      await origin.arrived(1)
      const second = lab.ask(origin.url, { link: full })
      return await Promise.race([second, origin.arrived(2).then(() => 'arrived')])
    },
  },
]

/** How many connections a few requests in a row take. */
function connectionsFor(
  name: string,
  answerOf: string | ((count: number) => string),
  expected: number,
  changes: Partial<OutgoingRequest> = {},
): TransportCase {
  return {
    name: `${name}: five requests take ${expected === 1 ? 'one connection' : `${expected} connections`}`,
    expected,
    async observe(lab) {
      const origin = await lab.origin((peer) =>
        peer.write(typeof answerOf === 'string' ? answerOf : answerOf(peer.count)),
      )
      for (let count = 0; count < 5; count += 1) {
        await lab.ask(origin.url, changes)
        await turns(10)
      }
      return origin.connections
    },
  }
}

const pools: readonly TransportCase[] = [
  connectionsFor('D53: an answer with its length', ok, 1),
  connectionsFor('an answer in chunks', `${chunkedHead()}${chunk('ok')}${chunk('')}`, 1),
  connectionsFor('an answer with trailers', `${chunkedHead()}${chunk('ok')}0\r\nX-A: b\r\n\r\n`, 1),
  connectionsFor('an answer without a body', 'HTTP/1.1 204 No\r\n\r\n', 1),
  connectionsFor('an answer to HEAD', `${head}Content-Length: 5\r\n\r\n`, 1, { method: 'HEAD', body: undefined }),
  connectionsFor('an error', plainAnswer('no', [], '500 No'), 1),
  connectionsFor('an answer that asks to close', plainAnswer('ok', ['Connection: close']), 5),
  connectionsFor('an answer that asks so among others', plainAnswer('ok', ['Connection: x, Close']), 5),
  connectionsFor('an answer of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 5),
  connectionsFor('an answer with bytes behind its end', `${ok}HTTP/1.1 200 OK\r\n`, 5),
  connectionsFor('an answer with a second one behind it', `${ok}${plainAnswer('no')}`, 5),
  connectionsFor('a request that wants no idle connection', ok, 5, { fresh: true }),
  {
    name: 'where no idle connection is kept, each request opens its own',
    expected: 3,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok))
      const link = lab.link()
      const lone = { ...link, pool: { ...link.pool, idleMax: 0 } }
      for (let count = 0; count < 3; count += 1) await lab.ask(origin.url, { link: lone })
      return origin.connections
    },
  },
  {
    name: 'links of equal content share connections, others do not',
    expected: 2,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok), { tls: forAddress })
      const links = [
        lab.link({ ca: authority }),
        lab.link({ ca: authority }),
        lab.link({ ca: authority, minVersion: '1.3' }),
        lab.link({ ca: authority, minVersion: '1.3' }),
      ]
      for (const link of links) await lab.ask(origin.url, { link })
      return origin.connections
    },
  },
  {
    name: 'an idle connection that the upstream closed is not used again',
    expected: ['200 ok', '200 ok', 2],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok))
      const first = await lab.ask(origin.url)
      origin.peers[0]?.end()
      await origin.closed(1)
      await turns(10)
      return [first, await lab.ask(origin.url), origin.connections]
    },
  },
  {
    name: 'F8: a request that an idle connection took down with it may be repeated over a fresh one',
    expected: ['head reset, safe to repeat', '200 ok', 3, 2],
    async observe(lab) {
      const origin = await lab.origin((peer) => (peer.count === 2 ? peer.reset() : peer.write(ok)))
      await lab.ask(origin.url)
      const second = await lab.ask(origin.url)
      const third = await lab.ask(origin.url, { fresh: true })
      return [second, third, origin.received.length, origin.connections]
    },
  },
  {
    name: 'H20: so is a GET, and it is not repeated unasked',
    expected: ['head reset, safe to repeat', 2],
    async observe(lab) {
      const origin = await lab.origin((peer) => (peer.count === 2 ? peer.reset() : peer.write(ok)))
      await lab.ask(origin.url, { method: 'GET', body: undefined })
      const second = await lab.ask(origin.url, { method: 'GET', body: undefined })
      return [second, origin.received.length]
    },
  },
  {
    name: 'F7: one that a fresh connection lost may not be repeated',
    expected: ['head reset', 1],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.reset())
      return [await lab.ask(origin.url), origin.received.length]
    },
  },
  {
    name: 'F8: nor one that lost its idle connection after a while',
    expected: 'head reset',
    async observe(lab) {
      const origin = await lab.origin((peer) => (peer.count === 1 ? peer.write(ok) : undefined))
      await lab.ask(origin.url)
      const second = lab.ask(origin.url)
      await origin.arrived(2)
      await lab.clock.advance(1000)
      origin.peers[1]?.reset()
      return await second
    },
  },
  {
    name: 'F8: nor one that was half answered',
    expected: 'head reset',
    async observe(lab) {
      const origin = await lab.origin((peer) => (peer.count === 1 ? peer.write(ok) : peer.end(`${head}Content-Le`)))
      await lab.ask(origin.url)
      return await lab.ask(origin.url)
    },
  },
  {
    name: 'F8: nor one whose answer broke in its body',
    expected: ['o', 'body reset'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(peer.count === 1 ? ok : ok.slice(0, -1)))
      await lab.ask(origin.url)
      const { body } = responded(await lab.send(origin.url))
      const first = textOfStep(await body.read())
      origin.peers[1]?.end()
      return [first, textOfStep(await body.read())]
    },
  },
]

/** An https origin, asked over a link with these TLS options. */
function tls(
  name: string,
  server: NonNullable<Parameters<Lab['origin']>[1]>['tls'],
  options: Parameters<Lab['link']>[0],
  expected: string,
): TransportCase {
  return {
    name: `TLS: ${name}`,
    expected,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok), { tls: server ?? {} })
      const said = await lab.ask(origin.url, { link: lab.link(options) })
      if (said !== '200 ok' && origin.received.length > 0) return `${said}, but the request arrived`
      return said
    },
  }
}

const askingClient = { ...forAddress, ca: authority, requestCert: true, rejectUnauthorized: true }

const links: readonly TransportCase[] = [
  tls('F5: a certificate that nobody signed is refused', selfSigned, {}, 'tls tls'),
  tls('F5: unless the operator switched that off', selfSigned, { verify: false }, '200 ok'),
  tls('one of an unknown authority is refused', forAddress, {}, 'tls tls'),
  tls('one of a known authority is taken', forAddress, { ca: authority }, '200 ok'),
  tls('one that is trusted itself is taken', selfSigned, { ca: selfSigned.cert }, '200 ok'),
  tls('F5: one for another name is refused', forElsewhere, { ca: authority }, 'tls tls'),
  tls('F5: one that has expired is refused', expired, { ca: authority, serverName: 'localhost' }, 'tls tls'),
  tls('unless that name was asked for', forElsewhere, { ca: authority, serverName: 'elsewhere.test' }, '200 ok'),
  tls(
    'a name that was asked for is the only one',
    forAddress,
    { ca: authority, serverName: 'elsewhere.test' },
    'tls tls',
  ),
  tls('a server that wants a certificate gets it', askingClient, { ca: authority, ...forClient }, '200 ok'),
  tls(
    'the least version is kept',
    { ...forAddress, maxVersion: 'TLSv1.2' },
    { ca: authority, minVersion: '1.3' },
    'tls tls',
  ),
  tls('TLS 1.2 is spoken', { ...forAddress, maxVersion: 'TLSv1.2' }, { ca: authority }, '200 ok'),
  tls('TLS 1.3 is spoken', { ...forAddress, minVersion: 'TLSv1.3' }, { ca: authority, minVersion: '1.3' }, '200 ok'),
  {
    name: 'TLS: a server that wants a certificate and gets none ends it',
    expected: true,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok), { tls: askingClient })
      const outcome = await lab.send(origin.url, { link: lab.link({ ca: authority }) })
      // With TLS 1.3 the refusal comes after the handshake.
      return outcome.kind === 'transport_failure' && origin.received.length === 0
    },
  },
  {
    name: 'TLS: one link that verifies and one that does not share nothing',
    expected: ['tls tls', '200 ok', 'tls tls'],
    async observe(lab) {
      const { url } = await lab.origin((peer) => peer.write(ok), { tls: selfSigned })
      const said: string[] = []
      for (const verify of [true, false, true]) said.push(await lab.ask(url, { link: lab.link({ verify }) }))
      return said
    },
  },
  {
    name: 'TLS F5: no variable of the environment switches verification off',
    expected: 'tls tls',
    async observe(lab) {
      const { url } = await lab.origin((peer) => peer.write(ok), { tls: selfSigned })
      return await withVariables({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, async () => await lab.ask(url))
    },
  },
  {
    name: 'TLS D53: connections are used again',
    expected: 1,
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok), { tls: forAddress })
      const link = lab.link({ ca: authority })
      for (let count = 0; count < 5; count += 1) await lab.ask(origin.url, { link })
      return origin.connections
    },
  },
  {
    name: 'TLS: 8 MB go up and come down',
    expected: [Bun.hash(large), large.byteLength],
    async observe(lab) {
      const origin = await lab.origin(
        (peer) => {
          peer.write(`${head}Content-Length: ${large.byteLength}\r\n\r\n`)
          peer.write(large)
        },
        { tls: forAddress },
      )
      const outcome = await lab.send(origin.url, { link: lab.link({ ca: authority }), body: [large] })
      const { pieces } = await flowThrough(responded(outcome).body)
      return [Bun.hash(origin.received[0]?.body ?? ''), Buffer.concat(pieces).byteLength]
    },
  },
  {
    name: 'F6: a server that speaks no TLS is told',
    expected: 'tls tls',
    async observe(lab) {
      const origin = await lab.origin(() => {}, {
        onConnect: (socket) => (socket.end('HTTP/1.1 400 No\r\n\r\n'), false),
      })
      return await lab.ask(secured(origin.url))
    },
  },
  {
    name: 'F1: a refused connection is told, without its address',
    expected: ['connect refused', false],
    async observe(lab) {
      const outcome = await lab.send(new URL(`http://127.0.0.1:${await closedPort()}`))
      if (outcome.kind === 'response') return outcome.status
      return [brief(outcome), outcome.message.includes('127.0.0.1')]
    },
  },
  {
    name: 'F2: a name that nobody has is told',
    expected: 'dns not_found',
    observe: async (lab) => await lab.ask(new URL('http://no-such-host.invalid/')),
  },
  {
    name: 'a unix socket is connected to instead of the host',
    expected: ['200 ok', '/v1', 'any.where'],
    async observe(lab) {
      const unixPath = lab.unixPath()
      const origin = await lab.origin((peer) => peer.write(ok), { unixPath })
      const said = await lab.ask(new URL('http://any.where/v1'), { link: lab.link({}, { unixPath }) })
      return [said, origin.received[0]?.target, origin.received[0]?.header('host')]
    },
  },
  {
    name: 'a unix socket that is not there is told',
    expected: 'connect refused',
    async observe(lab) {
      return await lab.ask(new URL('http://any.where/v1'), { link: lab.link({}, { unixPath: lab.unixPath() }) })
    },
  },
  {
    name: 'an http URL goes to the proxy whole, with its credentials',
    expected: ['200 ok', 'http://any.where/v1?a=b', 'Basic abc', 'any.where'],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok))
      const link = lab.link({}, { proxy: { url: origin.url, authorization: 'Basic abc' } })
      const said = await lab.ask(new URL('http://any.where/v1?a=b'), { link })
      const [request] = origin.received
      return [said, request?.target, request?.header('proxy-authorization'), request?.header('host')]
    },
  },
  {
    name: 'an https URL goes through a tunnel, which alone sees the credentials of the proxy',
    expected: ['200 ok', '200 ok', 1, true, true, undefined],
    async observe(lab) {
      const proxy = await lab.proxy()
      const origin = await lab.origin((peer) => peer.write(ok), { tls: forAddress })
      const link = lab.link({ ca: authority }, { proxy: { url: proxy.url, authorization: 'Basic abc' } })
      const said = [await lab.ask(origin.url, { link }), await lab.ask(origin.url, { link })]
      const [connect = ''] = proxy.heads
      return [
        ...said,
        proxy.heads.length,
        connect.startsWith(`CONNECT ${origin.url.host} HTTP/1.1\r\n`),
        /\r\nproxy-authorization: Basic abc\r\n/i.test(connect),
        origin.received[0]?.header('proxy-authorization'),
      ]
    },
  },
  {
    name: 'a proxy that opens no tunnel is told',
    expected: ['connect refused', 0],
    async observe(lab) {
      const proxy = await lab.proxy('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n')
      const origin = await lab.origin((peer) => peer.write(ok), { tls: forAddress })
      const link = lab.link({ ca: authority }, { proxy: { url: proxy.url, authorization: undefined } })
      return [await lab.ask(origin.url, { link }), origin.connections]
    },
  },
  {
    name: 'a proxy that is not there is told',
    expected: 'connect refused',
    async observe(lab) {
      const proxy = { url: new URL(`http://127.0.0.1:${await closedPort()}`), authorization: undefined }
      return await lab.ask(new URL('http://any.where/v1'), { link: lab.link({}, { proxy }) })
    },
  },
  {
    name: 'H18: no variable of the environment leads past a proxy',
    expected: ['200 ok', 1],
    async observe(lab) {
      const origin = await lab.origin((peer) => peer.write(ok))
      const link = lab.link({}, { proxy: { url: origin.url, authorization: undefined } })
      const ask = async (): Promise<string> => await lab.ask(new URL('http://127.0.0.1:9/v1'), { link })
      return [await withVariables({ NO_PROXY: '*', no_proxy: '*' }, ask), origin.received.length]
    },
  },
]

/** Everything that transports have in common. */
export const transportCases: readonly TransportCase[] = [
  ...requests,
  ...answers,
  ...bodies,
  ...stops,
  ...clocks,
  ...pools,
  ...links,
]
