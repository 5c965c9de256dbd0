import type { ProfileOverrides } from '#core/profile.ts'
import { alwaysThinking, textOnly, type NameRow } from './name-row.ts'

const withoutThoughts: ProfileOverrides = { reasoning: { style: 'none' } }

/** Models that compatible APIs serve (formats §12.6). */
export const chatRows: readonly NameRow[] = [
  { form: 'chat', names: 'llama meta-llama mixtral gemma phi- phi4 nova- aya command', says: withoutThoughts },
  {
    form: 'chat',
    names: 'gpt-oss',
    says: {
      media: textOnly,
      reasoning: {
        style: 'effort',
        efforts: ['low', 'medium', 'high'],
        canBeOff: false,
        isOnByDefault: true,
        field: 'reasoning',
        history: 'optional',
      },
    },
  },
  { form: 'chat', protocols: ['groq'], names: 'gpt-oss', says: { structured: 'native' } },
  { form: 'chat', protocols: ['groq'], names: 'llama-4 kimi-k2', says: { structured: 'native' } },
  {
    form: 'chat',
    protocols: ['groq'],
    names: 'qwen3 qwen-3',
    says: { reasoning: { style: 'effort', efforts: ['none', 'default'], isOnByDefault: true, history: 'drop' } },
  },
  {
    form: 'chat',
    protocols: ['groq'],
    names: 'deepseek-r1 qwen-qwq',
    says: { reasoning: { ...alwaysThinking, hasTags: false } },
  },

  {
    form: 'chat',
    names: 'deepseek',
    says: {
      media: textOnly,
      structured: 'instruction',
      stopMax: 16,
      takesParallelSwitch: false,
      reasoning: { style: 'toggle', history: 'require' },
    },
  },
  { form: 'chat', names: 'deepseek-chat deepseek-v3', says: { reasoning: { isOnByDefault: false } } },
  {
    form: 'chat',
    names: 'deepseek-reasoner deepseek-v4',
    says: { sampling: 'without_reasoning', reasoning: { isOnByDefault: true } },
  },
  {
    form: 'chat',
    names: 'deepseek-r1',
    says: { sampling: 'all', reasoning: { ...alwaysThinking, history: 'drop', hasTags: true } },
  },
  { form: 'chat', names: 'deepseek-coder', says: withoutThoughts },

  {
    form: 'chat',
    names: 'moonshot kimi',
    says: { temperatureMax: 1, structured: 'instruction', takesParallelSwitch: false, reasoning: { style: 'none' } },
  },
  {
    form: 'chat',
    names: 'kimi-k2-thinking kimi-thinking',
    says: { media: textOnly, takesForcedTool: false, reasoning: { ...alwaysThinking, history: 'require' } },
  },
  {
    form: 'chat',
    names: 'kimi-k2.5 kimi-k2.6 kimi-k2.7 kimi-k3 kimi-latest',
    says: {
      structured: 'native',
      takesForcedTool: false,
      reasoning: { style: 'toggle', isOnByDefault: true, history: 'require' },
    },
  },

  {
    form: 'chat',
    names: 'glm-',
    says: {
      temperatureMax: 1,
      stopMax: 1,
      structured: 'instruction',
      takesForcedTool: false,
      takesParallelSwitch: false,
      reasoning: { style: 'none' },
    },
  },
  {
    form: 'chat',
    names: 'glm-4.5 glm-4.6 glm-4.7 glm-5',
    says: { media: textOnly, reasoning: { style: 'toggle', isOnByDefault: true, history: 'require' } },
  },
  { form: 'chat', names: 'glm-4.5v glm-4.6v', says: { media: new Set(['image', 'video', 'file'] as const) } },

  {
    form: 'chat',
    names: 'qwen',
    says: {
      temperatureMax: 2,
      takesParallelSwitch: true,
      reasoning: { style: 'none', switchField: 'enable_thinking' },
    },
  },
  {
    form: 'chat',
    names: 'qwen3- qwen3.5 qwen3.6 qwen-plus qwen-turbo qwen-flash qwen-max qwen3-max',
    // Its template shows the model the thoughts of the turn that is going on.
    says: { reasoning: { style: 'toggle', budgetMax: 38_912, history: 'optional' } },
  },
  // Its own cloud answers these only in streams, as long as they may think.
  {
    form: 'chat',
    names: 'qwen3-0.6b qwen3-1.7b qwen3-4b qwen3-8b qwen3-14b qwen3-32b qwen3-30b qwen3-235b',
    says: { alwaysStreams: true, reasoning: { isOnByDefault: true } },
  },
  {
    form: 'chat',
    names: 'qwen3-coder qwen3-*-instruct qwen3-next-*-instruct',
    says: { alwaysStreams: false, reasoning: { style: 'none', isOnByDefault: false, history: 'drop' } },
  },
  {
    form: 'chat',
    names: 'qwq qvq qwen3-*-thinking qwen3-next-*-thinking',
    says: { alwaysStreams: true, reasoning: { ...alwaysThinking, hasTags: true, history: 'optional' } },
  },

  { form: 'chat', names: 'grok-', says: { reasoning: { style: 'none' } } },
  {
    form: 'chat',
    names: 'grok-3-mini',
    says: {
      stopMax: 0,
      refuses: new Set(['store', 'metadata', 'service_tier', 'presence_penalty', 'frequency_penalty']),
      reasoning: { style: 'effort', efforts: ['low', 'high'], canBeOff: false, isOnByDefault: true },
    },
  },
  {
    form: 'chat',
    names: 'grok-4 grok-5 grok-code grok-build',
    says: {
      stopMax: 0,
      refuses: new Set(['store', 'metadata', 'service_tier', 'presence_penalty', 'frequency_penalty']),
      reasoning: alwaysThinking,
    },
  },
  {
    form: 'chat',
    names: 'grok-4.3 grok-latest',
    says: { reasoning: { style: 'effort', efforts: ['low', 'medium', 'high'], canBeOff: false, isOnByDefault: true } },
  },
  {
    form: 'chat',
    names: 'grok-4-fast-non-reasoning grok-4-1-fast-non-reasoning grok-4.1-fast-non-reasoning',
    says: {
      stopMax: 4,
      refuses: new Set(['store', 'metadata', 'service_tier']),
      reasoning: { style: 'none', isOnByDefault: false },
    },
  },

  {
    form: 'chat',
    names: 'mistral ministral codestral devstral pixtral open-mistral open-mixtral voxtral',
    says: withoutThoughts,
  },
  { form: 'chat', names: 'magistral', says: { reasoning: { ...alwaysThinking, history: 'optional' } } },
  {
    form: 'chat',
    names: 'mistral-small-4 mistral-small-latest mistral-medium-3-5 mistral-medium-3.5 mistral-medium-latest',
    says: { reasoning: { style: 'effort', efforts: ['none', 'high'], history: 'optional' } },
  },
  { form: 'chat', protocols: ['mistral'], names: 'voxtral', says: { media: new Set(['audio'] as const) } },

  {
    form: 'chat',
    names: 'sonar',
    says: {
      wantsSingleSystem: true,
      mustStartWithUser: true,
      takesInlineSystem: false,
      stopMax: 0,
      takesN: false,
      takesForcedTool: false,
      takesParallelSwitch: false,
      reasoning: { style: 'none' },
    },
  },
  {
    form: 'chat',
    names: 'sonar-reasoning sonar-deep-research',
    says: { reasoning: { ...alwaysThinking, hasTags: true } },
  },

  { form: 'chat', names: 'minimax-m', says: { reasoning: { ...alwaysThinking, hasTags: true, history: 'require' } } },
  { form: 'chat', names: 'doubao-seed', says: { reasoning: { style: 'toggle', isOnByDefault: true } } },
]
