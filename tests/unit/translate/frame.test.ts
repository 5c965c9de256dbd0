import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import { seededRandom } from '#ports/random.ts'
import type { FramedEvent, Framing } from '#translate/codec.ts'
import { Framer } from '#translate/frame.ts'
import { openUnframer, type FramedSink } from '#translate/unframe.ts'
import { SseParser } from '#wire/sse.ts'

const decoder = new TextDecoder()

function framed(form: StreamForm, groups: readonly (readonly FramedEvent[])[], isClosed = true): string[] {
  const framer = new Framer(form)
  const pieces: string[] = []
  for (const [at, group] of groups.entries()) {
    for (const event of group) framer.add(event)
    if (isClosed && at === groups.length - 1) framer.close()
    for (const piece of framer.take()) pieces.push(decoder.decode(piece))
  }
  return pieces
}

describe('Framer', () => {
  test.each<{ name: string; form: StreamForm; groups: FramedEvent[][]; isClosed?: boolean; pieces: string[] }>([
    {
      name: 'what is there at once goes out at once',
      form: 'messages',
      groups: [[{ name: 'a', data: '{"x":1}' }, { data: '{}' }], [{ data: '[DONE]' }]],
      pieces: ['event: a\ndata: {"x":1}\n\ndata: {}\n\n', 'data: [DONE]\n\n'],
    },
    {
      name: 'characters that some take for line ends are escaped (§10.2)',
      form: 'chat',
      groups: [[{ data: '{"a":"\u0085\u2028\u2029é"}' }]],
      pieces: ['data: {"a":"\\u0085\\u2028\\u2029é"}\n\n'],
    },
    { name: 'nothing is no event', form: 'chat', groups: [[{ data: '' }]], pieces: [] },
    {
      name: 'what goes out bare has a write of its own (§8.4)',
      form: 'gemini_sse',
      groups: [[{ data: '{"a":1}' }, { data: '{"error":{}}' }, { data: '{"error":{}}', bare: true }]],
      pieces: ['data: {"a":1}\n\ndata: {"error":{}}\n\n', '{"error":{}}'],
    },
    {
      name: 'elements make a list that is closed at the end (§10.5)',
      form: 'gemini_array',
      groups: [[{ data: '{"a":1}' }], [{ data: '{"b":2}' }, { data: '{"e":3}', bare: true }]],
      pieces: ['[{"a":1}', ',\r\n{"b":2}]'],
    },
    { name: 'a list of nothing is a list', form: 'gemini_array', groups: [[]], pieces: ['[]'] },
    {
      name: 'a list that broke off stays open',
      form: 'gemini_array',
      groups: [[{ data: '{"a":1}' }]],
      isClosed: false,
      pieces: ['[{"a":1}'],
    },
    {
      name: 'lines end with LF (§10.4)',
      form: 'ndjson',
      groups: [[{ data: '{"a":1}' }, { data: '{}' }]],
      pieces: ['{"a":1}\n{}\n'],
    },
  ])('$name', ({ form, groups, isClosed, pieces }) => {
    expect(framed(form, groups, isClosed)).toEqual(pieces)
  })

  test('a sign of life goes out only when nothing else does', () => {
    const framer = new Framer('messages')
    framer.live()
    expect(framer.take().map((piece) => decoder.decode(piece))).toEqual(['event: ping\ndata: {"type":"ping"}\n\n'])
    framer.live()
    framer.add({ data: '{}' })
    expect(framer.take().map((piece) => decoder.decode(piece))).toEqual(['data: {}\n\n'])
    expect(framer.take()).toEqual([])
  })
})

function read(framing: Framing, chunks: readonly Uint8Array[]): string[] {
  const events: string[] = []
  const sink: FramedSink = { takeFramed: (name, data) => void events.push(name === '' ? data : `${name}|${data}`) }
  const unframer = openUnframer(framing)
  for (const chunk of chunks) unframer.push(chunk, sink)
  unframer.end(sink)
  return events
}

const streams: readonly { name: string; framing: Framing; text: string; events: string[] }[] = [
  { name: 'events', framing: 'sse', text: 'data: {"a":1}\n\nevent: b\ndata: {}\n\n', events: ['{"a":1}', 'b|{}'] },
  { name: 'CRLF', framing: 'sse', text: 'data: {"a":1}\r\n\r\ndata: {}\r\n\r\n', events: ['{"a":1}', '{}'] },
  { name: 'CR alone', framing: 'sse', text: 'data: {"a":1}\r\rdata: {}\r\r', events: ['{"a":1}', '{}'] },
  { name: 'a byte order mark', framing: 'sse', text: '\ufeffdata: 1\n\n', events: ['1'] },
  {
    name: 'comments, ids, unknown fields',
    framing: 'sse',
    text: ': hi\nid: 1\nretry: 3\nfoo\ndata:x\n\n: bye\n\n',
    events: ['x'],
  },
  { name: 'several lines of data', framing: 'sse', text: 'data: {"a":\ndata: 1}\n\n', events: ['{"a":\n1}'] },
  {
    name: 'events without blank lines between them (§10.1-9)',
    framing: 'sse',
    text: 'data: {"a":1}\ndata: {"b":2}\n\n',
    events: ['{"a":1}', '{"b":2}'],
  },
  {
    name: 'no blank line at the end (§10.1-6)',
    framing: 'sse',
    text: 'data: {"a":1}\n\ndata: {"b":2}',
    events: ['{"a":1}', '{"b":2}'],
  },
  { name: 'half an event at the end', framing: 'sse', text: 'data: {"a":1}\n\ndata: {"b":', events: ['{"a":1}'] },
  { name: 'an event name behind its data', framing: 'sse', text: 'data: {}\nevent: x\n\n', events: ['x|{}'] },
  { name: 'an empty event', framing: 'sse', text: 'event: x\n\ndata:\n\ndata: 1\n\n', events: ['1'] },
  { name: 'characters of several bytes', framing: 'sse', text: 'data: "日本🙂é"\n\n', events: ['"日本🙂é"'] },
  {
    name: 'lines',
    framing: 'lines',
    text: '{"a":"🙂"}\n\r\n {"b":2}\r\n{"c":3}',
    events: ['{"a":"🙂"}', '{"b":2}', '{"c":3}'],
  },
  { name: 'lines of an event stream all the same', framing: 'lines', text: 'data: {"a":1}\n\n', events: ['{"a":1}'] },
  { name: 'a list', framing: 'array', text: '[{"a":"]},{"}\r\n,\r\n{"b":[2]}]', events: ['{"a":"]},{"}', '{"b":[2]}'] },
  {
    name: 'one value that is no list',
    framing: 'array',
    text: '{"error":{"code":1}}',
    events: ['{"error":{"code":1}}'],
  },
]

describe('Unframer', () => {
  test.each(streams)('reads $name, however they are cut', ({ framing, text, events }) => {
    const bytes = encode(text)
    expect(read(framing, [bytes])).toEqual(events)
    expect(
      read(
        framing,
        [...bytes].map((byte) => Uint8Array.of(byte)),
      ),
    ).toEqual(events)
    for (let seed = 1; seed <= 30; seed++) expect(read(framing, cutBytes(bytes, seed))).toEqual(events)
  })

  test('reads what SseParser reads, from any bytes', () => {
    const random = seededRandom(3)
    const words = [
      'data:',
      'event:',
      ' x',
      '\n',
      '\r',
      '\r\n',
      '\n\n',
      ':',
      'id: 1',
      '{"a":1}',
      'é',
      '🙂',
      'data: 1\n\n',
      'data\n',
    ]
    for (let seed = 1; seed <= 500; seed++) {
      const text = Array.from({ length: 14 }, () => words[Math.floor(random.unit() * words.length)]).join('')
      const bytes = encode(`${text}\n\n`)
      const expected = new SseParser()
        .push(bytes)
        .filter(({ data }) => data !== '' && !data.includes('\n'))
        .map(({ event, data }) => (event === '' ? data : `${event}|${data}`))
      const found = new Set(read('sse', cutBytes(bytes, seed)))
      expect(expected.every((event) => found.has(event))).toBe(true)
    }
  })

  test('never throws, and keeps no more than the event that is not over', () => {
    const random = seededRandom(5)
    for (const framing of ['sse', 'lines', 'array', 'aws'] as const) {
      const unframer = openUnframer(framing)
      const sink: FramedSink = { takeFramed: () => undefined }
      for (let count = 0; count < 300; count++) {
        unframer.push(
          Uint8Array.from({ length: 50 }, () => Math.floor(random.unit() * 256)),
          sink,
        )
      }
      expect(unframer.heldBytes).toBeLessThanOrEqual(15_000)
      unframer.end(sink)
    }
    const sse = openUnframer('sse')
    sse.push(encode(`data: ${'x'.repeat(1000)}`), { takeFramed: () => undefined })
    expect(sse.heldBytes).toBe(1006)
    sse.push(encode('\n'), { takeFramed: () => undefined })
    expect(sse.heldBytes).toBe(1000)
    sse.push(encode('\n'), { takeFramed: () => undefined })
    expect(sse.heldBytes).toBe(0)
  })
})

function cutBytes(bytes: Uint8Array, seed: number): Uint8Array[] {
  const random = seededRandom(seed)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const length = 1 + Math.floor(random.unit() * 9)
    chunks.push(bytes.slice(at, at + length))
    at += length
  }
  return chunks
}
