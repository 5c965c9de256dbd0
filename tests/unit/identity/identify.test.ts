import { describe, expect, test } from 'bun:test'
import { isRefusal } from '#core/refusal.ts'
import { Secret } from '#core/secret.ts'
import { identify } from '#identity/identify.ts'
import { KeyRing } from '#identity/key-ring.ts'

const ring = new KeyRing([{ key: new Secret('sk-right'), caller: { id: 'default' } }])

describe('identify()', () => {
  test.each([
    { name: 'B01: the right bearer key is let in', headers: { authorization: 'Bearer sk-right' }, gives: 'default' },
    { name: 'B01: a request without key is refused', headers: {}, gives: 'missing_api_key' },
    { name: 'B01: a wrong key is refused', headers: { authorization: 'Bearer sk-wrong' }, gives: 'invalid_api_key' },
    {
      name: 'the scheme may be written in lower case',
      headers: { authorization: 'bearer sk-right' },
      gives: 'default',
    },
    { name: 'an empty bearer is no key', headers: { authorization: 'Bearer ' }, gives: 'invalid_api_key' },
    {
      name: 'Basic credentials are no key',
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
      name: 'two different keys are refused, even when one is right',
      headers: { authorization: 'Bearer sk-right', 'x-api-key': 'sk-other' },
      gives: 'ambiguous_credentials',
    },
    {
      name: 'SQL in a key is just a wrong key',
      headers: { authorization: "Bearer ' OR '1'='1" },
      gives: 'invalid_api_key',
    },
  ])('$name', ({ headers, gives }) => {
    const caller = identify(new Headers(headers), undefined, ring)
    expect(isRefusal(caller) ? caller.code : caller.id).toBe(gives)
  })

  test('the key of the query counts like one of a header', () => {
    expect(identify(new Headers(), 'sk-right', ring)).toEqual({ id: 'default' })
    const both = identify(new Headers({ 'x-api-key': 'sk-right' }), 'sk-other', ring)
    expect(isRefusal(both) && both.code).toBe('ambiguous_credentials')
  })

  test('B02: without configured keys everyone is let in, whatever they send', () => {
    const open = new KeyRing([])
    expect(identify(new Headers(), undefined, open)).toEqual({ id: 'anonymous' })
    expect(identify(new Headers({ authorization: 'Bearer x' }), 'y', open)).toEqual({ id: 'anonymous' })
  })
})
