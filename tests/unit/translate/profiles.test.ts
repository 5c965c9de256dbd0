import { describe, expect, test } from 'bun:test'
import type { Protocol } from '#core/dialect.ts'
import type { Profile, ProfileOverrides, ReasoningProfile } from '#core/profile.ts'
import { profileOf } from '#translate/profiles.ts'

type Some = Partial<Omit<Profile, 'reasoning'>> & { readonly reasoning?: Partial<ReasoningProfile> }

const low3 = ['low', 'medium', 'high']
const low4 = [...low3, 'xhigh']

describe('Claude on its own form (§5.1-2, §5.7-3, §5.7-4, §15.2)', () => {
  test.each<
    [model: string, outputTokensMax: number, sampling: Profile['sampling'], reasoning: Partial<ReasoningProfile>]
  >([
    [
      'claude-opus-5',
      128_000,
      'none',
      { style: 'adaptive', budgetMax: 0, efforts: [...low4, 'max'], isOnByDefault: true },
    ],
    ['claude-sonnet-5', 128_000, 'none', { style: 'adaptive', budgetMax: 0, efforts: [...low4, 'max'] }],
    ['claude-fable-5', 128_000, 'none', { style: 'adaptive', budgetMax: 0 }],
    ['claude-mythos-5', 128_000, 'none', { style: 'adaptive', budgetMax: 0 }],
    ['claude-opus-4-8', 128_000, 'none', { style: 'adaptive', budgetMax: 0, efforts: [...low4, 'max'] }],
    ['claude-opus-4-7', 128_000, 'none', { style: 'adaptive', budgetMax: 0 }],
    [
      'claude-opus-4-6',
      128_000,
      'without_reasoning',
      { style: 'adaptive', budgetMax: 127_999, efforts: [...low3, 'max'] },
    ],
    ['claude-sonnet-4-6', 128_000, 'without_reasoning', { style: 'adaptive', efforts: [...low3, 'max'] }],
    ['claude-opus-4-5-20251101', 64_000, 'without_reasoning', { style: 'budget', efforts: low3 }],
    ['claude-sonnet-4-5-20250929', 64_000, 'without_reasoning', { style: 'budget', efforts: [] }],
    ['claude-haiku-4-5', 64_000, 'without_reasoning', { style: 'budget', budgetMin: 1024, budgetMax: 63_999 }],
    ['claude-sonnet-4-20250514', 64_000, 'without_reasoning', { style: 'budget' }],
    ['claude-opus-4-1', 32_000, 'without_reasoning', { style: 'budget' }],
    ['claude-opus-4-20250514', 32_000, 'without_reasoning', { style: 'budget' }],
    ['claude-3-7-sonnet-20250219', 64_000, 'without_reasoning', { style: 'budget' }],
    ['claude-3-5-haiku-20241022', 8192, 'without_reasoning', { style: 'none' }],
    ['claude-3-haiku-20240307', 4096, 'without_reasoning', { style: 'none' }],
    ['claude-next', 128_000, 'none', { style: 'adaptive' }],
    // A generation that nobody knows yet is like the newest.
    ['claude-opus-6-1', 128_000, 'none', { style: 'adaptive', budgetMax: 0 }],
  ])('%s', (model, outputTokensMax, sampling, reasoning) => {
    const profile = profileOf('messages', 'anthropic', model)
    expect(profile).toMatchObject({ family: 'claude', outputTokensMax, sampling, reasoning, temperatureMax: 1 })
    expect(profile.takesTemperatureWithTopP).toBeFalse()
    expect(profile.takesCacheHints).toBeTrue()
  })

  test('an unknown one elsewhere than at Anthropic gets a limit that all have (§15.2)', () => {
    expect(profileOf('messages', 'any', 'claude-next').outputTokensMax).toBe(4096)
  })

  test.each<[model: string, structured: Profile['structured'], takesForcedTool: boolean, takesPrefill: boolean]>([
    ['claude-opus-4-1', 'native', true, true],
    ['claude-sonnet-4-5', 'native', true, true],
    ['claude-haiku-4-5', 'native', true, true],
    ['claude-sonnet-4', 'tool', true, true],
    ['claude-3-7-sonnet', 'tool', true, true],
    ['claude-opus-4-8', 'native', true, false],
    ['claude-fable-5', 'native', false, false],
    ['claude-mythos-5', 'native', false, false],
    ['claude-mythos-preview', 'native', false, false],
  ])(
    '%s: structured output %s, forced tools %p, prefill %p (§5.5, §5.8)',
    (model, structured, takesForcedTool, takesPrefill) => {
      expect(profileOf('messages', 'anthropic', model)).toMatchObject({ structured, takesForcedTool, takesPrefill })
    },
  )

  test.each([
    ['claude-opus-4-8', true],
    ['claude-sonnet-5', true],
    ['claude-opus-4-5', false],
  ])('%s takes system messages among the others: %p (§5.2)', (model, takesInlineSystem) => {
    expect(profileOf('messages', 'anthropic', model).takesInlineSystem).toBe(takesInlineSystem)
  })
})

describe('names in the clothes of clouds', () => {
  test.each<[form: string, protocol: Protocol, model: string, like: string]>([
    ['messages', 'any', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
    ['messages', 'any', 'anthropic.claude-opus-4-6-v1', 'claude-opus-4-6'],
    ['messages', 'any', 'global.anthropic.claude-haiku-4-5-20251001-v1:0', 'claude-haiku-4-5'],
    ['messages', 'any', 'claude-sonnet-4@20250514', 'claude-sonnet-4'],
    ['messages', 'any', 'anthropic/claude-opus-4.5', 'claude-opus-4-5'],
    ['messages', 'any', 'Databricks-Claude-Opus-4-5', 'claude-opus-4-5'],
    ['messages', 'any', 'claude-4-sonnet', 'claude-sonnet-4'],
    [
      'converse',
      'any',
      'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-1-20250805-v1:0',
      'claude-opus-4-1',
    ],
    ['gemini', 'gemini', 'models/gemini-2.5-pro', 'gemini-2.5-pro'],
    ['gemini', 'gemini', 'projects/p/locations/l/publishers/google/models/gemini-2.5-flash', 'gemini-2.5-flash'],
    ['chat', 'openai', 'ft:gpt-4o-2024-08-06:acme::x1', 'gpt-4o'],
    ['chat', 'openai', 'GPT-5.1', 'gpt-5.1'],
    ['converse', 'any', 'us.amazon.nova-pro-v1:0', 'nova-pro'],
    ['converse', 'any', 'amazon.nova-2-lite-v1:0:256k', 'nova-2-lite'],
    ['converse', 'any', 'meta.llama3-3-70b-instruct-v1:0', 'llama3-3-70b-instruct'],
    ['ollama', 'ollama', 'hf.co/unsloth/Qwen3-8B-GGUF:Q4_K_M', 'qwen3-8b-gguf'],
    ['ollama', 'ollama', 'deepseek-r1:32b', 'deepseek-r1'],
  ])('on %s, %s: %s is %s', (form, protocol, model, like) => {
    expect(profileOf(form, protocol, model)).toEqual(profileOf(form, protocol, like))
    expect(profileOf(form, protocol, model).family).not.toBe('')
  })
})

describe('GPT (§5.1-3, §5.7-7)', () => {
  test.each<[model: string, sampling: Profile['sampling'], reasoning: Partial<ReasoningProfile>]>([
    ['gpt-4o', 'all', { style: 'none' }],
    ['gpt-4.1-mini', 'all', { style: 'none' }],
    ['gpt-5-chat-latest', 'all', { style: 'none' }],
    ['o1', 'none', { style: 'effort', efforts: low3, canBeOff: false, isOnByDefault: true }],
    ['o3-mini', 'none', { efforts: low3, canBeOff: false }],
    ['o4-mini-2025-04-16', 'none', { efforts: low3, canBeOff: false }],
    ['o1-mini', 'none', { style: 'none', canBeOff: false }],
    ['gpt-5', 'none', { efforts: ['minimal', ...low3], canBeOff: false, isOnByDefault: true }],
    ['gpt-5-mini', 'none', { efforts: ['minimal', ...low3], canBeOff: false }],
    ['gpt-5-nano-2025-08-07', 'none', { efforts: ['minimal', ...low3], canBeOff: false }],
    ['gpt-5-codex', 'none', { efforts: low3, canBeOff: false }],
    ['gpt-5-pro', 'none', { efforts: ['high'], canBeOff: false }],
    ['gpt-5.1', 'without_reasoning', { efforts: ['none', ...low3], canBeOff: true, isOnByDefault: false }],
    ['gpt-5.1-codex', 'none', { efforts: low3, canBeOff: false, isOnByDefault: true }],
    ['gpt-5.1-codex-max', 'none', { efforts: low4, canBeOff: false }],
    ['gpt-5.1-chat-latest', 'none', { efforts: ['medium'], canBeOff: false }],
    ['gpt-5.2', 'without_reasoning', { efforts: ['none', ...low4], isOnByDefault: false }],
    ['gpt-5.2-pro', 'none', { canBeOff: false }],
    ['gpt-5.3-codex', 'without_reasoning', { canBeOff: true, isOnByDefault: false }],
    ['gpt-5.4-mini', 'without_reasoning', { canBeOff: true, isOnByDefault: false }],
    ['gpt-5.5', 'without_reasoning', { canBeOff: true, isOnByDefault: true }],
    ['gpt-5.5-pro', 'none', { canBeOff: false }],
    ['gpt-5.6', 'without_reasoning', { canBeOff: true, isOnByDefault: true }],
    ['gpt-6-astra', 'none', { canBeOff: false, isOnByDefault: true }],
  ])('%s', (model, sampling, reasoning) => {
    for (const form of ['chat', 'responses']) {
      expect(profileOf(form, 'openai', model)).toMatchObject({ family: 'gpt', sampling, reasoning })
    }
    expect(profileOf('chat', 'azure', model)).toEqual(profileOf('chat', 'openai', model))
  })

  test.each<[model: string, systemRole: Profile['systemRole']]>([
    ['gpt-4o', 'system'],
    ['o3', 'developer'],
    ['gpt-5.2', 'developer'],
    ['o1-mini', 'user'],
  ])('%s hears the %s (§5.2)', (model, systemRole) => {
    expect(profileOf('chat', 'openai', model).systemRole).toBe(systemRole)
  })

  test('OpenAI and Azure are told max_completion_tokens, compatibles max_tokens (§5.1-3)', () => {
    expect(profileOf('chat', 'openai', 'gpt-4o').maxTokensField).toBe('max_completion_tokens')
    expect(profileOf('chat', 'azure', 'my-deployment').maxTokensField).toBe('max_completion_tokens')
    expect(profileOf('chat', 'openai', 'my-model').maxTokensField).toBe('max_tokens')
    expect(profileOf('chat', 'groq', 'openai/gpt-oss-120b').maxTokensField).toBe('max_tokens')
  })

  test('ids of calls may be longer on Responses (§5.6)', () => {
    expect(profileOf('chat', 'openai', 'gpt-5').toolIdMax).toBe(40)
    expect(profileOf('responses', 'openai', 'gpt-5').toolIdMax).toBe(64)
  })
})

describe('Gemini (§5.7)', () => {
  test.each<[model: string, reasoning: Partial<ReasoningProfile>, isThird: boolean]>([
    ['gemini-3-pro-preview', { style: 'level', efforts: low3, canBeOff: false }, true],
    ['gemini-3.1-pro-preview', { style: 'level', efforts: low3 }, true],
    ['gemini-3.7-flash', { style: 'level', efforts: low3 }, true],
    ['gemini-3-flash', { style: 'level', efforts: ['minimal', ...low3] }, true],
    ['gemini-flash-latest', { style: 'level' }, true],
    ['gemini-2.5-pro', { style: 'budget', budgetMin: 128, budgetMax: 32_768, canBeOff: false }, false],
    ['gemini-2.5-flash', { style: 'budget', budgetMax: 24_576, canBeOff: true, isOnByDefault: true }, false],
    ['gemini-2.5-flash-lite', { style: 'budget', budgetMin: 512, canBeOff: true, isOnByDefault: false }, false],
    ['gemini-2.0-flash', { style: 'none' }, false],
  ])('%s', (model, reasoning, isThird) => {
    expect(profileOf('gemini', 'gemini', model)).toMatchObject({
      family: 'gemini',
      reasoning,
      takesJsonWithTools: isThird,
      takesMediaInResults: isThird,
    })
  })
})

describe('compatible APIs (§12.6)', () => {
  test.each<[name: string, protocol: Protocol, model: string, says: Some]>([
    [
      'unknown ones get the default of the form',
      'openai',
      'my-model',
      {
        family: '',
        systemRole: 'system',
        includesUsage: true,
        takesStrict: false,
        structured: 'native',
        reasoning: { style: 'effort', efforts: [] } as never,
      },
    ],
    [
      'DeepSeek by protocol',
      'deepseek',
      'anything',
      { reasoning: { style: 'toggle', switchField: 'thinking', field: 'reasoning_content' } },
    ],
    [
      'DeepSeek V4 wants its thoughts back',
      'openai',
      'deepseek-v4',
      {
        family: 'deepseek',
        systemRole: 'system',
        reasoning: { style: 'toggle', history: 'require', isOnByDefault: true },
      },
    ],
    [
      'DeepSeek R1 refuses them',
      'openai',
      'deepseek-r1',
      { reasoning: { style: 'none', history: 'drop', canBeOff: false } },
    ],
    ['Kimi', 'openai', 'kimi-k2-0905-preview', { family: 'kimi', temperatureMax: 1, reasoning: { style: 'none' } }],
    [
      'Kimi that thinks',
      'openai',
      'kimi-k2-thinking',
      { temperatureMax: 1, reasoning: { history: 'require', canBeOff: false } },
    ],
    ['Kimi that may think', 'openai', 'kimi-k2.5', { reasoning: { style: 'toggle', history: 'require' } }],
    [
      'GLM',
      'openai',
      'glm-4.6',
      { family: 'glm', reasoning: { style: 'toggle', switchField: 'thinking', history: 'require' } },
    ],
    [
      'Qwen in its own cloud',
      'openai',
      'qwen3-32b',
      { family: 'qwen', alwaysStreams: true, reasoning: { style: 'toggle', switchField: 'enable_thinking' } },
    ],
    [
      'Qwen that only thinks',
      'openai',
      'qwen3-235b-a22b-thinking-2507',
      { alwaysStreams: true, reasoning: { style: 'none', canBeOff: false } },
    ],
    [
      'Qwen that does not',
      'openai',
      'qwen3-30b-a3b-instruct-2507',
      { alwaysStreams: false, reasoning: { style: 'none' } },
    ],
    [
      'Qwen on vLLM',
      'openai',
      'Qwen/Qwen3-32B',
      { alwaysStreams: false, reasoning: { style: 'toggle', switchField: 'chat_template_kwargs' } },
    ],
    ['Grok', 'openai', 'grok-4', { family: 'grok', stopMax: 0, reasoning: { style: 'none', canBeOff: false } }],
    ['Grok with effort', 'openai', 'grok-3-mini', { reasoning: { style: 'effort', efforts: ['low', 'high'] } }],
    [
      'Groq',
      'groq',
      'llama-3.3-70b-versatile',
      { takesN: false, structured: 'tool', reasoning: { style: 'none', field: 'reasoning' } },
    ],
    [
      'Groq with gpt-oss',
      'groq',
      'openai/gpt-oss-120b',
      {
        family: 'gpt-oss',
        structured: 'native',
        reasoning: { style: 'effort', efforts: low3, field: 'reasoning', canBeOff: false },
      },
    ],
    ['Groq with Qwen', 'groq', 'qwen/qwen3-32b', { reasoning: { style: 'effort', efforts: ['none', 'default'] } }],
    [
      'OpenRouter',
      'openai',
      'anthropic/claude-sonnet-4.5',
      {
        family: 'claude',
        takesCacheHints: true,
        maxTokensField: 'max_tokens',
        reasoning: { style: 'effort', field: 'reasoning' },
      },
    ],
    [
      'OpenRouter with GPT',
      'any',
      'openai/gpt-5',
      { family: 'gpt', maxTokensField: 'max_tokens', systemRole: 'system', reasoning: { field: 'reasoning' } },
    ],
    [
      'OpenRouter with DeepSeek',
      'openai',
      'deepseek/deepseek-r1:free',
      { family: 'deepseek', reasoning: { style: 'effort', field: 'reasoning', hasTags: false } },
    ],
    ['Together', 'openai', 'deepseek-ai/DeepSeek-R1', { reasoning: { hasTags: true } }],
    [
      'Fireworks',
      'openai',
      'accounts/fireworks/models/glm-4p6',
      { family: 'glm', reasoning: { field: 'reasoning_content' } },
    ],
    ['Perplexity', 'openai', 'sonar-pro', { mustStartWithUser: true, takesForcedTool: false }],
    [
      'Mistral',
      'mistral',
      'mistral-large-latest',
      { toolIdMax: 9, toolIdForm: 'mistral', includesUsage: false, takesPrefill: true, reasoning: { style: 'none' } },
    ],
    ['Mistral that thinks', 'mistral', 'magistral-medium-latest', { reasoning: { style: 'none', canBeOff: false } }],
    [
      'Mistral with effort',
      'mistral',
      'mistral-small-latest',
      { reasoning: { style: 'effort', efforts: ['none', 'high'] } },
    ],
    ['Llama does not think', 'openai', 'llama-3.1-8b-instruct', { family: 'llama', reasoning: { style: 'none' } }],
    [
      'MiniMax writes its thoughts into the text',
      'openai',
      'MiniMax-M2',
      { family: 'minimax', reasoning: { hasTags: true } },
    ],
  ])('%s: %s %s', (_, protocol, model, says) => {
    expect(profileOf('chat', protocol, model)).toMatchObject(says)
  })

  test('compatibles are not told what only OpenAI knows', () => {
    expect([...profileOf('chat', 'openai', 'my-model').refuses]).toEqual(['store', 'metadata', 'service_tier'])
    expect(profileOf('chat', 'openai', 'gpt-4o').refuses.has('store')).toBeFalse()
  })

  test('the longest beginning of a name wins, and a number is whole', () => {
    expect(profileOf('chat', 'openai', 'grok-4-fast-non-reasoning').stopMax).toBe(4)
    expect(profileOf('chat', 'openai', 'grok-41').stopMax).toBe(4)
    expect(profileOf('chat', 'openai', 'gpt-50').reasoning).toMatchObject({ canBeOff: false })
  })
})

describe('other forms', () => {
  test.each<[form: string, protocol: Protocol, model: string, says: Some]>([
    ['ollama', 'ollama', 'qwen3:8b', { reasoning: { style: 'think', efforts: ['none', 'on'] } }],
    ['ollama', 'ollama', 'gpt-oss:20b', { reasoning: { style: 'think', efforts: low3 } }],
    [
      'ollama',
      'ollama',
      'llama3.2',
      { reasoning: { style: 'think', efforts: ['none'] }, takesForcedTool: false, takesMediaUrls: false },
    ],
    [
      'converse',
      'any',
      'us.anthropic.claude-opus-4-6-v1:0',
      { toolIdMax: 64, takesMediaUrls: false, mustStartWithUser: false, reasoning: { style: 'adaptive' } },
    ],
    [
      'converse',
      'any',
      'amazon.nova-2-lite-v1:0',
      { mustStartWithUser: true, temperatureMax: 1, reasoning: { style: 'effort' } },
    ],
    ['converse', 'any', 'us.deepseek.r1-v1:0', { family: 'deepseek', reasoning: { canBeOff: false } }],
    [
      'converse',
      'any',
      'openai.gpt-oss-120b-1:0',
      { family: 'gpt-oss', reasoning: { style: 'effort', efforts: low3 } },
    ],
    ['cohere', 'cohere', 'command-a-reasoning-08-2025', { family: 'command', reasoning: { style: 'budget' } }],
    ['cohere', 'cohere', 'command-a-03-2025', { reasoning: { style: 'none' }, takesJsonWithTools: false }],
    ['messages', 'anthropic', 'kimi-k2-thinking', { family: 'kimi', reasoning: { style: 'budget' } }],
    ['gemini', 'gemini', 'gemma-3-27b-it', { family: 'gemma', systemRole: 'user', reasoning: { style: 'none' } }],
    ['responses', 'openai', 'my-model', { systemRole: 'developer', stopMax: 0, takesN: false }],
  ])('%s, %s: %s', (form, protocol, model, says) => {
    expect(profileOf(form, protocol, model)).toMatchObject(says)
  })

  test('a form of a converter is asked like a compatible one', () => {
    expect(profileOf('house', 'any', 'x')).toEqual(profileOf('chat', 'openai', 'x'))
  })
})

test('the config overrules what is known, member by member', () => {
  const own: ProfileOverrides = { stopMax: 2, reasoning: { style: 'toggle' } }
  const known = profileOf('chat', 'openai', 'gpt-5.1')
  expect(profileOf('chat', 'openai', 'gpt-5.1', own)).toEqual({
    ...known,
    stopMax: 2,
    reasoning: { ...known.reasoning, style: 'toggle' },
  })
})
