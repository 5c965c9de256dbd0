import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatDuration, formatSize, parseDuration, parseSize } from '#kit/quantity.ts'

test.each([
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['200ms', 200],
  ['1.5s', 1500],
  ['2d', 172_800_000],
  ['1H', 3_600_000],
  [' 5s ', 5000],
  ['5', 5000],
  ['0', 0],
  [5, 5000],
  [0.25, 250],
])('B96: parseDuration() reads %p as %p ms', (written, ms) => {
  expect(parseDuration(written)).toBe(ms)
})

test.each(['', '-1s', '5x', 's', '1h 30m', '30m1h', '5s5s', 'Infinity', '1e3', 'NaN', '5 s', -1, Infinity, Number.NaN])(
  'B96: parseDuration() refuses %p',
  (written) => {
    expect(parseDuration(written)).toBeUndefined()
  },
)

test.each([
  ['10mb', 10 * 1024 ** 2],
  ['64kb', 65_536],
  ['64 KiB', 65_536],
  ['1gb', 1024 ** 3],
  ['12b', 12],
  ['12', 12],
  [12, 12],
  ['0.5mb', 524_288],
])('parseSize() reads %p as %p bytes', (written, bytes) => {
  expect(parseSize(written)).toBe(bytes)
})

test.each(['', 'mb', '10 megabytes', '-1', '1tb', '1mb1kb', Infinity, -1])('parseSize() refuses %p', (written) => {
  expect(parseSize(written)).toBeUndefined()
})

test('formatDuration() writes what parseDuration() reads back', () => {
  fc.assert(fc.property(fc.nat(10 ** 9), (ms) => parseDuration(formatDuration(ms)) === ms))
})

test('formatSize() writes what parseSize() reads back', () => {
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), (bytes) => parseSize(formatSize(bytes)) === bytes))
})
