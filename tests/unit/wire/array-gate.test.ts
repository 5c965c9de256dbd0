import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ElementGate, ElementScanner } from '#wire/array-gate.ts'
import { openGate } from '#wire/gate.ts'
import { LineGate } from '#wire/ndjson.ts'
import { EventGate } from '#wire/sse.ts'
import { bytesOf, cutInTwo, inPieces, sampleStreams, textsAfter } from '../../support/streams.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const array = sampleStreams.find(({ form }) => form === 'gemini_array')?.events ?? []

function through(gate: ElementGate, chunks: readonly Uint8Array[]): { out: string[]; rest: string } {
  const out = chunks.map((chunk) => gate.push(chunk)).filter((ready) => ready !== undefined)
  return { out: out.map((ready) => decoder.decode(ready)), rest: decoder.decode(gate.end()) }
}

describe('ElementGate', () => {
  test('never lets half an element through, cut at any byte, and loses none', () => {
    const whole = textsAfter(array)
    for (const chunks of cutInTwo(bytesOf(array))) {
      const { out, rest } = through(new ElementGate(), chunks)
      expect(out.join('') + rest).toBe(array.join(''))
      expect(textsAfter(out).every((text) => whole.includes(text))).toBe(true)
    }
  })

  test('gives element by element from one-byte chunks, each with what separates it from the last', () => {
    expect(through(new ElementGate(), inPieces(bytesOf(array), 1)).out).toEqual([...array])
  })

  test('tells where the client stands', () => {
    const gate = new ElementGate()
    gate.push(encoder.encode('[{"a":'))
    expect(gate.position).toBe('start')
    gate.push(encoder.encode('1},'))
    expect(gate.position).toBe('between')
    gate.push(encoder.encode('{}]\n'))
    expect(gate.position).toBe('inside')
    expect(decoder.decode(gate.end())).toBe('\n')
  })

  test('passes an element beyond 64 KiB on as it comes', () => {
    const gate = new ElementGate()
    expect(gate.push(encoder.encode(`[{"a":"${'x'.repeat(70_000)}`))?.length).toBe(70_007)
    expect(gate.position).toBe('inside')
    expect(decoder.decode(gate.push(encoder.encode('y')))).toBe('y')
    expect(decoder.decode(gate.push(encoder.encode('"}, {')))).toBe('"}')
    expect(gate.position).toBe('between')
    expect(decoder.decode(gate.end())).toBe(', {')
  })

  test('passes one object that is no array as one element', () => {
    expect(through(new ElementGate(), inPieces(encoder.encode('{"a":[{}],"b":"}"}'), 1)).out).toEqual([
      '{"a":[{}],"b":"}"}',
    ])
  })
})

describe('ElementScanner', () => {
  test('finds the end of every element of any array, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.integer({ min: 1, max: 9 }),
        (values, size) => {
          const ends: number[] = []
          let text = ''
          for (const value of values) {
            text += (text === '' ? '[' : ',') + JSON.stringify(value)
            ends.push(encoder.encode(text).length)
          }
          const whole = encoder.encode(`${text === '' ? '[' : text}]`)
          const scanner = new ElementScanner()
          const found = inPieces(whole, size).flatMap((piece, index) =>
            scanner.scan(piece).map((end) => index * size + end),
          )
          expect(found).toEqual([...ends, whole.length])
          expect(scanner.isClosed).toBe(true)
        },
      ),
    )
  })
})

test('openGate() opens the gate that fits the framing', () => {
  expect(openGate('gemini_array')).toBeInstanceOf(ElementGate)
  expect(openGate('gemini_sse')).toBeInstanceOf(EventGate)
  expect(openGate('chat')).toBeInstanceOf(EventGate)
  expect(openGate('ndjson')).toBeInstanceOf(LineGate)
})
