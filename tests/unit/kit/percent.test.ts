import { expect, test } from 'bun:test'
import { percentDecoded } from '#kit/percent.ts'

test.each([
  ['plain', 'plain'],
  ['a%2Fb%20c', 'a/b c'],
  ['%E4%B8%AD', '中'],
  ['100%', '100%'],
  ['%zz and %41', '%zz and %41'],
])('percentDecoded() makes of "%s" "%s"', (text, decoded) => {
  expect(percentDecoded(text)).toBe(decoded)
})
