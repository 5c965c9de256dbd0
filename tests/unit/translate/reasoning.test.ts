import { describe, expect, test } from 'bun:test'
import type { Protocol } from '#core/dialect.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { CommonRequest, Effort, Reasoning } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { effortOfBudget, isThinking, thinkingFor, wantsReasoning, type Thinking } from '#translate/reasoning.ts'
import { commonRequest } from '../../support/common-request.ts'

const efforts: readonly Effort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

type Target = readonly [form: string, protocol: Protocol, model: string, own?: ProfileOverrides]

const targets = {
  haiku45: ['messages', 'anthropic', 'claude-haiku-4-5'],
  opus45: ['messages', 'anthropic', 'claude-opus-4-5'],
  opus46: ['messages', 'anthropic', 'claude-opus-4-6'],
  opus48: ['messages', 'anthropic', 'claude-opus-4-8'],
  opus5: ['messages', 'anthropic', 'claude-opus-5'],
  claude3: ['messages', 'anthropic', 'claude-3-5-sonnet'],
  flash25: ['gemini', 'gemini', 'gemini-2.5-flash'],
  pro25: ['gemini', 'gemini', 'gemini-2.5-pro'],
  lite25: ['gemini', 'gemini', 'gemini-2.5-flash-lite'],
  pro3: ['gemini', 'gemini', 'gemini-3-pro-preview'],
  flash3: ['gemini', 'gemini', 'gemini-3-flash'],
  gpt51: ['chat', 'openai', 'gpt-5.1'],
  gpt5: ['chat', 'openai', 'gpt-5'],
  gpt52: ['responses', 'openai', 'gpt-5.2'],
  o3: ['responses', 'openai', 'o3'],
  gpt4o: ['chat', 'openai', 'gpt-4o'],
  unknown: ['chat', 'openai', 'my-model'],
  groqQwen: ['chat', 'groq', 'qwen/qwen3-32b'],
  deepseek: ['chat', 'deepseek', 'deepseek-v4'],
  qwen: ['chat', 'openai', 'qwen-plus'],
  grok4: ['chat', 'openai', 'grok-4'],
  ollamaOss: ['ollama', 'ollama', 'gpt-oss:20b'],
  ollamaQwen: ['ollama', 'ollama', 'qwen3'],
  ollamaLlama: ['ollama', 'ollama', 'llama3.2'],
  command: ['cohere', 'cohere', 'command-a-reasoning'],
  nova2: ['converse', 'any', 'amazon.nova-2-lite-v1:0'],
} as const satisfies Record<string, Target>

function ask(
  name: keyof typeof targets,
  reasoning: Reasoning | undefined,
  outputTokensMax: number | undefined = 100_000,
  says: Partial<CommonRequest> = {},
): { readonly thinking: Thinking | undefined; readonly codes: readonly string[] } {
  const [form, protocol, model] = targets[name]
  const notes = new Notes()
  const profile = profileOf(form, protocol, model)
  const thinking = thinkingFor(commonRequest({ reasoning, ...says }), profile, outputTokensMax, notes)
  return { thinking, codes: notes.codes }
}

describe('the table of efforts (§5.7)', () => {
  test.each(
    efforts.map((effort, index): [Effort, ...unknown[]] => [
      effort,
      [0, 1024, 2048, 8192, 24_576, 32_768, 63_999][index],
      ['LOW', 'LOW', 'LOW', 'MEDIUM', 'HIGH', 'HIGH', 'HIGH'][index],
      ['MINIMAL', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'HIGH', 'HIGH'][index],
      [undefined, 'low', 'low', 'medium', 'high', 'max', 'max'][index],
      [undefined, 'low', 'low', 'medium', 'high', 'xhigh', 'max'][index],
      [false, 'low', 'low', 'medium', 'high', 'high', 'high'][index],
      effort !== 'none',
    ]),
  )('%s', (effort, tokens, level, levelOfFlash, older, newer, word, isOn) => {
    expect(ask('haiku45', { effort }).thinking).toEqual({ style: 'budget', tokens } as Thinking)
    expect(ask('pro3', { effort }).thinking).toEqual({ style: 'level', level } as Thinking)
    expect(ask('flash3', { effort }).thinking).toEqual({ style: 'level', level: levelOfFlash } as Thinking)
    const isOff = effort === 'none'
    expect(ask('opus46', { effort }).thinking).toEqual({ style: 'adaptive', effort: older, isOff } as Thinking)
    expect(ask('opus48', { effort }).thinking).toEqual({ style: 'adaptive', effort: newer, isOff } as Thinking)
    expect(ask('ollamaOss', { effort }).thinking).toEqual({ style: 'think', think: word } as Thinking)
    expect(ask('ollamaQwen', { effort }).thinking).toEqual({ style: 'think', think: isOn } as Thinking)
    expect(ask('deepseek', { effort }).thinking).toEqual({ style: 'toggle', isOn, tokens: undefined } as Thinking)
    expect(ask('unknown', { effort }).thinking).toEqual({ style: 'effort', effort })
  })

  test.each<[tokens: number, effort: Effort | undefined]>([
    [-1, undefined],
    [0, 'none'],
    [1, 'minimal'],
    [1024, 'minimal'],
    [1025, 'low'],
    [4096, 'low'],
    [4097, 'medium'],
    [16_384, 'medium'],
    [16_385, 'high'],
    [32_767, 'high'],
    [32_768, 'xhigh'],
    [Number.NaN, undefined],
  ])('a budget of %d is the effort %p', (tokens, effort) => {
    expect(effortOfBudget(tokens)).toBe(effort)
  })

  test.each<[name: keyof typeof targets, asked: Effort, told: string]>([
    ['gpt51', 'minimal', 'low'],
    ['gpt51', 'xhigh', 'high'],
    ['gpt5', 'minimal', 'minimal'],
    ['gpt52', 'max', 'xhigh'],
    ['o3', 'minimal', 'low'],
    ['o3', 'max', 'high'],
    ['nova2', 'xhigh', 'high'],
    ['groqQwen', 'high', 'default'],
  ])('%s knows no other word for %s than %s', (name, effort, told) => {
    expect(ask(name, { effort }).thinking).toEqual({ style: 'effort', effort: told })
  })
})

describe('rule 1: a derived budget fits', () => {
  test.each<[name: keyof typeof targets, wish: Reasoning, outputTokensMax: number | undefined, tokens: number]>([
    ['haiku45', { effort: 'high' }, 10_000, 9999],
    ['haiku45', { effort: 'high' }, undefined, 24_576],
    ['haiku45', { effort: 'low' }, 1025, 1024],
    ['flash25', { effort: 'max' }, 65_536, 24_576],
    ['flash25', { effort: 'high' }, 1000, 999],
    ['lite25', { budgetTokens: 100 }, 65_536, 512],
    ['pro25', { effort: 'high' }, 5, 128],
    ['pro25', { budgetTokens: 50 }, 65_536, 128],
    ['command', { effort: 'max' }, undefined, 31_000],
    // What Gemini's clients ask of Claude is ours to fit.
    ['haiku45', { budgetTokens: 200 }, undefined, 1024],
    ['opus46', { budgetTokens: 200 }, undefined, 1024],
    ['opus46', { budgetTokens: 20_000 }, 9000, 8999],
  ])('%s, %p, at most %p tokens: %d', (name, wish, outputTokensMax, tokens) => {
    expect(ask(name, wish, outputTokensMax).thinking).toEqual({ style: 'budget', tokens })
  })

  test('less than 1,024 tokens are no thought for Claude', () => {
    const { thinking, codes } = ask('haiku45', { effort: 'high' }, 1024)
    expect(thinking).toEqual({ style: 'budget', tokens: 0 })
    expect(codes).toEqual(['adapted:thinking_disabled_small_max_tokens'])
  })

  test("a budget in Anthropic's form is the provider's to judge", () => {
    const { thinking, codes } = ask('haiku45', { kind: 'budget', budgetTokens: 500 }, 400, { form: 'messages' })
    expect(thinking).toEqual({ style: 'budget', tokens: 500 })
    expect(codes).toEqual([])
    const own = ask('opus46', { kind: 'budget', budgetTokens: 500 }, 400, { form: 'messages' })
    expect(own.thinking).toEqual({ style: 'budget', tokens: 500 })
    // Another provider has other limits.
    expect(ask('flash25', { kind: 'budget', budgetTokens: 31_999 }, undefined, { form: 'messages' }).thinking).toEqual({
      style: 'budget',
      tokens: 24_576,
    })
  })
})

test('a budget that does not fit into the answer is an effort, where the model takes both', () => {
  const { thinking, codes } = ask('opus46', { budgetTokens: 5000 }, 900)
  expect(thinking).toEqual({ style: 'adaptive', effort: 'medium', isOff: false })
  expect(codes).toEqual(['adapted:thinking_budget_to_effort'])
})

describe('rule 2: off is said (#17.2)', () => {
  const offs: readonly Reasoning[] = [
    { effort: 'none' },
    { kind: 'off' },
    { budgetTokens: 0 },
    { kind: 'off', effort: 'none' },
  ]

  test.each<[name: keyof typeof targets, told: Thinking]>([
    ['opus5', { style: 'adaptive', effort: undefined, isOff: true }],
    ['haiku45', { style: 'budget', tokens: 0 }],
    ['flash25', { style: 'budget', tokens: 0 }],
    ['gpt51', { style: 'effort', effort: 'none' }],
    ['unknown', { style: 'effort', effort: 'none' }],
    ['nova2', { style: 'effort', effort: 'none' }],
    ['groqQwen', { style: 'effort', effort: 'none' }],
    ['deepseek', { style: 'toggle', isOn: false, tokens: undefined }],
    ['qwen', { style: 'toggle', isOn: false, tokens: undefined }],
    ['ollamaQwen', { style: 'think', think: false }],
    ['ollamaLlama', { style: 'think', think: false }],
    ['command', { style: 'budget', tokens: 0 }],
  ])('%s', (name, told) => {
    for (const off of offs) expect(ask(name, off)).toEqual({ thinking: told, codes: [] })
  })

  test.each<[name: keyof typeof targets, told: Thinking | undefined]>([
    ['pro25', { style: 'budget', tokens: 128 }],
    ['pro3', { style: 'level', level: 'LOW' }],
    ['flash3', { style: 'level', level: 'MINIMAL' }],
    ['gpt5', { style: 'effort', effort: 'minimal' }],
    ['o3', { style: 'effort', effort: 'low' }],
    ['grok4', undefined],
  ])('%s cannot be kept from it, and thinks as little as it can', (name, told) => {
    for (const off of offs) {
      expect(ask(name, off)).toEqual({ thinking: told, codes: ['adapted:reasoning_not_disableable'] })
    }
  })

  test('a model that never thinks needs no switch, and cannot be made to', () => {
    expect(ask('gpt4o', { effort: 'none' })).toEqual({ thinking: undefined, codes: [] })
    expect(ask('claude3', { effort: 'high' })).toEqual({ thinking: undefined, codes: ['dropped:reasoning'] })
  })
})

describe('rule 3: adaptive Claude', () => {
  test('a budget becomes an effort where budgets are refused', () => {
    expect(ask('opus48', { kind: 'budget', budgetTokens: 31_999 }, 64_000, { form: 'messages' })).toEqual({
      thinking: { style: 'adaptive', effort: 'high', isOff: false },
      codes: ['adapted:thinking_budget_to_effort'],
    })
  })

  test('a budget stays one where both are taken', () => {
    expect(ask('opus46', { budgetTokens: 5000 })).toEqual({ thinking: { style: 'budget', tokens: 5000 }, codes: [] })
  })

  test('without an effort it is the model that chooses', () => {
    for (const wish of [{ kind: 'adaptive' }, { budgetTokens: -1 }] as const) {
      expect(ask('opus48', wish)).toEqual({
        thinking: { style: 'adaptive', effort: undefined, isOff: false },
        codes: [],
      })
    }
  })

  test.each<[name: keyof typeof targets, asked: Effort, told: string]>([
    ['opus5', 'max', 'high'],
    ['opus5', 'xhigh', 'high'],
    ['opus5', 'low', 'low'],
    ['opus48', 'max', 'max'],
  ])('%s that must not think takes the effort %s as %s', (name, effort, told) => {
    expect(ask(name, { kind: 'off', effort }).thinking).toEqual({ style: 'adaptive', effort: told, isOff: true })
  })
})

test('rule 4: Opus 4.5 takes an effort beside the budget', () => {
  expect(ask('opus45', { effort: 'max' }).thinking).toEqual({ style: 'budget', tokens: 63_999, effort: 'high' })
  expect(ask('haiku45', { effort: 'low' }).thinking).toEqual({ style: 'budget', tokens: 2048 })
})

describe('a budget for those who think otherwise', () => {
  test.each<[name: keyof typeof targets, tokens: number, told: Thinking | undefined]>([
    ['gpt51', 8192, { style: 'effort', effort: 'medium' }],
    ['gpt51', -1, undefined],
    ['pro3', 32_768, { style: 'level', level: 'HIGH' }],
    ['pro3', -1, undefined],
    ['qwen', 5000, { style: 'toggle', isOn: true, tokens: 5000 }],
    ['qwen', -1, { style: 'toggle', isOn: true, tokens: undefined }],
    ['ollamaOss', 1000, { style: 'think', think: 'low' }],
    ['ollamaOss', -1, { style: 'think', think: true }],
    ['ollamaLlama', 1000, undefined],
    ['flash25', -1, { style: 'budget', tokens: -1 }],
    ['haiku45', -1, { style: 'budget', tokens: 8192 }],
  ])('%s, %d', (name, budgetTokens, told) => {
    expect(ask(name, { budgetTokens }).thinking).toEqual(told as Thinking)
  })

  test('it is noted when a number becomes a word', () => {
    expect(ask('gpt51', { budgetTokens: 8192 }).codes).toEqual(['adapted:thinking_budget_to_effort'])
    expect(ask('flash25', { budgetTokens: 8192 }).codes).toEqual([])
  })
})

describe('thinking as much as it likes', () => {
  test.each<[name: keyof typeof targets, told: Thinking | undefined]>([
    // It does not think unless it is told to.
    ['gpt51', { style: 'effort', effort: 'medium' }],
    ['gpt5', undefined],
    ['unknown', undefined],
    ['flash25', { style: 'budget', tokens: -1 }],
    ['haiku45', { style: 'budget', tokens: 8192 }],
    ['deepseek', { style: 'toggle', isOn: true, tokens: undefined }],
  ])('%s', (name, told) => {
    expect(ask(name, { kind: 'adaptive' }).thinking).toEqual(told as Thinking)
  })
})

test('who says nothing, or only what shall be seen, asks for nothing', () => {
  for (const name of ['opus5', 'gpt51', 'flash25', 'deepseek', 'ollamaQwen'] as const) {
    expect(ask(name, undefined)).toEqual({ thinking: undefined, codes: [] })
    expect(ask(name, { visibility: 'full' })).toEqual({ thinking: undefined, codes: [] })
  }
})

describe('a tool that must be called (§5.5)', () => {
  const tools = [{ kind: 'function', name: 'f', schema: undefined }] as const
  const forced = { tools, toolChoice: { mode: 'required' } } as const

  test('a derived budget gives way', () => {
    expect(ask('haiku45', { effort: 'high' }, 64_000, forced)).toEqual({
      thinking: { style: 'budget', tokens: 0 },
      codes: ['adapted:thinking_disabled_for_tool_choice'],
    })
  })

  test("what a client wrote in Anthropic's form does not", () => {
    const wish = { kind: 'budget', budgetTokens: 2000 } as const
    expect(ask('haiku45', wish, 64_000, { ...forced, form: 'messages' })).toEqual({
      thinking: { style: 'budget', tokens: 2000 },
      codes: [],
    })
  })

  test('adaptive thinking goes with it, and so do other providers', () => {
    expect(ask('opus48', { effort: 'high' }, 64_000, forced).codes).toEqual([])
    expect(ask('flash25', { effort: 'high' }, 64_000, forced).codes).toEqual([])
  })

  test('nobody is kept from thinking who was not going to', () => {
    expect(ask('haiku45', undefined, 64_000, forced)).toEqual({ thinking: undefined, codes: [] })
    expect(ask('haiku45', { effort: 'high' }, 64_000, { toolChoice: { mode: 'required' } }).codes).toEqual([])
  })

  test('the tool that stands for a structured output is such a one', () => {
    const output = { format: { kind: 'json_schema', schema: {} } } as const
    const [form, protocol, model] = ['messages', 'anthropic', 'claude-sonnet-4'] as const
    const notes = new Notes()
    const request = commonRequest({ reasoning: { effort: 'high' }, output })
    expect(thinkingFor(request, profileOf(form, protocol, model), 64_000, notes)).toEqual({
      style: 'budget',
      tokens: 0,
    })
  })

  test('DeepSeek, which thinks by itself, is switched off', () => {
    expect(ask('deepseek', undefined, 64_000, forced)).toEqual({
      thinking: { style: 'toggle', isOn: false, tokens: undefined },
      codes: ['adapted:thinking_disabled_for_tool_choice'],
    })
  })
})

test.each<[wish: Reasoning | undefined, wants: boolean]>([
  [undefined, false],
  [{}, false],
  [{ effort: 'low' }, true],
  [{ effort: 'none' }, false],
  [{ kind: 'off', effort: 'high' }, false],
  [{ kind: 'adaptive' }, true],
  [{ budgetTokens: 0 }, false],
  [{ budgetTokens: -1 }, true],
  [{ visibility: 'full' }, true],
  [{ effort: 'high', visibility: 'none' }, false],
  [{ summary: 'auto' }, true],
])('wantsReasoning(%p) is %p', (wish, wants) => {
  expect(wantsReasoning(wish)).toBe(wants)
})

test.each<[name: keyof typeof targets, wish: Reasoning | undefined, thinks: boolean]>([
  ['gpt51', undefined, false],
  ['gpt51', { effort: 'low' }, true],
  ['gpt5', undefined, true],
  ['opus48', { effort: 'none' }, false],
  ['haiku45', { effort: 'none' }, false],
  ['haiku45', { effort: 'high' }, true],
  ['pro3', { effort: 'none' }, true],
  ['deepseek', { effort: 'none' }, false],
  ['ollamaQwen', { effort: 'none' }, false],
])('isThinking(): %s, asked %p: %p', (name, wish, thinks) => {
  const [form, protocol, model] = targets[name]
  expect(isThinking(ask(name, wish).thinking, profileOf(form, protocol, model))).toBe(thinks)
})
