import type { Protocol } from '#core/dialect.ts'
import type { KnownForm } from '#core/talk.ts'
import type { Profile, ReasoningProfile } from '#core/profile.ts'

/** What holds for a form where nothing more is known of the model. `isOpenai`: it is one that OpenAI serves itself. */
export function baseProfile(form: string, protocol: Protocol, isOpenai: boolean): Profile {
  if (form === 'chat' || form === 'completions')
    return isOpenai ? openaiItself : (byProtocol.get(protocol) ?? compatible)
  return byForm.get(form) ?? compatible
}

const nothing: ReadonlySet<string> = new Set()

const reasoning: ReasoningProfile = {
  style: 'effort',
  efforts: [],
  budgetMin: 1024,
  budgetMax: 0,
  canBeOff: true,
  isOnByDefault: false,
  history: 'drop',
  field: 'reasoning_content',
  switchField: 'thinking',
  hasTags: false,
  takesSummary: false,
}

/** An API that calls itself compatible with OpenAI's. */
const compatible: Profile = {
  family: '',
  outputTokensMax: 8192,
  maxTokensField: 'max_tokens',
  systemRole: 'system',
  takesInlineSystem: true,
  wantsSingleSystem: false,
  mustStartWithUser: false,
  sampling: 'all',
  temperatureMax: 2,
  takesTemperatureWithTopP: true,
  stopMax: 4,
  takesN: true,
  takesPrefill: false,
  media: new Set(['image', 'audio', 'file'] as const),
  takesMediaUrls: true,
  reasoning,
  structured: 'native',
  takesJsonWithTools: true,
  takesJsonSchema: true,
  takesMediaInResults: false,
  takesParallelSwitch: true,
  takesForcedTool: true,
  takesStrict: false,
  toolIdMax: 40,
  toolNameMax: 64,
  toolIdForm: 'any',
  takesCallIds: true,
  includesUsage: true,
  takesCacheHints: false,
  refuses: new Set(['store', 'metadata', 'service_tier']),
  alwaysStreams: false,
}

/** What OpenAI itself takes, on its own hosts and Azure's. */
const openaiItself: Profile = {
  ...compatible,
  family: 'gpt',
  outputTokensMax: 16_384,
  maxTokensField: 'max_completion_tokens',
  takesStrict: true,
  media: new Set(['image', 'file'] as const),
  refuses: nothing,
}

const deepseek: Profile = {
  ...compatible,
  family: 'deepseek',
  stopMax: 16,
  takesN: false,
  media: new Set(),
  takesParallelSwitch: false,
  // JSON of any shape is all that it can be asked for.
  structured: 'instruction',
  reasoning: { ...reasoning, style: 'toggle' },
}

const groq: Profile = {
  ...compatible,
  takesN: false,
  media: new Set(['image'] as const),
  structured: 'tool',
  takesJsonWithTools: false,
  refuses: new Set(['store', 'metadata', 'logprobs', 'top_logprobs', 'logit_bias', 'name', 'prediction', 'verbosity']),
  reasoning: { ...reasoning, style: 'none', field: 'reasoning' },
}

const mistral: Profile = {
  ...compatible,
  family: 'mistral',
  temperatureMax: 1.5,
  takesPrefill: true,
  toolIdMax: 9,
  toolIdForm: 'mistral',
  takesStrict: true,
  includesUsage: false,
  reasoning: { ...reasoning, style: 'none' },
  refuses: new Set([
    'store',
    'metadata',
    'service_tier',
    'logprobs',
    'top_logprobs',
    'logit_bias',
    'user',
    'safety_identifier',
    'stream_options',
    'verbosity',
    'name',
  ]),
}

const byProtocol: ReadonlyMap<Protocol, Profile> = new Map([
  ['azure', openaiItself],
  ['deepseek', deepseek],
  ['groq', groq],
  ['mistral', mistral],
])

const responses: Profile = {
  ...openaiItself,
  systemRole: 'developer',
  stopMax: 0,
  takesN: false,
  toolIdMax: 64,
  takesMediaInResults: true,
}

const messages: Profile = {
  ...compatible,
  temperatureMax: 1,
  takesInlineSystem: false,
  stopMax: 8191,
  takesN: false,
  takesPrefill: true,
  media: new Set(['image', 'file'] as const),
  structured: 'tool',
  takesMediaInResults: true,
  toolIdMax: 128,
  toolNameMax: 128,
  toolIdForm: 'anthropic',
  refuses: nothing,
  reasoning: { ...reasoning, style: 'budget', budgetMax: 32_768, history: 'optional' },
}

const gemini: Profile = {
  ...compatible,
  outputTokensMax: 65_536,
  takesInlineSystem: false,
  mustStartWithUser: true,
  stopMax: 5,
  media: new Set(['image', 'audio', 'video', 'file'] as const),
  takesMediaUrls: false,
  takesParallelSwitch: false,
  toolIdMax: 128,
  toolNameMax: 128,
  refuses: nothing,
  reasoning: { ...reasoning, style: 'none', history: 'optional' },
}

const converse: Profile = {
  ...compatible,
  outputTokensMax: 4096,
  temperatureMax: 1,
  takesInlineSystem: false,
  mustStartWithUser: true,
  stopMax: 10,
  takesN: false,
  media: new Set(['image', 'file'] as const),
  takesMediaUrls: false,
  structured: 'tool',
  takesParallelSwitch: false,
  toolIdMax: 64,
  toolIdForm: 'anthropic',
  refuses: nothing,
  reasoning: { ...reasoning, style: 'none' },
}

const ollama: Profile = {
  ...compatible,
  stopMax: 64,
  takesN: false,
  media: new Set(['image'] as const),
  takesMediaUrls: false,
  // Its grammar for the answer leaves no way to call.
  takesJsonWithTools: false,
  takesParallelSwitch: false,
  takesForcedTool: false,
  toolIdMax: 64,
  refuses: nothing,
  // A model that cannot think takes no other word.
  reasoning: { ...reasoning, style: 'think', efforts: ['none'], history: 'optional' },
}

const cohere: Profile = {
  ...compatible,
  family: 'command',
  temperatureMax: 1,
  stopMax: 5,
  takesN: false,
  media: new Set(['image'] as const),
  takesJsonWithTools: false,
  takesParallelSwitch: false,
  takesStrict: true,
  toolIdMax: 64,
  refuses: nothing,
  reasoning: { ...reasoning, style: 'none' },
}

const byForm: ReadonlyMap<string, Profile> = new Map<KnownForm, Profile>([
  ['responses', responses],
  ['messages', messages],
  ['gemini', gemini],
  ['converse', converse],
  ['ollama', ollama],
  ['cohere', cohere],
])
