import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compileDetection, compileStatuses, scanCharactersMax } from '#upstream/detect.ts'

describe('statuses', () => {
  test('B28: wildcards match every status of their hundred', () => {
    const { value, problems } = compileDetection(['4xx', '5xx'], [])
    expect([400, 418, 499, 500, 503, 599].map((status) => value.matchesStatus(status))).toEqual(Array(6).fill(true))
    expect([200, 302, 399, 600, 999, 1000, 0, -1, 4.5].some((status) => value.matchesStatus(status))).toBe(false)
    expect(problems).toEqual([])
  })

  test('B29: an exact code matches itself alone', () => {
    const { value } = compileDetection(['429'], [])
    expect([429, 428, 430, 500].map((status) => value.matchesStatus(status))).toEqual([true, false, false, false])
  })

  test('B30: junk is ignored with a warning at its place, the rest counts', () => {
    const { value, problems } = compileDetection(['429', 'abc', '', 'xxx'], [])
    expect(value.matchesStatus(429)).toBe(true)
    expect(value.matchesStatus(500)).toBe(false)
    expect(problems.map(({ severity, path }) => ({ severity, path }))).toEqual([
      { severity: 'warning', path: ['detection', 'error_codes', 1] },
      { severity: 'warning', path: ['detection', 'error_codes', 2] },
      { severity: 'warning', path: ['detection', 'error_codes', 3] },
    ])
    expect(problems[0]?.message).toBe('"abc" is no status code and is ignored, write one such as 429, "42x" or "5xx"')
  })

  test('B31: an empty list matches nothing', () => {
    const { value } = compileDetection([], [])
    expect([400, 429, 500, 503].some((status) => value.matchesStatus(status))).toBe(false)
  })

  test('a code below 400 is ignored with a warning: it would make good answers failures', () => {
    const { value, problems } = compileStatuses(['2xx', '503'], ['retry', 'on_status'])
    expect(value(200)).toBe(false)
    expect(value(503)).toBe(true)
    expect(problems).toEqual([
      {
        severity: 'warning',
        path: ['retry', 'on_status', 0],
        message: '"2xx" is ignored, only statuses from 400 on are errors',
      },
    ])
  })

  test('N115: a status is never taken from text', () => {
    const { value } = compileDetection(['500', '401'], [])
    expect(value.matchesStatus(418)).toBe(false)
    expect(value.findPattern('status 401 500')).toBeUndefined()
  })
})

describe('patterns', () => {
  test('B32: a literal is found anywhere in the text, and the first configured one is named', () => {
    const { value, problems } = compileDetection([], ['billing', 'quota'])
    expect(value.findPattern('you exceeded your quota, see billing')).toBe('billing')
    expect(value.findPattern('{"error":{"code":"insufficient_quota"}}')).toBe('quota')
    expect(value.findPattern('all is well')).toBeUndefined()
    expect(problems).toEqual([])
  })

  test('B32: a literal is case-sensitive and its signs mean themselves', () => {
    const { value } = compileDetection([], ['rate.limit'])
    expect(value.findPattern('Rate.Limit')).toBeUndefined()
    expect(value.findPattern('rate_limit')).toBeUndefined()
    expect(value.findPattern('the rate.limit is reached')).toBe('rate.limit')
  })

  test('B32: "re:" makes a pattern a regular expression', () => {
    const { value, problems } = compileDetection([], ['re:(?i)rate.?limit', '系统繁忙'])
    expect(value.findPattern('Rate-Limit reached')).toBe('re:(?i)rate.?limit')
    expect(value.findPattern('抱歉，系统繁忙')).toBe('系统繁忙')
    expect(problems).toEqual([])
  })

  test('a text crafted against a backtracking engine is looked through in linear time', () => {
    const { value } = compileDetection([], ['re:(a+)+$', 're:(x+x+)+y'])
    // A backtracking engine needs longer than the age of the universe for either.
    expect(value.findPattern(`${'a'.repeat(5000)}b${'x'.repeat(5000)}`)).toBeUndefined()
  })

  test('only the start of a long text is looked at', () => {
    const { value } = compileDetection([], ['quota', 're:bil+ing'])
    expect(value.findPattern(`${' '.repeat(scanCharactersMax - 5)}quota`)).toBe('quota')
    expect(value.findPattern(`${' '.repeat(scanCharactersMax - 4)}quota billing`)).toBeUndefined()
  })

  test('findPattern() agrees with a plain search', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 })
    const literal = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 2, maxLength: 4 })
    fc.assert(
      fc.property(letters, fc.array(literal, { maxLength: 3 }), (text, patterns) => {
        const { value } = compileDetection([], patterns)
        expect(value.findPattern(text)).toBe(patterns.find((pattern) => text.includes(pattern)))
      }),
    )
  })
})

describe('poison patterns', () => {
  test.each([
    { name: 'an empty pattern', pattern: '', says: 'empty' },
    { name: 'a blank pattern', pattern: '  ', says: 'empty' },
    { name: 'an empty expression', pattern: 're:', says: 'matches nothing at all' },
    { name: 'an expression for anything', pattern: 're:.*', says: 'matches nothing at all' },
    { name: 'an optional expression', pattern: 're:(quota)?', says: 'matches nothing at all' },
    { name: 'a broken expression', pattern: 're:(quota', says: 'is no regular expression of RE2: missing closing )' },
    { name: 'look-around', pattern: 're:(?=quota)', says: 'is no regular expression of RE2' },
  ])('$name is refused', ({ pattern, says }) => {
    const { value, problems } = compileDetection([], ['fine', pattern])
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ severity: 'error', path: ['detection', 'error_patterns', 1] })
    expect(problems[0]?.message).toContain(says)
    expect(value.findPattern('anything')).toBeUndefined()
  })

  test.each([
    { pattern: '{', says: 'one character' },
    { pattern: 'error', says: 'every OpenAI error answer' },
    { pattern: 'message', says: 'every OpenAI error answer' },
    { pattern: 'request_id', says: 'every Anthropic error answer' },
    { pattern: 'status', says: 'every Gemini error answer' },
    { pattern: 're:.+', says: 'every OpenAI error answer' },
    { pattern: 're:\\w', says: 'every OpenAI error answer' },
  ])('"$pattern" is told as too wide, and used', ({ pattern, says }) => {
    const { value, problems } = compileDetection([], [pattern])
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ severity: 'warning', path: ['detection', 'error_patterns', 0] })
    expect(problems[0]?.message).toContain(says)
    expect(value.findPattern('{"error": {"message": "", "status": "", "request_id": ""}}')).toBe(pattern)
  })

  test('the patterns of the sample configuration raise no doubt', () => {
    const patterns = ['insufficient_quota', 'rate_limit', 'exceeded', 'billing', 'quota']
    expect(compileDetection(['4xx', '5xx'], patterns).problems).toEqual([])
  })
})
