import { describe, expect, test } from 'bun:test'
import { errorFrom } from '#translate/errors.ts'
import { retryWaitMs } from '#translate/retry-wait.ts'

const date = 'Wed, 21 Oct 2026 07:28:00 GMT'

function wait(list: Readonly<Record<string, string>>, isLimited = true): number | undefined {
  return retryWaitMs({ get: (name) => list[name] ?? null }, isLimited)
}

describe('retryWaitMs() (§8.3)', () => {
  test.each<[name: string, headers: Readonly<Record<string, string>>, waitMs: number | undefined]>([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['parts of seconds', { 'retry-after': '0.5' }, 500],
    ['milliseconds before seconds', { 'retry-after': '7', 'retry-after-ms': '6543' }, 6543],
    ['a date, by the clock of the upstream', { 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT', date }, 30_000],
    ['a date that has passed', { 'retry-after': 'Wed, 21 Oct 2026 07:27:30 GMT', date }, undefined],
    ['a date without a clock', { 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT' }, undefined],
    ['junk', { 'retry-after': 'soon' }, undefined],
    ['a reset of OpenAI', { 'x-ratelimit-reset-requests': '1m30.5s' }, 90_500],
    ['a long reset', { 'x-ratelimit-reset-requests': '1d2h0m0s' }, 93_600_000],
    ['a plain number of seconds', { 'x-ratelimit-reset-tokens': '7' }, 7000],
    ['a reset that is none', { 'x-ratelimit-reset-tokens': '-1s' }, undefined],
    ['a short reset', { 'x-ratelimit-reset-tokens': '20ms' }, 20],
    [
      'the reset of what is used up',
      {
        'x-ratelimit-reset-requests': '1s',
        'x-ratelimit-remaining-requests': '5',
        'x-ratelimit-reset-tokens': '9s',
        'x-ratelimit-remaining-tokens': '0',
      },
      9000,
    ],
    [
      'the sooner where none is used up',
      { 'x-ratelimit-reset-requests': '6h0m0s', 'x-ratelimit-reset-tokens': '9s' },
      9000,
    ],
    ['milliseconds since 1970', { 'x-ratelimit-reset': '1792567690000', date }, 10_000],
    ["Anthropic's reset", { 'anthropic-ratelimit-input-tokens-reset': '2026-10-21T07:28:12Z', date }, 12_000],
  ])('%s', (_, list, waitMs) => {
    expect(wait(list)).toBe(waitMs)
  })

  test('all that is used up must come back', () => {
    const minute = { 'x-ratelimit-reset-requests': '2s', 'x-ratelimit-remaining-requests': '0' }
    const day = { 'x-ratelimit-reset-tokens': '9s', 'x-ratelimit-remaining-tokens': '0' }
    expect(wait({ ...minute, ...day })).toBe(9000)
  })

  test('a reset says nothing about other errors', () => {
    expect(wait({ 'x-ratelimit-reset-requests': '1s' }, false)).toBeUndefined()
  })
})

test('errorFrom() takes the wait of the body before that of the headers', () => {
  const headers = { get: (name: string) => (name === 'retry-after' ? '9' : null) }
  expect(errorFrom(429, headers, { message: 'm' }, 1500).retryAfterMs).toBe(1500)
  expect(errorFrom(429, headers, { message: 'm' }).retryAfterMs).toBe(9000)
})
