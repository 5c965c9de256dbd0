import type { Protocol } from '#core/dialect.ts'
import type { Form } from '#core/talk.ts'
import type { Profile, ProfileOverrides } from '#core/profile.ts'
import { familyOf, modelWords, type ModelWords } from './model-words.ts'
import { baseProfile } from './profile-bases.ts'
import { chatRows } from './profile-chat-names.ts'
import { claudeProfile } from './profile-claude.ts'
import { geminiProfile } from './profile-gemini.ts'
import { gptProfile } from './profile-gpt.ts'
import { otherRows } from './profile-other-names.ts'

/**
 * What is known of a model on a backend that is asked in `form`. The name is looked at without what clouds put around it:
 * `us.anthropic.claude-…-v1:0`, `claude-…@20250929`, `models/gemini-…`, `openai/gpt-…`.
 */
export function profileOf(form: Form, protocol: Protocol, model: string, own: ProfileOverrides = {}): Profile {
  const words = modelWords(model)
  const family = familyOf(words.name)
  // A vendor in front is the mark of somebody else who serves it.
  const isOpenai = family === 'gpt' && (form === 'responses' || (form === 'chat' && words.vendor === ''))
  const base = baseProfile(form, protocol, isOpenai)
  const layers = [
    family === '' ? {} : { family },
    isOpenai ? gptProfile(words.name, form) : familyProfile(family, form, protocol, words),
    ...rowsOf(form, protocol, words.name),
    ...hostOf(form, protocol, model, words),
    own,
  ]
  return layers.reduce(overruled, base)
}

function overruled(profile: Profile, own: ProfileOverrides): Profile {
  return { ...profile, ...own, reasoning: { ...profile.reasoning, ...own.reasoning } }
}

function familyProfile(family: string, form: Form, protocol: Protocol, words: ModelWords): ProfileOverrides {
  if (family === 'claude') return claudeProfile(words.name, form, protocol === 'anthropic')
  if (family === 'gemini') return geminiProfile(words.name, form)
  return {}
}

/** The rows whose names fit, the vaguest first. */
function rowsOf(form: Form, protocol: Protocol, name: string): readonly ProfileOverrides[] {
  const found: Compiled[] = []
  for (const row of compiled) {
    if (row.form !== form || (row.protocols !== undefined && !row.protocols.includes(protocol))) continue
    if (row.pattern.test(name)) found.push(row)
  }
  return found.toSorted((one, other) => one.weight - other.weight).map((row) => row.says)
}

interface Compiled {
  readonly form: string
  readonly protocols: readonly Protocol[] | undefined
  readonly pattern: RegExp
  readonly weight: number
  readonly says: ProfileOverrides
}

/** A number at the end of a name is whole: `grok-4` is not the beginning of `grok-41`. */
const compiled: readonly Compiled[] = [...chatRows, ...otherRows].flatMap(({ form, protocols, names, says }) =>
  names.split(' ').map((name) => {
    const source = name.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    const end = /\d$/.test(name) ? '(?!\\d)' : ''
    // A row that names a protocol, too, knows more than any that does not.
    const weight = name.length + (protocols === undefined ? 0 : 1000)
    return { form, protocols, pattern: new RegExp(`^${source.join('.*')}${end}`), weight, says }
  }),
)

/** What is known of a host by how it names models; its own words about thinking stand above those of a model's maker. */
function hostOf(form: Form, protocol: Protocol, model: string, words: ModelWords): readonly ProfileOverrides[] {
  if (form !== 'chat' || (protocol !== 'openai' && protocol !== 'any')) return []
  if (model.startsWith('accounts/fireworks/')) return [{ reasoning: { field: 'reasoning_content' } }]
  if (words.vendor === '') return []
  if (vendorsOfOpenrouter.has(words.vendor) && model === model.toLowerCase()) return [openrouter]
  // Names as on Hugging Face: vLLM, SGLang and those who run them.
  return [{ alwaysStreams: false, reasoning: { switchField: 'chat_template_kwargs' } }]
}

/** It asks every model in the same words, and leaves out what one does not take. */
const openrouter: ProfileOverrides = {
  maxTokensField: 'max_tokens',
  stopMax: 4,
  alwaysStreams: false,
  reasoning: {
    style: 'effort',
    efforts: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'],
    canBeOff: true,
    field: 'reasoning',
    history: 'optional',
    hasTags: false,
  },
}

const vendorsOfOpenrouter: ReadonlySet<string> = new Set(
  'openai anthropic google x-ai meta-llama mistralai deepseek qwen moonshotai z-ai minimax nvidia cohere perplexity amazon microsoft nousresearch baidu bytedance-seed tencent stepfun ai21 inception liquid arcee-ai xiaomi thudm openrouter'.split(
    ' ',
  ),
)
