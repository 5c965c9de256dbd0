import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { asBuffer, concat, encode, replaceRange } from '#kit/bytes.ts'

test('replaceRange() equals cutting and joining, and leaves the source alone', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), fc.nat(), fc.uint8Array(), (bytes, from, length, replacement) => {
      const start = from % (bytes.length + 1)
      const end = Math.min(bytes.length, start + length)
      const before = [...bytes]
      const result = replaceRange(bytes, start, end, replacement)
      expect([...result]).toEqual([...before.slice(0, start), ...replacement, ...before.slice(end)])
      expect([...bytes]).toEqual(before)
    }),
  )
})

test('asBuffer() is the same memory, not a copy', () => {
  const bytes = encode('abcdef').subarray(2, 5)
  const buffer = asBuffer(bytes)
  expect(buffer.toString()).toBe('cde')
  bytes[0] = 0x78
  expect(buffer.toString()).toBe('xde')
})

test('concat() joins in order', () => {
  expect(asBuffer(concat([encode('a'), new Uint8Array(), encode('bc')])).toString()).toBe('abc')
  expect(concat([]).length).toBe(0)
})
