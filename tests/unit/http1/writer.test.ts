import { describe, expect, test } from 'bun:test'
import { framingOf, requestHead, Writer, type Writable } from '#http1/writer.ts'
import { concat } from '#kit/bytes.ts'
import { seededRandom } from '#ports/random.ts'

describe('A request head', () => {
  test('keeps headers in their order, case and number', () => {
    const head = requestHead(
      'POST',
      '/v1/x?y=1',
      'api.example.com',
      [
        ['X-First', '1'],
        ['x-second', '2'],
        ['X-FIRST', 'again'],
      ],
      3,
    )
    expect(head).toBe(
      'POST /v1/x?y=1 HTTP/1.1\r\nHost: api.example.com\r\nX-First: 1\r\nx-second: 2\r\nX-FIRST: again\r\nContent-Length: 3\r\n\r\n',
    )
  })

  test('has the host that the caller gives, once', () => {
    expect(requestHead('GET', '/', 'a', [['host', 'b']], undefined)).toBe('GET / HTTP/1.1\r\nhost: b\r\n\r\n')
  })

  test('has the framing that the body has, whatever the caller says, and never expects', () => {
    const told = [
      ['Content-Length', '99'],
      ['transfer-encoding', 'chunked'],
      ['Expect', '100-continue'],
    ] as const
    expect(requestHead('POST', '/', 'a', told, 5)).toBe('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    expect(requestHead('POST', '/', 'a', told, 'chunked')).toBe(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    expect(requestHead('GET', '/', 'a', told, undefined)).toBe('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  })

  test.each([
    ['a line break in a value', [['x', 'a\r\ny: b']]],
    ['a bare line feed in a value', [['x', 'a\nb']]],
    ['a NUL in a value', [['x', 'a\0b']]],
    ['a value beyond Latin-1', [['x', 'ключ']]],
    ['a blank in a name', [['x y', 'a']]],
    ['an empty name', [['', 'a']]],
    ['a colon in a name', [['x:', 'a']]],
  ] as const)('is refused with %s', (_, headers) => {
    expect(requestHead('POST', '/', 'a', headers, 0)).toBeUndefined()
  })

  test.each([
    ['a blank in the target', 'GET', '/a b', 'h'],
    ['a line break in the target', 'GET', '/a\r\nx', 'h'],
    ['a blank in the method', 'GE T', '/', 'h'],
    ['a line break in the host', 'GET', '/', 'h\r\nx: y'],
  ])('is refused with %s', (_, method, target, host) => {
    expect(requestHead(method, target, host, [], undefined)).toBeUndefined()
  })

  test.each([
    ['POST', undefined, 0],
    ['PUT', undefined, 0],
    ['PATCH', undefined, 0],
    ['GET', undefined, undefined],
    ['DELETE', undefined, undefined],
    ['GET', 4, 4],
    ['POST', 0, 0],
  ] as const)('of %s with a body of %p bytes is framed by %p', (method, bytes, framing) => {
    expect(framingOf(method, bytes)).toBe(framing)
  })
})

/** Takes so many bytes with each write, and keeps what it took. */
class Sink implements Writable {
  readonly taken: Uint8Array[] = []
  writes = 0
  readonly #next: () => number

  constructor(next: () => number) {
    this.#next = next
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    this.writes += 1
    const count = Math.min(length, this.#next())
    if (count > 0) this.taken.push(bytes.slice(offset, offset + count))
    return count
  }

  text(): string {
    return Buffer.from(concat(this.taken)).toString('latin1')
  }
}

describe('A writer', () => {
  test('sends head and small pieces with one write', () => {
    const sink = new Sink(() => Infinity)
    const writer = new Writer(sink)
    writer.begin()
    expect(writer.sendRequest('HEAD\r\n\r\n', [Buffer.from('one'), Buffer.from('two')])).toBeTrue()
    expect(sink.text()).toBe('HEAD\r\n\r\nonetwo')
    expect(sink.writes).toBe(1)
    expect(writer.sent).toBe(14)
  })

  test('does not copy a large piece', () => {
    const large = new Uint8Array(300_000).fill(120)
    let given: Uint8Array | undefined
    const writer = new Writer({
      write: (bytes, _, length) => {
        if (length === large.byteLength) given = bytes
        return length
      },
    })
    writer.begin()
    expect(writer.sendRequest('HEAD', [Buffer.from('{'), large])).toBeTrue()
    expect(given).toBe(large)
  })

  test('sends a head that is larger than its buffer', () => {
    const sink = new Sink(() => Infinity)
    const writer = new Writer(sink)
    const head = 'h'.repeat(100_000)
    writer.begin()
    writer.sendRequest(head, [Buffer.from('body')])
    expect(sink.text()).toBe(`${head}body`)
  })

  test('counts nothing as sent on a closed socket', () => {
    const writer = new Writer({ write: () => -1 })
    writer.begin()
    expect(writer.sendRequest('HEAD', [Buffer.from('body')])).toBeFalse()
    expect(writer.sent).toBe(0)
  })

  test('loses and doubles no byte, however little the socket takes', () => {
    const random = seededRandom(3)
    for (let round = 0; round < 300; round += 1) {
      const sink = new Sink(() => (random.unit() < 0.3 ? 0 : Math.floor(random.unit() * 40_000)))
      const writer = new Writer(sink)
      const pieces = Array.from({ length: Math.floor(random.unit() * 5) }, (_, index) =>
        new Uint8Array(Math.floor(random.unit() * (random.unit() < 0.5 ? 100 : 60_000))).fill(97 + index),
      )
      const head = 'H'.repeat(1 + Math.floor(random.unit() * (random.unit() < 0.1 ? 90_000 : 500)))
      writer.begin()
      let isDone = writer.sendRequest(head, pieces)
      for (let turns = 0; !isDone && turns < 100_000; turns += 1) isDone = writer.resume()
      const all = head + Buffer.from(concat(pieces)).toString('latin1')
      expect(sink.text()).toBe(all)
      expect(writer.sent).toBe(all.length)
      expect(writer.isEmpty).toBeTrue()
    }
  })
})
