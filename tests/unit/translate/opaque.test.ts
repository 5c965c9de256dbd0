import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Opaque } from '#translate/common.ts'
import { isAtHome, sealed, unsealed } from '#translate/opaque.ts'
import { profileOf } from '#translate/profiles.ts'

const signature: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'EqQB+/==' }

describe('an envelope (§6.1)', () => {
  test('comes back as it went, whoever brings it', () => {
    fc.assert(
      fc.property(
        fc.record({
          form: fc.string(),
          family: fc.string(),
          kind: fc.constantFrom('signature', 'encrypted', 'redacted', 'text'),
          payload: fc.string({ unit: 'grapheme' }),
        }),
        fc.option(fc.string(), { nil: undefined }),
        (told, id) => {
          const opaque = id === undefined ? told : { ...told, id }
          const envelope = sealed(opaque)
          expect(envelope).toMatch(/^lp1\.[\w-]+$/)
          expect(unsealed(envelope, 'responses', 'encrypted', 'gpt')).toEqual(opaque)
        },
      ),
    )
  })

  test('holds the words that were sealed, where they travel along', () => {
    const worded = { ...signature, text: 'Let me check.' }
    expect(unsealed(sealed(worded), 'gemini', 'signature', 'gemini')).toEqual(worded)
  })

  test('says the same every time', () => {
    expect(sealed(signature)).toBe(sealed({ ...signature }))
  })

  test("is found in the base64 that Gemini's clients keep (§6.2)", () => {
    const kept = Buffer.from(sealed(signature)).toString('base64')
    expect(unsealed(kept, 'gemini', 'signature', 'gemini')).toEqual(signature)
  })

  test.each([
    ['cut', sealed(signature).slice(0, 20)],
    ['empty', 'lp1.'],
    ['no base64', 'lp1.***'],
    ['no JSON', 'lp1.aGVsbG8'],
    ['no object', `lp1.${Buffer.from('[1]').toString('base64url')}`],
    ['of an unknown kind', `lp1.${Buffer.from('{"s":"a","f":"b","k":"x","p":""}').toString('base64url')}`],
    ['without payload', `lp1.${Buffer.from('{"s":"a","f":"b","k":"text"}').toString('base64url')}`],
  ])('that is damaged counts as missing: %s', (_, envelope) => {
    expect(unsealed(envelope, 'messages', 'signature', 'claude')).toBeUndefined()
  })
})

test("what is no envelope is its own form's", () => {
  expect(unsealed('EqQBabc=', 'messages', 'signature', 'claude')).toEqual({
    form: 'messages',
    family: 'claude',
    kind: 'signature',
    payload: 'EqQBabc=',
  })
  expect(unsealed('bHAx', 'gemini', 'signature', 'gemini')?.payload).toBe('bHAx')
  expect(unsealed('bHAxLg==', 'gemini', 'signature', 'gemini')).toBeUndefined()
  expect(unsealed('', 'messages', 'signature', 'claude')).toBeUndefined()
})

test.each([
  ['where it was made', 'messages', 'claude-opus-5', true],
  ['at a sibling', 'messages', 'us.anthropic.claude-haiku-4-5-v1:0', true],
  ['on another form', 'converse', 'claude-opus-5', false],
  ['at another provider', 'messages', 'kimi-k2-thinking', false],
])('isAtHome(): %s', (_, form, model, isHome) => {
  expect(isAtHome(signature, form, profileOf(form, 'any', model))).toBe(isHome)
})

test('what nobody made is at home nowhere', () => {
  const nobody: Opaque = { form: 'chat', family: '', kind: 'text', payload: 'x' }
  expect(isAtHome(nobody, 'chat', profileOf('chat', 'openai', 'my-model'))).toBeFalse()
})
