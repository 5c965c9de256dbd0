import { expect, test } from 'bun:test'
import { asBuffer, concat, encode } from '#kit/bytes.ts'

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
