import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { StreamEnd } from '#wire/stream-end.ts'
import { bytesOf, inPieces, jsonLine, ollamaLine } from '../../support/streams.ts'

const encoder = new TextEncoder()

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
