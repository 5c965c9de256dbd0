import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { EventGate, SseParser, type SseEvent } from '#wire/sse.ts'
import { bytesOf, cutInTwo, inPieces, sampleStreams, textsAfter } from '../../support/streams.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const eventStreams = sampleStreams.filter(({ form }) => form !== 'gemini_array' && form !== 'ndjson')
const lineEnds = [
  { name: 'LF', lineEnd: '\n' },
  { name: 'CR LF', lineEnd: '\r\n' },
  { name: 'CR', lineEnd: '\r' },
]

/** What came out piece by piece, and what was still held at the end. */
function through(gate: EventGate, chunks: readonly Uint8Array[]): { out: string[]; rest: string } {
  const out: string[] = []
  for (const chunk of chunks) {
    const ready = gate.push(chunk)
    if (ready !== undefined) out.push(decoder.decode(ready))
  }
  return { out, rest: decoder.decode(gate.end()) }
}

describe('EventGate', () => {
  test('hands a chunk of whole events on as the same object', () => {
    const gate = new EventGate()
    for (const text of ['data: 1\n\n', 'data: 2\n\ndata: 3\n\n', 'data: 4\r\n\r\n', 'data: 5\r\r']) {
      const chunk = encoder.encode(text)
      expect(gate.push(chunk)).toBe(chunk)
    }
    expect(gate.end()).toBeUndefined()
  })

  test.each(lineEnds)('N201: never lets half an event through, cut at any byte, with $name', ({ lineEnd }) => {
    for (const { events } of eventStreams) {
      const texts = events.map((event) => event.replaceAll('\n', lineEnd))
      const whole = textsAfter(texts)
      for (const [first, second] of cutInTwo(bytesOf(texts))) {
        const gate = new EventGate()
        const { out, rest } = through(gate, [first, second])
        expect(out.join('') + rest).toBe(texts.join(''))
        expect(textsAfter(out).every((text) => whole.includes(text))).toBe(true)
      }
    }
  })

  test('B41: gives back every byte in order, whatever it is and however it is cut', () => {
    const piece = fc.constantFrom('\n', '\r', '\r\n', '\n\n', 'data: x', ': c', 'é', '\u0000')
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(12)), (pieces, sizes) => {
        const whole = bytesOf(pieces)
        const chunks: Uint8Array[] = []
        let at = 0
        for (const size of sizes) chunks.push(whole.subarray(at, (at = Math.min(at + size, whole.length))))
        const { out, rest } = through(new EventGate(), [...chunks, whole.subarray(at)])
        expect(out.join('') + rest).toBe(pieces.join(''))
      }),
    )
  })

  test('gives the same events for one-byte chunks as for one chunk', () => {
    for (const { events } of eventStreams) {
      const { out, rest } = through(new EventGate(), inPieces(bytesOf(events), 1))
      expect(out).toEqual([...events])
      expect(rest).toBe('')
    }
  })

  test('tells where the client stands', () => {
    const gate = new EventGate()
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('data: 1\n'))
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('\ndata: 2'))
    expect(gate.position).toBe('between')
  })

  test('passes an event beyond 64 KiB on as it comes, and holds the next one again', () => {
    const gate = new EventGate()
    expect(gate.push(encoder.encode(`data: ${'x'.repeat(60_000)}`))).toBeUndefined()
    expect(gate.push(encoder.encode('x'.repeat(10_000)))?.length).toBe(70_006)
    expect(gate.position).toBe('inside')
    const more = encoder.encode('y'.repeat(10))
    expect(gate.push(more)).toBe(more)
    expect(decoder.decode(gate.push(encoder.encode('z\n\ndata: next')))).toBe('z\n\n')
    expect(gate.position).toBe('between')
    expect(gate.push(encoder.encode(' event'))).toBeUndefined()
    expect(decoder.decode(gate.end())).toBe('data: next event')
  })
})

function parse(chunks: readonly Uint8Array[]): { events: SseEvent[]; last: SseEvent | undefined } {
  const parser = new SseParser()
  return { events: chunks.flatMap((chunk) => parser.push(chunk)), last: parser.end() }
}

const texts = [
  { name: 'data', text: 'data: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'a name', text: 'event: e\ndata: a\n\n', events: [{ event: 'e', data: 'a' }] },
  { name: 'a name behind the data', text: 'data: a\nevent: e\n\n', events: [{ event: 'e', data: 'a' }] },
  { name: 'several data lines', text: 'data: a\ndata:\ndata:  b\n\n', events: [{ event: '', data: 'a\n\n b' }] },
  { name: 'no space', text: 'data:a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'a field without colon', text: 'data\n\n', events: [{ event: '', data: '' }] },
  { name: 'comments and blank lines', text: ': c\n\n\n:\ndata: a\n: c\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'an event without data', text: 'event: e\n\ndata: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'unknown fields', text: 'id: 1\nretry: 5\nfoo: x\ndata: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'a byte order mark', text: '\ufeffdata: a\n\n', events: [{ event: '', data: 'a' }] },
  { name: 'characters of several bytes', text: 'data: ü🙂模\n\n', events: [{ event: '', data: 'ü🙂模' }] },
  { name: 'an unfinished event', text: 'data: a\n\ndata: b\n', events: [{ event: '', data: 'a' }] },
]

describe('SseParser', () => {
  test.each(texts)('reads $name, with every line end and cut at every byte', ({ text, events }) => {
    for (const { lineEnd } of lineEnds) {
      for (const chunks of cutInTwo(encoder.encode(text.replaceAll('\n', lineEnd)))) {
        expect(parse(chunks).events).toEqual(events)
      }
    }
  })

  test('gives an event at the end that lacks its blank line, if it is whole', () => {
    expect(parse([encoder.encode('event: e\ndata: {"a":1}')]).last).toEqual({ event: 'e', data: '{"a":1}' })
    expect(parse([encoder.encode('data: {"a":1}\n')]).last).toEqual({ event: '', data: '{"a":1}' })
    expect(parse([encoder.encode('data: [DONE]')]).last).toEqual({ event: '', data: '[DONE]' })
    expect(parse([encoder.encode('data: {"a":')]).last).toBeUndefined()
    expect(parse([encoder.encode('data: {"a":1}\n\n')]).last).toBeUndefined()
    expect(parse([encoder.encode(': comment')]).last).toBeUndefined()
  })

  test('turns bytes that are no UTF-8 into replacement characters', () => {
    expect(parse([Buffer.from('data: a\xff\n\n', 'latin1')]).events).toEqual([{ event: '', data: 'a\ufffd' }])
  })
})
