import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { toolIdFor } from '#translate/tool-ids.ts'

const openai = { toolIdMax: 40, toolIdForm: 'any' } as const
const responses = { toolIdMax: 64, toolIdForm: 'any' } as const
const anthropic = { toolIdMax: 64, toolIdForm: 'anthropic' } as const
const mistral = { toolIdMax: 9, toolIdForm: 'mistral' } as const

describe('toolIdFor() (§5.6, #17.1)', () => {
  test.each([
    { name: 'an id of 40 characters fits OpenAI', id: 'a'.repeat(40), rules: openai },
    { name: 'any characters fit OpenAI', id: 'functions.get:0', rules: openai },
    { name: 'an id of 64 characters fits Responses', id: 'a'.repeat(64), rules: responses },
    { name: 'letters, digits, _ and - fit Anthropic', id: 'toolu_01-aZ', rules: anthropic },
    { name: 'nine letters and digits fit Mistral', id: 'aB3dE6gH9', rules: mistral },
  ])('$name', ({ id, rules }) => {
    expect(toolIdFor(id, rules)).toBe(id)
  })

  test.each([
    { name: 'one of 41 characters does not fit OpenAI', id: 'a'.repeat(41), rules: openai, like: /^call_[\w-]{27}$/ },
    {
      name: 'one of 65 characters does not fit Responses',
      id: 'a'.repeat(65),
      rules: responses,
      like: /^call_[\w-]{27}$/,
    },
    { name: 'dots and colons do not fit Anthropic', id: 'functions.get:0', rules: anthropic, like: /^call_[\w-]{27}$/ },
    { name: 'none does not fit', id: '', rules: openai, like: /^call_[\w-]{27}$/ },
    { name: 'a line end does not fit Anthropic', id: 'a\n', rules: anthropic, like: /^call_[\w-]{27}$/ },
    { name: 'ten characters do not fit Mistral', id: 'aB3dE6gH90', rules: mistral, like: /^[a-zA-Z0-9]{9}$/ },
    {
      name: 'a lower limit is kept',
      id: 'a'.repeat(41),
      rules: { toolIdMax: 20, toolIdForm: 'any' } as const,
      like: /^call_[\w-]{15}$/,
    },
  ])('$name', ({ id, rules, like }) => {
    expect(toolIdFor(id, rules)).toMatch(like)
    expect(toolIdFor(id, rules)).toBe(toolIdFor(id, rules))
  })

  test('the hash is that of SHA-256 in base64url', () => {
    const hash = new Bun.CryptoHasher('sha256').update('a b').digest('base64url')
    expect(toolIdFor('a b', anthropic)).toBe(`call_${hash.slice(0, 27)}`)
  })

  test('ids that begin alike stay apart, and what was made fits', () => {
    const rules = fc.constantFrom(openai, responses, anthropic, mistral)
    fc.assert(
      fc.property(rules, fc.string(), fc.string(), (rule, one, other) => {
        fc.pre(one !== other)
        const prefix = 'shared_'.repeat(12)
        const made = toolIdFor(`${prefix}${one}`, rule)
        expect(made).not.toBe(toolIdFor(`${prefix}${other}`, rule))
        expect(toolIdFor(made, rule)).toBe(made)
        expect(made.length).toBeLessThanOrEqual(rule.toolIdMax)
      }),
    )
  })
})
