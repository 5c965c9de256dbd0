import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { StreamForm } from '#core/endpoint.ts'
import { openGate, type Gate } from '#wire/gate.ts'
import { bytesOf, cutInTwo, inPieces, jsonLine, sampleStreams, textsAfter } from '../../support/streams.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const array = sampleStreams.find(({ form }) => form === 'gemini_array')?.events ?? []
const lineStreams = sampleStreams.filter(({ form }) => form === 'ndjson')
const eventStreams = sampleStreams.filter(({ form }) => form !== 'gemini_array' && form !== 'ndjson')
const lineEnds = [
  { name: 'LF', lineEnd: '\n' },
  { name: 'CR LF', lineEnd: '\r\n' },
  { name: 'CR', lineEnd: '\r' },
]

/** What came out piece by piece, and what was still held at the end. */
function through(gate: Gate, chunks: readonly Uint8Array[]): { out: string[]; rest: string } {
  const out = chunks.map((chunk) => gate.push(chunk)).filter((ready) => ready !== undefined)
  return { out: out.map((ready) => decoder.decode(ready)), rest: decoder.decode(gate.end()) }
}

/** Any bytes of a line stream, cut anywhere. */
const anyPieces = fc
  .tuple(fc.array(fc.constantFrom('\n', '\r\n', '\n\n', ' ', '{"a":1}', '"', 'é', '\u0000')), fc.array(fc.nat(12)))
  .map(([texts, sizes]) => {
    const whole = bytesOf(texts)
    const chunks: Uint8Array[] = []
    let at = 0
    for (const size of sizes) chunks.push(whole.subarray(at, (at = Math.min(at + size, whole.length))))
    return { text: texts.join(''), chunks: [...chunks, whole.subarray(at)] }
  })

describe('The gate for server-sent events', () => {
  test('hands a chunk of whole events on as the same object', () => {
    const gate = openGate('chat')
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
        const gate = openGate('chat')
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
        const { out, rest } = through(openGate('chat'), [...chunks, whole.subarray(at)])
        expect(out.join('') + rest).toBe(pieces.join(''))
      }),
    )
  })

  test('gives the same events for one-byte chunks as for one chunk', () => {
    for (const { events } of eventStreams) {
      const { out, rest } = through(openGate('chat'), inPieces(bytesOf(events), 1))
      expect(out).toEqual([...events])
      expect(rest).toBe('')
    }
  })

  test('tells where the client stands', () => {
    const gate = openGate('chat')
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('data: 1\n'))
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('\ndata: 2'))
    expect(gate.position).toBe('between')
  })

  test('passes an event beyond 64 KiB on as it comes, and holds the next one again', () => {
    const gate = openGate('chat')
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

describe('The gate for lines', () => {
  test('hands a chunk of whole lines on as the same object', () => {
    const gate = openGate('ndjson')
    for (const text of ['{"a":1}\n', '{"a":1}\r\n{"b":2}\r\n', '\n']) {
      const chunk = encoder.encode(text)
      expect(gate.push(chunk)).toBe(chunk)
    }
    expect(gate.end()).toBeUndefined()
  })

  test.each(lineEnds.slice(0, 2))(
    'N201: never lets half a line through, cut at any byte, with $name',
    ({ lineEnd }) => {
      for (const { events } of lineStreams) {
        const texts = events.map((event) => event.replaceAll('\n', lineEnd))
        const whole = textsAfter(texts)
        for (const chunks of cutInTwo(bytesOf(texts))) {
          const { out, rest } = through(openGate('ndjson'), chunks)
          expect(out.join('') + rest).toBe(texts.join(''))
          expect(textsAfter(out).every((text) => whole.includes(text))).toBe(true)
        }
      }
    },
  )

  test('gives line by line from one-byte chunks', () => {
    for (const { events } of lineStreams) {
      expect(through(openGate('ndjson'), inPieces(bytesOf(events), 1))).toEqual({ out: [...events], rest: '' })
    }
  })

  test('B41: gives back every byte in order, whatever it is and however it is cut, and holds what is no whole line', () => {
    fc.assert(
      fc.property(anyPieces, ({ text, chunks }) => {
        const { out, rest } = through(openGate('ndjson'), chunks)
        expect(out.join('') + rest).toBe(text)
        expect(out.every((piece) => piece.endsWith('\n'))).toBe(true)
        expect(rest).not.toContain('\n')
      }),
    )
  })

  test('tells where the client stands', () => {
    const gate = openGate('ndjson')
    expect(gate.push(encoder.encode('{"a":1}'))).toBeUndefined()
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('\n{"b"'))
    expect(gate.position).toBe('between')
    expect(decoder.decode(gate.end())).toBe('{"b"')
    expect(gate.position).toBe('inside')
  })

  test('passes a line beyond 64 KiB on as it comes, and holds the next one again', () => {
    const gate = openGate('ndjson')
    expect(gate.push(encoder.encode(`{"a":"${'x'.repeat(60_000)}`))).toBeUndefined()
    expect(gate.push(encoder.encode('x'.repeat(10_000)))?.length).toBe(70_006)
    expect(gate.position).toBe('inside')
    const more = encoder.encode('y')
    expect(gate.push(more)).toBe(more)
    expect(decoder.decode(gate.push(encoder.encode('"}\n{"next"')))).toBe('"}\n')
    expect(gate.position).toBe('between')
    expect(gate.push(encoder.encode(':1}'))).toBeUndefined()
    expect(decoder.decode(gate.end())).toBe('{"next":1}')
  })
})

describe('The gate for an array', () => {
  test('never lets half an element through, cut at any byte, and loses none', () => {
    const whole = textsAfter(array)
    for (const chunks of cutInTwo(bytesOf(array))) {
      const { out, rest } = through(openGate('gemini_array'), chunks)
      expect(out.join('') + rest).toBe(array.join(''))
      expect(textsAfter(out).every((text) => whole.includes(text))).toBe(true)
    }
  })

  test('gives element by element from one-byte chunks, each with what separates it from the last', () => {
    expect(through(openGate('gemini_array'), inPieces(bytesOf(array), 1)).out).toEqual([...array])
  })

  test('tells where the client stands', () => {
    const gate = openGate('gemini_array')
    gate.push(encoder.encode('[{"a":'))
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('1},'))
    expect(gate.position).toBe('between')
    gate.push(encoder.encode('{}]\n'))
    expect(gate.position).toBe('inside')
    expect(decoder.decode(gate.end())).toBe('\n')
  })

  test('passes an element beyond 64 KiB on as it comes', () => {
    const gate = openGate('gemini_array')
    expect(gate.push(encoder.encode(`[{"a":"${'x'.repeat(70_000)}`))?.length).toBe(70_007)
    expect(gate.position).toBe('inside')
    expect(decoder.decode(gate.push(encoder.encode('y')))).toBe('y')
    expect(decoder.decode(gate.push(encoder.encode('"}, {')))).toBe('"}')
    expect(gate.position).toBe('between')
    expect(decoder.decode(gate.end())).toBe(', {')
  })

  test('passes one object that is no array as one element', () => {
    expect(through(openGate('gemini_array'), inPieces(encoder.encode('{"a":[{}],"b":"}"}'), 1)).out).toEqual([
      '{"a":[{}],"b":"}"}',
    ])
  })
})

describe('A gate keeps little', () => {
  test('of what stands behind an array that is closed', () => {
    const gate = openGate('gemini_array')
    gate.push(encoder.encode('[{"a":1}]'))
    const blanks = new Uint8Array(1024 * 1024).fill(0x20)
    expect(gate.push(blanks)?.length).toBe(blanks.length)
    expect(gate.end()).toBeUndefined()
    expect(gate.position).toBe('inside')
  })
})

const torn: { name: string; form: StreamForm; text: string; mended: string | undefined }[] = [
  { name: 'data without line ends', form: 'chat', text: 'data: {"a":1}', mended: 'data: {"a":1}\n\n' },
  { name: 'data without blank line', form: 'chat', text: 'data: {"a":1}\n', mended: 'data: {"a":1}\n\n' },
  { name: 'a name and data', form: 'messages', text: 'event: e\ndata: {"a":1}', mended: 'event: e\ndata: {"a":1}\n\n' },
  { name: 'data with half of CR LF', form: 'chat', text: 'data: {"a":1}\r', mended: 'data: {"a":1}\r\n\n' },
  { name: 'data with CR LF', form: 'chat', text: 'data: {"a":1}\r\n', mended: 'data: {"a":1}\r\n\n' },
  { name: 'half of the last CR LF', form: 'chat', text: 'data: a\r\n\r', mended: 'data: a\r\n\r\n\n' },
  { name: '[DONE]', form: 'chat', text: 'data: [DONE]', mended: 'data: [DONE]\n\n' },
  { name: 'half of the data', form: 'chat', text: 'data: {"a":', mended: undefined },
  { name: 'a name only', form: 'messages', text: 'event: message_stop\n', mended: undefined },
  { name: 'a comment', form: 'chat', text: ': busy', mended: undefined },
  { name: 'nothing', form: 'chat', text: '', mended: undefined },
  { name: 'a line', form: 'ndjson', text: '{"a":1}', mended: '{"a":1}\n' },
  { name: 'half of a line', form: 'ndjson', text: '{"a":', mended: undefined },
  { name: 'half of an element', form: 'gemini_array', text: ',\r\n{"a":', mended: undefined },
  { name: 'a comma', form: 'gemini_array', text: ',\r\n', mended: undefined },
]

describe('Gate.mended()', () => {
  test.each(torn)('of $form with $name', ({ form, text, mended }) => {
    const front = form === 'ndjson' ? jsonLine({}) : form === 'gemini_array' ? '[{}' : 'data: {}\n\n'
    for (const [first, second] of cutInTwo(encoder.encode(text))) {
      const gate = openGate(form)
      gate.push(encoder.encode(front))
      gate.push(first)
      gate.push(second)
      const ready = gate.mended()
      expect(ready === undefined ? ready : decoder.decode(ready)).toBe(mended)
      expect(gate.position).toBe('between')
      expect([gate.mended(), gate.end()]).toEqual([undefined, undefined])
    }
  })

  test('of an event that was too large to be held there is nothing to mend', () => {
    const gate = openGate('chat')
    gate.push(encoder.encode(`data: "${'x'.repeat(70_000)}"`))
    expect(gate.mended()).toBeUndefined()
    expect(gate.position).toBe('inside')
  })

  test('of the very first event', () => {
    const gate = openGate('chat')
    gate.push(encoder.encode('data: {}'))
    expect(decoder.decode(gate.mended())).toBe('data: {}\n\n')
    expect(gate.position).toBe('between')
  })
})

describe('Gate.begun()', () => {
  const mark = '\ufeff'

  test.each([...sampleStreams])('leaves a byte order mark in front of $name out, cut anywhere', ({ form, events }) => {
    for (const chunks of cutInTwo(bytesOf([mark, ...events]))) {
      const plain = through(openGate(form), chunks)
      expect(plain.out.join('') + plain.rest).toBe(mark + events.join(''))
      const gate = openGate(form)
      gate.begun()
      const { out, rest } = through(gate, chunks)
      expect(out.join('') + rest).toBe(events.join(''))
    }
  })

  test('leaves nothing else out, and nothing later', () => {
    const gate = openGate('ndjson')
    gate.begun()
    expect(decoder.decode(gate.push(encoder.encode('{}\n')))).toBe('{}\n')
    gate.begun()
    expect(decoder.decode(gate.push(encoder.encode(`${mark}{}\n`)))).toBe(`${mark}{}\n`)
  })

  test('counts for an event that is mended as well', () => {
    const gate = openGate('chat')
    gate.begun()
    gate.push(encoder.encode(`${mark}data: {}`))
    expect(decoder.decode(gate.mended())).toBe('data: {}\n\n')
  })
})
