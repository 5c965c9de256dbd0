import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { FirstBytes } from '#kit/first-bytes.ts'

test('FirstBytes keeps the beginning, however the stream is cut', () => {
  const chunk = fc.uint8Array({ maxLength: 9 })
  fc.assert(
    fc.property(fc.array(chunk), fc.integer({ min: 0, max: 40 }), (chunks, bytesMax) => {
      const first = new FirstBytes(bytesMax)
      for (const each of chunks) first.add(each)
      expect([...first.bytes()]).toEqual(chunks.flatMap((each) => [...each]).slice(0, bytesMax))
    }),
  )
})

test('FirstBytes keeps a copy, so a chunk may be used again', () => {
  const first = new FirstBytes(10)
  const chunk = new Uint8Array([1, 2])
  first.add(chunk)
  chunk.fill(9)
  expect([...first.bytes()]).toEqual([1, 2])
})
