import { expect, test } from 'bun:test'
import { retryAfterMs } from '#upstream/retry-after.ts'
import { headersOf } from '../../support/upstream.ts'

const nowMs = Date.UTC(2026, 0, 13, 9, 41, 0)

test.each<[Record<string, string>, number | undefined]>([
  [{}, undefined],
  [{ 'retry-after': '7' }, 7000],
  [{ 'retry-after': ' 7 ' }, 7000],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '1.5' }, 1500],
  [{ 'retry-after': '9999999' }, 9_999_999_000],
  [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
  [{ 'retry-after-ms': 'soon', 'retry-after': '7' }, 7000],
  [{ 'retry-after': 'Tue, 13 Jan 2026 09:42:30 GMT' }, 90_000],
  [{ 'retry-after': 'Tuesday, 13-Jan-26 09:42:30 GMT' }, 90_000],
  [{ 'retry-after': 'Tue, 13 Jan 2026 09:40:00 GMT' }, undefined],
  [{ 'retry-after': 'abc' }, undefined],
  [{ 'retry-after': '' }, undefined],
  [{ 'retry-after': '-5' }, undefined],
  [{ 'retry-after': '1e3' }, undefined],
  [{ 'retry-after': '0x10' }, undefined],
  [{ 'retry-after': '99999999999999999999' }, undefined],
  [{ 'retry-after': '2027' }, 2_027_000],
  [{ 'retry-after': 'Infinity' }, undefined],
])('B25: retryAfterMs() reads %j as %p', (headers, expected) => {
  expect(retryAfterMs(headersOf(headers), nowMs)).toBe(expected)
})
