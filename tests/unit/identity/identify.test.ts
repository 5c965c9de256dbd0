import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRefusal } from '#core/refusal.ts'
import { Secret } from '#core/secret.ts'
import { identify, identifyAny } from '#identity/identify.ts'
import { digestOf, KeyRing } from '#identity/key-ring.ts'

const nowMs = Date.UTC(2026, 0, 13)
const ring = new KeyRing([{ key: new Secret('sk-right'), caller: { id: 'default' } }])

function idOrCode(headers: Record<string, string>, keys: KeyRing, atMs = nowMs): string {
  const caller = identify(new Headers(headers), undefined, keys, atMs)
  return isRefusal(caller) ? caller.code : caller.id
}

describe('identify()', () => {
  test.each([
    { name: 'B01: the right bearer key is let in', headers: { authorization: 'Bearer sk-right' }, gives: 'default' },
    { name: 'B01 B36: a request without key is refused', headers: {}, gives: 'missing_api_key' },
    {
      name: 'B01 B37: a wrong key is refused',
      headers: { authorization: 'Bearer sk-wrong' },
      gives: 'invalid_api_key',
    },
    {
      name: 'B37: the scheme may be written in lower case',
      headers: { authorization: 'bearer sk-right' },
      gives: 'default',
    },
    {
      name: 'B37: blanks around the key do not count',
      headers: { authorization: 'Bearer   sk-right' },
      gives: 'default',
    },
    { name: 'B37: an empty bearer is no key', headers: { authorization: 'Bearer ' }, gives: 'invalid_api_key' },
    {
      name: 'B37: Basic credentials are no key',
      headers: { authorization: 'Basic c2stcmlnaHQ=' },
      gives: 'invalid_api_key',
    },
    { name: 'B105: x-api-key of Anthropic clients counts', headers: { 'x-api-key': 'sk-right' }, gives: 'default' },
    { name: 'x-goog-api-key of Gemini clients counts', headers: { 'x-goog-api-key': 'sk-right' }, gives: 'default' },
    { name: 'api-key of Azure clients counts', headers: { 'api-key': 'sk-right' }, gives: 'default' },
    {
      name: 'the same key twice is one key',
      headers: { authorization: 'Bearer sk-right', 'x-api-key': 'sk-right' },
      gives: 'default',
    },
    {
      name: 'B40: two different keys are refused, even when one is right',
      headers: { authorization: 'Bearer sk-right', 'x-api-key': 'sk-other' },
      gives: 'ambiguous_credentials',
    },
    {
      name: 'B39: SQL in a key is just a wrong key',
      headers: { authorization: "Bearer ' OR '1'='1" },
      gives: 'invalid_api_key',
    },
    { name: 'B39: a % is just a wrong key', headers: { 'x-api-key': '%%%%' }, gives: 'invalid_api_key' },
    {
      name: 'B39: bytes of CJK are just a wrong key',
      headers: { 'x-api-key': 'å¯\u0086é\u0092¥' },
      gives: 'invalid_api_key',
    },
    { name: 'B38: so is one of 60 kB', headers: { 'x-api-key': 'k'.repeat(60_000) }, gives: 'invalid_api_key' },
    { name: '__proto__ is just a wrong key', headers: { 'x-api-key': '__proto__' }, gives: 'invalid_api_key' },
  ])('$name', ({ headers, gives }) => {
    expect(idOrCode(headers, ring)).toBe(gives)
  })

  test('the key of the query counts like one of a header', () => {
    expect(identify(new Headers(), 'sk-right', ring, nowMs)).toEqual({ id: 'default' })
    const both = identify(new Headers({ 'x-api-key': 'sk-right' }), 'sk-other', ring, nowMs)
    expect(isRefusal(both) && both.code).toBe('ambiguous_credentials')
  })

  test('B02: without configured keys everyone is let in, whatever they send', () => {
    const open = new KeyRing([])
    expect(identify(new Headers(), undefined, open, nowMs)).toEqual({ id: 'anonymous' })
    expect(identify(new Headers({ authorization: 'Bearer x' }), 'y', open, nowMs)).toEqual({ id: 'anonymous' })
  })

  test('a ring that asks for keys and has none lets nobody in', () => {
    const closed = new KeyRing([], { asksAlways: true })
    expect(closed.isOpen).toBe(false)
    expect(idOrCode({}, closed)).toBe('missing_api_key')
    expect(idOrCode({ 'x-api-key': 'sk-any' }, closed)).toBe('invalid_api_key')
  })

  test.each([
    { name: 'before it begins', atMs: nowMs - 1, gives: 'expired_api_key' },
    { name: 'from its first millisecond on', atMs: nowMs, gives: 'alice' },
    { name: 'up to its last millisecond', atMs: nowMs + 999, gives: 'alice' },
    { name: 'from its end on', atMs: nowMs + 1000, gives: 'expired_api_key' },
  ])('B41: a key counts for its time: $name', ({ atMs, gives }) => {
    const timed = new KeyRing([
      { key: new Secret('sk-timed'), caller: { id: 'alice' }, fromMs: nowMs, untilMs: nowMs + 1000 },
    ])
    expect(idOrCode({ 'x-api-key': 'sk-timed' }, timed, atMs)).toBe(gives)
  })

  test('B41: a key that is switched off is refused', () => {
    const off = new KeyRing([{ key: new Secret('sk-off'), caller: { id: 'alice' }, isOff: true }])
    expect(idOrCode({ 'x-api-key': 'sk-off' }, off)).toBe('expired_api_key')
  })

  test('C403: a header of its own carries a key as well as the others', () => {
    const own = new KeyRing([{ key: new Secret('sk-right'), caller: { id: 'alice' } }], { headers: ['x-team-token'] })
    expect(idOrCode({ 'x-team-token': 'sk-right' }, own)).toBe('alice')
    expect(idOrCode({ authorization: 'Bearer sk-right' }, own)).toBe('alice')
    expect(idOrCode({ authorization: 'Bearer sk-right', 'x-team-token': 'sk-no' }, own)).toBe('ambiguous_credentials')
  })

  test('keys are found at once, and no promise is made for one', () => {
    expect(identifyAny(new Headers({ 'x-api-key': 'sk-right' }), undefined, ring, nowMs, undefined)).toEqual({
      id: 'default',
    })
  })
})

describe('KeyRing', () => {
  test('C417: each of many keys is its own caller, kept by its digest alone', () => {
    const keys = Array.from({ length: 5000 }, (_, index) => `sk-many-${index}`)
    const many = new KeyRing(
      keys.map((key, index) => ({
        key: index % 2 === 0 ? new Secret(key) : digestOf(key),
        caller: { id: `user-${index}` },
      })),
    )
    for (const [index, key] of keys.entries()) expect(many.find(key)?.caller.id).toBe(`user-${index}`)
    expect(many.find('sk-many-5000')).toBeUndefined()
    expect(Bun.inspect(many, { depth: 10 })).not.toContain('sk-many')
  })

  test('C417: no text but the very key opens', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(ring.find(text)?.caller.id).toBe(text === 'sk-right' ? 'default' : undefined)
      }),
    )
  })

  test('digests that begin alike are told apart', () => {
    // SHA-256 of these two texts begins with the same four bytes.
    const [one, other] = twinKeys()
    const twins = new KeyRing([
      { key: new Secret(one), caller: { id: 'one' } },
      { key: new Secret(other), caller: { id: 'other' } },
    ])
    expect(twins.find(one)?.caller.id).toBe('one')
    expect(twins.find(other)?.caller.id).toBe('other')
  })

  test('callers are told apart where there are several of them', () => {
    const two = (ids: readonly string[]): boolean =>
      new KeyRing(ids.map((id, index) => ({ key: new Secret(`k${index}`), caller: { id } }))).tellsApart
    expect([two(['a']), two(['a', 'a']), two(['a', 'b'])]).toEqual([false, false, true])
  })
})

/** Found by looking: with 32 bits, two of some hundred thousand texts are as good as sure to begin alike. */
function twinKeys(): [string, string] {
  const seen = new Map<number, string>()
  for (let count = 0; ; count += 1) {
    const key = `sk-twin-${count}`
    const beginning = new DataView(digestOf(key).buffer).getInt32(0)
    const other = seen.get(beginning)
    if (other !== undefined) return [other, key]
    seen.set(beginning, key)
  }
}
