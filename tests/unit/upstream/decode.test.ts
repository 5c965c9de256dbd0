import { describe, expect, test } from 'bun:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { isEncoded, textOf } from '#upstream/decode.ts'
import { headersOf } from '../../support/upstream.ts'

const text = '{"error":{"code":"insufficient_quota"}}'

describe('textOf()', () => {
  test.each<[string, Uint8Array]>([
    ['gzip', gzipSync(text)],
    ['X-GZip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['identity', Buffer.from(text)],
    ['', Buffer.from(text)],
  ])('B35: a body in %s is read as text', (encoding, body) => {
    expect(textOf(body, headersOf({ 'content-encoding': encoding }))).toBe(text)
  })

  test.each<[string, Uint8Array]>([
    ['gzip', Buffer.from(text)],
    ['compress', Buffer.from(text)],
    ['gzip, br', Buffer.from(text)],
  ])('what cannot be decoded as %s has no text', (encoding, body) => {
    expect(textOf(body, headersOf({ 'content-encoding': encoding }))).toBe('')
  })

  test('a bomb is not unpacked', () => {
    const bomb = gzipSync(Buffer.alloc(64_000_000))
    expect(textOf(bomb, headersOf({ 'content-encoding': 'gzip' }))).toBe('')
  })

  test('a cut gzip body gives the text that came', () => {
    const long = text.repeat(2000)
    const body = gzipSync(long, { level: 0 })
    const cut = textOf(body.subarray(0, body.length - 100), headersOf({ 'content-encoding': 'gzip' }))
    expect(cut.length).toBeGreaterThan(0)
    expect(long).toStartWith(cut)
  })
})

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['Identity', false],
  ['gzip', true],
  ['x', true],
])('isEncoded() of the encoding %p is %p', (encoding, encoded) => {
  expect(isEncoded(headersOf(encoding === undefined ? {} : { 'content-encoding': encoding }))).toBe(encoded)
})
