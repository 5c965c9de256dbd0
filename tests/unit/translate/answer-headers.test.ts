import { describe, expect, test } from 'bun:test'
import type { Form } from '#core/talk.ts'
import { answerHeaders } from '#translate/answer-headers.ts'
import type { CommonError } from '#translate/common.ts'
import { RandomIds } from '#translate/id-source.ts'
import { Notes } from '#translate/notes.ts'
import { rateLimitsFor } from '#translate/rate-limits.ts'

const nowWallMs = Date.UTC(2026, 0, 13, 9, 41, 0)

describe('rateLimitsFor()', () => {
  const openai = new Headers({
    'x-ratelimit-limit-requests': '500',
    'x-ratelimit-remaining-requests': '499',
    'x-ratelimit-reset-requests': '1m30.5s',
    'x-ratelimit-limit-tokens': '30000',
    'x-ratelimit-remaining-tokens': 'many',
    'x-ratelimit-reset-tokens': '20ms',
  })
  const anthropic = new Headers({
    'anthropic-ratelimit-requests-limit': '50',
    'anthropic-ratelimit-requests-remaining': '49',
    'anthropic-ratelimit-requests-reset': '2026-01-13T09:42:00Z',
    'anthropic-ratelimit-input-tokens-limit': '20000',
    'anthropic-ratelimit-tokens-reset': '2026-01-13T09:40:00Z',
  })

  test.each<{ name: string; form: Form; from: Headers; to: Record<string, string> }>([
    {
      name: 'OpenAI’s limits for a client of Anthropic',
      form: 'messages',
      from: openai,
      to: {
        'anthropic-ratelimit-requests-limit': '500',
        'anthropic-ratelimit-requests-remaining': '499',
        'anthropic-ratelimit-requests-reset': '2026-01-13T09:42:31Z',
        'anthropic-ratelimit-tokens-limit': '30000',
        'anthropic-ratelimit-tokens-reset': '2026-01-13T09:41:01Z',
      },
    },
    {
      name: 'Anthropic’s limits for a client of OpenAI, as far as it has words',
      form: 'chat',
      from: anthropic,
      to: {
        'x-ratelimit-limit-requests': '50',
        'x-ratelimit-remaining-requests': '49',
        'x-ratelimit-reset-requests': '60s',
        'x-ratelimit-reset-tokens': '0s',
      },
    },
    { name: 'none for a client of Google', form: 'gemini', from: openai, to: {} },
  ])('$name', ({ form, from, to }) => {
    expect(Object.fromEntries(rateLimitsFor(form, from, nowWallMs))).toEqual(to)
  })
})

describe('answerHeaders()', () => {
  const headersOf = (
    upstream: Record<string, string>,
    error?: CommonError,
    notes = new Notes(),
  ): Record<string, string> =>
    Object.fromEntries(
      answerHeaders(new Headers(upstream), { form: 'chat', stream: undefined, notes, error, nowWallMs }).pairs,
    )

  test('nothing of the upstream’s own goes on but its id (§9.2)', () => {
    const upstream = {
      'openai-version': '1',
      'set-cookie': 'a',
      server: 'b',
      'content-length': '5',
      'request-id': 'up',
      'cf-ray': 'c',
    }
    expect(headersOf(upstream)).toEqual({ 'content-type': 'application/json', 'x-request-id': 'up' })
    expect(headersOf({ 'x-amzn-requestid': 'aws' })['x-request-id']).toBe('aws')
  })

  test('what was dropped and adapted is told', () => {
    const notes = new Notes()
    notes.drop('dropped:seed')
    notes.adapt('adapted:prefill')
    expect(headersOf({}, undefined, notes)['x-llm-proxy-warnings']).toBe('dropped:seed, adapted:prefill')
  })

  test.each<{ name: string; error: CommonError; upstream?: Record<string, string>; advice: string | undefined }>([
    {
      name: 'a limit is worth a second try',
      error: { kind: 'rate_limit', status: 429, message: '' },
      advice: undefined,
    },
    { name: 'a quota is not', error: { kind: 'quota', status: 429, message: '' }, advice: 'false' },
    {
      name: 'nor is a key that is refused',
      error: { kind: 'upstream_auth', status: 502, message: '' },
      advice: 'false',
    },
    {
      name: 'nobody tries a 400 again',
      error: { kind: 'invalid_request', status: 400, message: '' },
      advice: undefined,
    },
    {
      name: 'the upstream knows best',
      error: { kind: 'overloaded', status: 503, message: '' },
      upstream: { 'x-should-retry': 'false' },
      advice: 'false',
    },
  ])('$name (§8.3)', ({ error, upstream, advice }) => {
    expect(headersOf(upstream ?? {}, error)['x-should-retry']).toBe(advice as string)
  })

  test('a wait is told in seconds and milliseconds', () => {
    const error: CommonError = { kind: 'rate_limit', status: 429, message: '', retryAfterMs: 34_400.2 }
    expect(headersOf({}, error)).toMatchObject({ 'retry-after': '35', 'retry-after-ms': '34401' })
  })
})

test('RandomIds makes ids of the letters and the length that are asked for, never the same', () => {
  const ids = new RandomIds()
  const made = Array.from({ length: 2000 }, () => ids.base62(24))
  expect(new Set(made).size).toBe(2000)
  expect(made.every((id) => /^[0-9A-Za-z]{24}$/.test(id))).toBe(true)
  expect(new Set(made.join('')).size).toBe(62)
  expect(ids.hex(48)).toMatch(/^[0-9a-f]{48}$/)
})
