import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ElementScanner } from '#wire/element-scanner.ts'
import { inPieces } from '../../support/streams.ts'

const encoder = new TextEncoder()

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
