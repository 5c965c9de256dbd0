import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DoneScanner } from '#wire/done-scanner.ts'
import { LineGate, LineParser } from '#wire/ndjson.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { bytesOf, cutInTwo, inPieces, jsonLine, ollamaLine, sampleStreams, textsAfter } from '../../support/streams.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const lineStreams = sampleStreams.filter(({ form }) => form === 'ndjson')
const lineEnds = [
  { name: 'LF', lineEnd: '\n' },
  { name: 'CR LF', lineEnd: '\r\n' },
]

function through(gate: LineGate, chunks: readonly Uint8Array[]): { out: string[]; rest: string } {
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

describe('LineGate', () => {
  test('hands a chunk of whole lines on as the same object', () => {
    const gate = new LineGate()
    for (const text of ['{"a":1}\n', '{"a":1}\r\n{"b":2}\r\n', '\n']) {
      const chunk = encoder.encode(text)
      expect(gate.push(chunk)).toBe(chunk)
    }
    expect(gate.end()).toBeUndefined()
  })

  test.each(lineEnds)('N201: never lets half a line through, cut at any byte, with $name', ({ lineEnd }) => {
    for (const { events } of lineStreams) {
      const texts = events.map((event) => event.replaceAll('\n', lineEnd))
      const whole = textsAfter(texts)
      for (const chunks of cutInTwo(bytesOf(texts))) {
        const { out, rest } = through(new LineGate(), chunks)
        expect(out.join('') + rest).toBe(texts.join(''))
        expect(textsAfter(out).every((text) => whole.includes(text))).toBe(true)
      }
    }
  })

  test('gives line by line from one-byte chunks', () => {
    for (const { events } of lineStreams) {
      expect(through(new LineGate(), inPieces(bytesOf(events), 1))).toEqual({ out: [...events], rest: '' })
    }
  })

  test('B41: gives back every byte in order, whatever it is and however it is cut, and holds what is no whole line', () => {
    fc.assert(
      fc.property(anyPieces, ({ text, chunks }) => {
        const { out, rest } = through(new LineGate(), chunks)
        expect(out.join('') + rest).toBe(text)
        expect(out.every((piece) => piece.endsWith('\n'))).toBe(true)
        expect(rest).not.toContain('\n')
      }),
    )
  })

  test('tells where the client stands', () => {
    const gate = new LineGate()
    expect(gate.push(encoder.encode('{"a":1}'))).toBeUndefined()
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('\n{"b"'))
    expect(gate.position).toBe('between')
    expect(decoder.decode(gate.end())).toBe('{"b"')
    expect(gate.position).toBe('inside')
  })

  test('passes a line beyond 64 KiB on as it comes, and holds the next one again', () => {
    const gate = new LineGate()
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

function parse(chunks: readonly Uint8Array[]): { lines: string[]; last: string | undefined } {
  const parser = new LineParser()
  return { lines: chunks.flatMap((chunk) => parser.push(chunk)), last: parser.end() }
}

describe('LineParser', () => {
  test.each(lineEnds)('reads every line and no blank one, cut at every byte, with $name', ({ lineEnd }) => {
    for (const { events } of lineStreams) {
      const wanted = events.map((event) => event.trim()).filter(Boolean)
      const bytes = encoder.encode(events.join('').replaceAll('\n', lineEnd))
      for (const chunks of cutInTwo(bytes)) expect(parse(chunks)).toEqual({ lines: wanted, last: undefined })
      expect(parse(inPieces(bytes, 1)).lines).toEqual(wanted)
    }
  })

  test('gives a line at the end that lacks its line end, if it is whole', () => {
    expect(parse([encoder.encode('{"a":1}\n{"b":2}')])).toEqual({ lines: ['{"a":1}'], last: '{"b":2}' })
    expect(parse([encoder.encode('{"a":1}\n{"b":')])).toEqual({ lines: ['{"a":1}'], last: undefined })
    expect(parse([encoder.encode('{"a":1}\n \r')]).last).toBeUndefined()
  })
})

/** JSON whose members are called like ours at every depth. */
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(true, false, null, 1, 'true', 'done', '"done":true', '\\"', '{"done":true}'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('done', 'don', 'done_reason', 'a', 'x"done'), tie('value'), { maxKeys: 4 }),
  ),
}))
const anyObject = fc.dictionary(fc.constantFrom('done', 'done_reason', 'message', 'd'), anyValue)

describe('DoneScanner', () => {
  test('finds what JSON.parse finds, in pieces of any size and with any blanks', () => {
    fc.assert(
      fc.property(anyObject, fc.integer({ min: 1, max: 9 }), fc.constantFrom('', ' ', '\t'), (value, size, blank) => {
        const scanner = new DoneScanner()
        for (const piece of inPieces(encoder.encode(JSON.stringify(value, undefined, blank)), size)) {
          expect(scanner.isClosed).toBe(false)
          scanner.scan(piece)
        }
        expect({ isDone: scanner.isDone, isClosed: scanner.isClosed }).toEqual({
          isDone: value['done'] === true,
          isClosed: true,
        })
      }),
    )
  })

  test('goes on where another one stands, which stays there', () => {
    const first = new DoneScanner()
    first.scan(encoder.encode('{"a":"x\\'))
    const second = new DoneScanner(first)
    second.scan(encoder.encode('"","done":true}'))
    expect([first.isDone, first.isClosed, second.isDone, second.isClosed]).toEqual([false, false, true, true])
  })
})

test('StreamEnd takes a line for itself behind one that is no JSON, wherever that one is let go', () => {
  const last = ollamaLine({}, true)
  for (let length = 16_380; length < 16_390; length++) {
    const end = new StreamEnd('ndjson')
    end.see(encoder.encode(`{"${'x'.repeat(20_000)}\n${last.trim()}${' '.repeat(length - last.length)}\n`))
    expect(end.verdict()).toBe('complete')
  }
})

test('StreamEnd judges lines of any size as their last one says, whatever stands in front of them', () => {
  const size = fc.constantFrom(0, 100, 10_000, 40_000)
  const lines = fc.array(fc.record({ size, kind: fc.constantFrom('text', 'call', 'garbage', 'blank') }), {
    maxLength: 8,
  })
  fc.assert(
    fc.property(lines, fc.boolean(), fc.integer({ min: 200, max: 50_000 }), (front, isDone, pieceSize) => {
      const texts = front.map(({ size: length, kind }) => {
        const long = 'x'.repeat(length)
        if (kind === 'blank') return `${' '.repeat(length)}\r\n`
        if (kind === 'garbage') return `{"${long}\n`
        return kind === 'text'
          ? ollamaLine({ content: long })
          : ollamaLine({ tool_calls: [{ function: { arguments: { done: true, long } } }] })
      })
      const end = new StreamEnd('ndjson')
      const last = isDone ? jsonLine({ done: true, context: Array.from({ length: 9000 }, () => 1) }) : '\n'
      for (const piece of inPieces(bytesOf([...texts, last]), pieceSize)) end.see(piece)
      expect(end.verdict()).toBe(isDone ? 'complete' : 'incomplete')
    }),
    { numRuns: 300 },
  )
})
