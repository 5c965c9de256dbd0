import { describe, expect, test } from 'bun:test'
import * as v from 'valibot'
import { shownUsd, type Usage } from '#core/usage.ts'
import { compileUsage, type PriceRules } from '#usage/compile.ts'
import { PriceBook } from '#usage/price-book.ts'
import { readPriceList } from '#usage/price-list.ts'
import { costOf } from '#usage/price.ts'
import { UsageSchema } from '#usage/schema.ts'

function rulesOf(pricing: Record<string, unknown>): PriceRules {
  const policy = compileUsage(v.parse(UsageSchema, { pricing }))
  if (policy === undefined) throw new Error('Cannot price: nobody counts')
  return policy.prices
}

const usage: Usage = { inputTokens: 1000, outputTokens: 500, source: 'upstream' }
const cached: Usage = { ...usage, cachedTokens: 600, cacheWriteTokens: 100, reasoningTokens: 200 }
const route = { backend: 'openai', model: 'gpt-4o', alias: 'fast' }

describe('costOf()', () => {
  test.each([
    { name: 'per million', price: { input: 2, output: 10 }, of: usage, usd: 0.007 },
    { name: 'per thousand', price: { input: 2, output: 10, per: 'thousand' }, of: usage, usd: 7 },
    { name: 'per token', price: { input: 0.001, output: 0.002, per: 'token' }, of: usage, usd: 2 },
    {
      name: 'what is cached as all the rest, where no price says otherwise',
      price: { input: 2, output: 10 },
      of: cached,
      usd: 0.007,
    },
    {
      name: 'what is cached, written and thought, each at its own price',
      price: { input: 2, output: 10, cached_input: 0.2, cache_write: 2.5, reasoning: 20 },
      of: cached,
      usd: (300 * 2 + 600 * 0.2 + 100 * 2.5 + 300 * 10 + 200 * 20) / 1e6,
    },
    { name: 'nothing for what is free', price: { input: 0, output: 0 }, of: usage, usd: 0 },
  ])('charges $name', ({ price, of, usd }) => {
    const found = new PriceBook().find(rulesOf({ 'gpt-4o': price }), route)
    expect(costOf(of, found ?? { input: 9, output: 9, cachedInput: 9, cacheWrite: 9, reasoning: 9 })).toBeCloseTo(
      usd,
      12,
    )
  })
})

test('N220: small sums keep six decimals, and smaller ones are not told as nothing', () => {
  expect([0.0000014, 0.1234567, 12, 0, 0.00000031].map(shownUsd)).toEqual([0.000001, 0.123457, 12, 0, 3.1e-7])
})

describe('PriceBook', () => {
  const at = (input: number): object => ({ input, output: 0 })
  test.each([
    { name: 'the route before the model', pricing: { 'openai/gpt-4o': at(1), 'gpt-4o': at(2), fast: at(3) }, input: 1 },
    { name: 'the model before the alias', pricing: { fast: at(3), 'gpt-4o': at(2) }, input: 2 },
    { name: 'the alias before a pattern', pricing: { 'gpt-*': at(1), fast: at(3) }, input: 3 },
    { name: 'a pattern before a list', pricing: { 'gpt-*': at(4) }, input: 4 },
    { name: 'a list before the price of all', pricing: { '*': at(5) }, input: 7 },
    { name: 'the first pattern of the file', pricing: { 'gpt-*': at(4), 'gpt-4*': at(5) }, input: 4 },
  ])('takes $name', ({ pricing, input }) => {
    const book = new PriceBook()
    book.adopt(
      new Map([
        ['gpt-4o', { input: 7e-6, output: 0, cachedInput: undefined, cacheWrite: undefined, reasoning: undefined }],
      ]),
    )
    expect(book.find(rulesOf(pricing), route)?.input).toBeCloseTo(input / 1e6, 12)
  })

  test('knows no price that nobody gave, and the price of all where there is one', () => {
    const book = new PriceBook()
    expect(book.find(rulesOf({}), route)).toBeUndefined()
    expect(book.find(rulesOf({ '*': at(5) }), route)?.input).toBeCloseTo(5e-6, 12)
    // Other rules and another list are looked at anew.
    book.adopt(
      new Map([
        ['gpt-4o', { input: 1, output: 0, cachedInput: undefined, cacheWrite: undefined, reasoning: undefined }],
      ]),
    )
    expect(book.find(rulesOf({}), { ...route, model: 'openai/gpt-4o' })?.input).toBe(1)
  })
})

describe('readPriceList()', () => {
  test('A67: reads what LiteLLM serves at /model/info, by both names', () => {
    const prices = readPriceList({
      data: [
        {
          model_name: 'fast',
          litellm_params: { model: 'openai/gpt-4o' },
          model_info: {
            input_cost_per_token: 2.5e-6,
            output_cost_per_token: 1e-5,
            cache_read_input_token_cost: 1.25e-6,
          },
        },
        { model_name: 'unknown', model_info: { input_cost_per_token: null } },
        'nonsense',
      ],
    })
    expect([...(prices ?? [])].map(([name, { input }]) => [name, input])).toEqual([
      ['fast', 2.5e-6],
      ['openai/gpt-4o', 2.5e-6],
    ])
    expect(prices?.get('fast')?.cachedInput).toBe(1.25e-6)
  })

  test('reads the list of all models, and of it what is a price', () => {
    const prices = readPriceList({
      sample_spec: { max_tokens: 'text' },
      'gpt-4o': { input_cost_per_token: 2.5e-6, output_cost_per_token: 1e-5, output_cost_per_reasoning_token: 2e-5 },
      wrong: { input_cost_per_token: -1, output_cost_per_token: '1' },
      dear: { input_cost_per_token: 1e9 },
    })
    expect([...(prices?.keys() ?? [])]).toEqual(['gpt-4o'])
    expect(prices?.get('gpt-4o')?.reasoning).toBe(2e-5)
  })

  test.each([[undefined], [null], [[]], ['x'], [{ a: 1 }], [{}]])('takes %p for no list', (document) => {
    expect(readPriceList(document)).toBeUndefined()
  })
})
