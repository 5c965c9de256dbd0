import { alwaysThinking, textOnly, type NameRow } from './name-row.ts'

const ollamaThinks = [
  'deepseek-r1',
  'deepseek-v3.1',
  'deepseek-v3.2',
  'deepseek-v4',
  'qwen3',
  'qwen3.5',
  'qwen3-vl',
  'qwen3-next',
  'magistral',
  'glm-4',
  'glm-5',
  'kimi-k2-thinking',
  'kimi-k2.5',
  'cogito',
  'nemotron',
  'gemma4',
  'minimax-m2',
  'granite4',
  'exaone-deep',
  'olmo-3',
  'gemini-3',
  'smollm3',
].join(' ')

const ollamaRows: readonly NameRow[] = [
  { form: 'ollama', names: ollamaThinks, says: { reasoning: { efforts: ['none', 'on'], isOnByDefault: true } } },
  { form: 'ollama', names: 'qwen3-coder', says: { reasoning: { efforts: ['none'], isOnByDefault: false } } },
  {
    form: 'ollama',
    names: 'gpt-oss',
    says: { media: textOnly, reasoning: { efforts: ['low', 'medium', 'high'], canBeOff: true, isOnByDefault: true } },
  },
]

const converseRows: readonly NameRow[] = [
  {
    form: 'converse',
    names: 'nova-',
    says: {
      outputTokensMax: 10_000,
      stopMax: 4,
      media: new Set(['image', 'video', 'file'] as const),
      takesMediaInResults: true,
      takesCacheHints: true,
    },
  },
  { form: 'converse', names: 'nova-micro', says: { media: textOnly } },
  {
    form: 'converse',
    names: 'nova-2',
    says: {
      outputTokensMax: 65_535,
      sampling: 'without_reasoning',
      reasoning: { style: 'effort', efforts: ['low', 'medium', 'high'], canBeOff: true },
    },
  },
  {
    form: 'converse',
    names: 'gpt-oss',
    says: {
      outputTokensMax: 16_384,
      media: textOnly,
      takesForcedTool: false,
      structured: 'instruction',
      reasoning: { style: 'effort', efforts: ['low', 'medium', 'high'], canBeOff: false, isOnByDefault: true },
    },
  },
  {
    form: 'converse',
    names: 'llama command jamba deepseek v3 qwen',
    says: { media: textOnly, takesForcedTool: false, structured: 'instruction' },
  },
  {
    form: 'converse',
    names: 'llama3-2-11b llama3-2-90b llama4',
    says: { media: new Set(['image', 'file'] as const) },
  },
  {
    form: 'converse',
    names: 'r1',
    says: {
      outputTokensMax: 32_768,
      media: textOnly,
      takesForcedTool: false,
      structured: 'instruction',
      reasoning: alwaysThinking,
    },
  },
]

const variousRows: readonly NameRow[] = [
  {
    form: 'cohere',
    names: 'command-a-reasoning',
    says: {
      outputTokensMax: 32_768,
      reasoning: { style: 'budget', budgetMin: 1, budgetMax: 31_000, isOnByDefault: true },
    },
  },
  { form: 'cohere', names: 'command-r command-a-0 command-light command-nightly', says: { media: textOnly } },
  { form: 'gemini', names: 'gemma', says: { systemRole: 'user', outputTokensMax: 8192, structured: 'instruction' } },
  // Others than Claude that answer on the form of Anthropic.
  { form: 'messages', names: 'deepseek', says: { media: textOnly, reasoning: { history: 'require' } } },
  {
    form: 'messages',
    names: 'kimi glm minimax',
    says: { outputTokensMax: 32_768, reasoning: { history: 'require' } },
  },
]

/** Models on forms other than Chat's. */
export const otherRows: readonly NameRow[] = [...ollamaRows, ...converseRows, ...variousRows]
