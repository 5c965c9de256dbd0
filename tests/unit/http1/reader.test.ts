import { describe, expect, test } from 'bun:test'
import { defaultLimits, ResponseReader, type ResponseHead } from '#http1/reader.ts'
import { responseCases, type ResponseCase } from '../../support/response-cases.ts'
import { judge } from '../../support/response-oracle.ts'
import { byteByByte, cutAt, readPieces, type Outcome } from '../../support/response-outcome.ts'

describe('a response comes out the same, however its bytes are cut', () => {
  test.each(responseCases.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const bytes = Buffer.from(row.text, 'latin1')
    const whole = readPieces([bytes], row.question)
    expect(expectedOf(row, whole)).toEqual(whole)
    for (let at = 1; at < bytes.length; at += 1) {
      const cut = readPieces(cutAt(bytes, at), row.question)
      if (!Bun.deepEquals(cut, whole)) expect({ at, ...cut }).toEqual({ at, ...whole })
    }
    expect(readPieces(byteByByte(bytes), row.question)).toEqual(whole)
  })
})

test.each(responseCases.map((row) => [row.name, row] as const))(
  'the oracle of the fuzzer says so too: %s',
  (_, row) => {
    expect(judge(row.text, row.question)).toEqual(readPieces([Buffer.from(row.text, 'latin1')], row.question))
  },
)

test('there are more than 200 written cases, and no name twice', () => {
  expect(responseCases.length).toBeGreaterThan(200)
  const names = responseCases.map(({ name }) => name)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})

test('the headers are the pairs of the head, in their order', () => {
  const text = 'HTTP/1.1 200 OK\r\nDate: now\r\nB: 2\r\na: 1\r\nB: 3\r\nContent-Length: 0\r\n\r\n'
  const { headers, length } = readPieces([Buffer.from(text)])
  const pairs = ['date: now', 'b: 2', 'a: 1', 'b: 3', 'content-length: 0']
  expect(headers.map(([name, value]) => `${name}: ${value}`)).toEqual(pairs)
  expect(length).toBe(0)
})

test.each([
  ['a length', 'Content-Length: 5\r\n\r\nhello', 'GET', 5],
  ['no body', 'Content-Length: 5\r\n\r\n', 'HEAD', 0],
  ['chunks', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'GET', undefined],
  ['a body until the end', 'X: 1\r\n\r\nhello', 'GET', undefined],
])('the length of the body is told where it is known: %s', (_, rest, method, length) => {
  expect(readPieces([Buffer.from(`HTTP/1.1 200 OK\r\n${rest}`)], { method }).length).toBe(length)
})

test('F17: the limits are 64 KiB and 256 headers where nobody sets others', () => {
  const head = (lines: string): string => `HTTP/1.1 200 OK\r\n${lines}Content-Length: 0\r\n\r\n`
  const endingOf = (text: string): string => readPieces([Buffer.from(text)]).ending
  expect(endingOf(head('a: 1\r\n'.repeat(255)))).toBe('reusable')
  expect(endingOf(head('a: 1\r\n'.repeat(256)))).toBe('malformed head')
  const room = 65_536 - head('a: \r\n').length
  expect(endingOf(head(`a: ${'x'.repeat(room)}\r\n`))).toBe('reusable')
  expect(endingOf(head(`a: ${'x'.repeat(room + 1)}\r\n`))).toBe('malformed head')
})

test('one connection carries one response after the other', () => {
  const told: string[] = []
  const reader = new ResponseReader(teller(told))
  const texts = [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\nX: 1\r\n\r\n',
    'HTTP/1.1 204 None\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbcd\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\nrest',
  ]
  for (const text of texts) {
    reader.begin('GET')
    expect(reader.received).toBe(0)
    for (const piece of cutAt(Buffer.from(text), 10)) expect(reader.push(piece)).toBeUndefined()
    expect(reader.received).toBe(text.length)
  }
  expect(reader.end()).toBeUndefined()
  const expected = ['200', 'ok', 'reusable', '201', 'a', 'reusable', '204', 'reusable', '200', 'bcd', 'reusable', '200']
  expect(told).toEqual([...expected, 'rest', 'spent'])
})

test('header names whose hashes are equal are not taken for each other', () => {
  const text = `HTTP/1.1 200 OK\r\n${'b_: 1\r\nA~: 2\r\nB_: 3\r\na~: 4\r\n'.repeat(2)}Content-Length: 0\r\n\r\n`
  const names = readPieces([Buffer.from(text)]).headers.map(([name]) => name)
  expect(names).toEqual(['b_', 'a~', 'b_', 'a~', 'b_', 'a~', 'b_', 'a~', 'content-length'])
})

test('interim answers are counted for each response', () => {
  const reader = new ResponseReader(teller([]), { ...defaultLimits, interimMax: 2 })
  for (let left = 3; left > 0; left -= 1) {
    reader.begin('GET')
    const interims = 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(2)
    expect(reader.push(Buffer.from(`${interims}HTTP/1.1 204 None\r\n\r\n`))).toBeUndefined()
  }
})

test('the next response may begin from within the end of the last one', () => {
  const told: string[] = []
  const events = teller(told)
  const reader: ResponseReader = new ResponseReader({
    onHead: events.onHead,
    onPiece: events.onPiece,
    onEnd: (mayReuse) => {
      events.onEnd(mayReuse)
      reader.begin('HEAD')
    },
  })
  reader.begin('GET')
  expect(reader.push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))).toBeUndefined()
  expect(reader.push(Buffer.from('HTTP/1.1 202 OK\r\nContent-Length: 2\r\n\r\n'))).toBeUndefined()
  expect(told).toEqual(['200', 'ok', 'reusable', '202', 'reusable'])
})

test('bytes between two responses are a fault, and so is a response that nobody asked for', () => {
  const reader = new ResponseReader(teller([]))
  const fault = reader.push(Buffer.from('HTTP/1.1 408 Timeout\r\n\r\n'))
  expect(fault).toEqual({ kind: 'malformed', where: 'head', message: 'the upstream sent bytes that answer no request' })
})

test('the end of a connection between two responses is no fault', () => {
  expect(new ResponseReader(teller([])).end()).toBeUndefined()
})

test('a response cannot begin within another, nor behind one that left the connection unfit', () => {
  const reader = new ResponseReader(teller([]))
  reader.begin('GET')
  expect(() => reader.begin('GET')).toThrow('Cannot begin a response')
  reader.push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'))
  expect(() => reader.begin('GET')).toThrow('Cannot begin a response')
})

test('pieces are views into what was pushed, one for each chunk', () => {
  const pieces: Uint8Array[] = []
  const reader = new ResponseReader({ onHead: () => {}, onPiece: (bytes) => void pieces.push(bytes), onEnd: () => {} })
  reader.begin('GET')
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nth')
  expect(reader.push(bytes)).toBeUndefined()
  expect(pieces.map((piece) => Buffer.from(piece).toString())).toEqual(['one', 'two', 'th'])
  expect(pieces.every((piece) => piece.buffer === bytes.buffer)).toBe(true)
})

test('bytes that came behind a response do not count as received', () => {
  const reader = new ResponseReader(teller([]))
  reader.begin('GET')
  const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  expect(reader.push(Buffer.from(`${text}more`))).toBeUndefined()
  expect(reader.received).toBe(text.length)
})

test('F12: what is not HTTP is refused at its first wrong byte', () => {
  const reader = new ResponseReader(teller([]))
  reader.begin('GET')
  expect(reader.push(Buffer.from('HTTP/1.'))).toBeUndefined()
  expect(reader.push(Buffer.from('x'))).toMatchObject({ kind: 'malformed', where: 'head' })
})

test('a line that ends with a line feed alone is refused before the head is whole', () => {
  const reader = new ResponseReader(teller([]))
  reader.begin('GET')
  expect(reader.push(Buffer.from('HTTP/1.1 200 OK\r\nX: 1'))).toBeUndefined()
  expect(reader.push(Buffer.from('\nY: 2'))).toMatchObject({ kind: 'malformed', where: 'head' })
})

test('a message of a fault holds no byte of the response', () => {
  let faults = 0
  for (const { text, question } of responseCases) {
    const reader = new ResponseReader(teller([]), question.limits ?? defaultLimits)
    reader.begin(question.method ?? 'GET', question.asksUpgrade)
    const fault = reader.push(Buffer.from(text.replaceAll('hello', 'secret').replaceAll('X-One', 'secret'), 'latin1'))
    if (fault === undefined) continue
    faults += 1
    expect(fault.message).not.toContain('secret')
  }
  expect(faults).toBeGreaterThan(100)
})

/** What the case says, with what it leaves open taken from the outcome. */
function expectedOf({ status, headers, body = '', ending }: ResponseCase, outcome: Outcome): Outcome {
  return { status, headers: headers ?? outcome.headers, length: outcome.length, body, ending }
}

function teller(told: string[]) {
  return {
    onHead: ({ status }: ResponseHead) => void told.push(String(status)),
    onPiece: (bytes: Uint8Array) => void told.push(Buffer.from(bytes).toString('latin1')),
    onEnd: (mayReuse: boolean) => void told.push(mayReuse ? 'reusable' : 'spent'),
  }
}
