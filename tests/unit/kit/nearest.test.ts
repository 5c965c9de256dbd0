import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { editDistance, nearest } from '#kit/nearest.ts'

const keys = ['proxy_api_key', 'listen', 'backends', 'models', 'fallback', 'retry', 'detection', 'timeout', 'logging']

test.each([
  ['proxy_api_kee', 'proxy_api_key'],
  ['lissten', 'listen'],
  ['Listen', 'listen'],
  ['modles', 'models'],
  ['backend', 'backends'],
  ['rety', 'retry'],
  ['something_else', undefined],
  ['x', undefined],
  ['', undefined],
])('nearest() takes %p for %p', (word, meant) => {
  expect(nearest(word, keys)).toBe(meant)
})

test('editDistance() counts a swap of neighbours as one slip', () => {
  expect(editDistance('provider', 'porvider')).toBe(1)
  expect(editDistance('kitten', 'sitting')).toBe(3)
  expect(editDistance('', 'abc')).toBe(3)
})

test('editDistance() is the same both ways, 0 only for equal words, and never above the longer length', () => {
  const word = fc.string({ maxLength: 12 })
  fc.assert(
    fc.property(word, word, (from, to) => {
      const distance = editDistance(from, to)
      expect(distance).toBe(editDistance(to, from))
      expect(distance === 0).toBe(from === to)
      expect(distance).toBeLessThanOrEqual(Math.max(from.length, to.length))
    }),
  )
})
