import { asNumber, asObject, asText } from '#kit/json-value.ts'
import type { Effort, Reasoning } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import type { Fields } from './fields.ts'

/** How much a client wants to be thought: in OpenAI's word, or in one of those that compatible APIs have beside it. */
export function readReasoning(fields: Fields, notes: Notes): Reasoning | undefined {
  const said: Said[] = [
    ofEffort(fields, notes),
    ofRouter(fields, notes),
    ofThinking(fields, notes),
    ofSwitches(fields, notes),
    ofGoogle(fields, notes),
    ofVisibility(fields),
  ]
  const reasoning: Said = {}
  for (const more of said) {
    reasoning.effort ??= more.effort
    reasoning.budgetTokens ??= more.budgetTokens
    reasoning.kind ??= more.kind
    reasoning.visibility ??= more.visibility
    reasoning.summary ??= more.summary
  }
  const told = Object.entries(reasoning).filter(([, value]) => value !== undefined)
  return told.length === 0 ? undefined : Object.fromEntries(told)
}

type Said = { -readonly [Name in keyof Reasoning]: Reasoning[Name] }

const efforts: ReadonlyMap<unknown, Effort> = new Map(
  (['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const).map((effort) => [effort, effort]),
)

function ofEffort(fields: Fields, notes: Notes): Said {
  const told = fields.text('reasoning_effort')
  // Groq's word for the model's own choice.
  if (told === undefined || told === 'default') return {}
  const effort = efforts.get(told)
  if (effort === undefined) notes.reject('reasoning_effort', `the effort "${told}" is not supported`)
  return { effort }
}

/** OpenRouter's `reasoning`. */
function ofRouter(fields: Fields, notes: Notes): Said {
  const reasoning = fields.object('reasoning')
  if (reasoning === undefined) return {}
  tellUnknown(reasoning, routerMembers, 'reasoning', notes)
  const isOff = reasoning['enabled'] === false
  return {
    effort: efforts.get(reasoning['effort']) ?? (isOff ? 'none' : undefined),
    budgetTokens: asNumber(reasoning['max_tokens']) ?? undefined,
    kind: isOff ? 'off' : undefined,
    visibility: reasoning['exclude'] === true ? 'none' : undefined,
    summary: asText(reasoning['summary']),
  }
}

/** `thinking`, as Anthropic has it, and with it DeepSeek, GLM and Kimi. */
function ofThinking(fields: Fields, notes: Notes): Said {
  const thinking = fields.object('thinking')
  tellUnknown(thinking ?? {}, thinkingMembers, 'thinking', notes)
  const budgetTokens = asNumber(thinking?.['budget_tokens'])
  switch (thinking?.['type']) {
    case 'disabled':
      return { effort: 'none', kind: 'off' }
    case 'adaptive':
      return { kind: 'adaptive' }
    case 'enabled':
      return budgetTokens === undefined ? { budgetTokens: -1 } : { kind: 'budget', budgetTokens }
    default:
      return {}
  }
}

/** Qwen's switches, and those of servers that hand them to the template of the prompt. */
function ofSwitches(fields: Fields, notes: Notes): Said {
  const template = asObject(fields.any('chat_template_kwargs')) ?? {}
  tellUnknown(template, templateMembers, 'chat_template_kwargs', notes)
  const isOn = fields.flag('enable_thinking') ?? template['enable_thinking'] ?? template['thinking']
  const budgetTokens = fields.number('thinking_budget') ?? asNumber(template['thinking_budget'])
  if (isOn === false) return { effort: 'none', kind: 'off' }
  if (budgetTokens !== undefined) return { kind: 'budget', budgetTokens }
  return isOn === true ? { budgetTokens: -1 } : {}
}

/** `extra_body.google.thinking_config` of Gemini's compatible API. */
function ofGoogle(fields: Fields, notes: Notes): Said {
  const extra = asObject(fields.any('extra_body')) ?? {}
  const google = asObject(extra['google']) ?? fields.object('google')
  const config = asObject(google?.['thinking_config'])
  tellUnknown(extra, extraMembers, 'extra_body', notes)
  tellUnknown(google ?? {}, googleMembers, 'google', notes)
  tellUnknown(config ?? {}, googleThinking, 'google.thinking_config', notes)
  if (config === undefined) return {}
  const level = asText(config['thinking_level'])?.toLowerCase()
  const budgetTokens = asNumber(config['thinking_budget'])
  const kind = budgetTokens === undefined ? undefined : budgetTokens === 0 ? 'off' : 'budget'
  const effort = efforts.get(level) ?? (budgetTokens === 0 ? 'none' : undefined)
  return { effort, budgetTokens, kind, visibility: config['include_thoughts'] === true ? 'full' : undefined }
}

const templateMembers = membersOf('enable_thinking thinking thinking_budget')
const routerMembers = membersOf('effort max_tokens enabled exclude summary')
const thinkingMembers = membersOf('type budget_tokens')
const extraMembers = membersOf('google')
const googleMembers = membersOf('thinking_config')
const googleThinking = membersOf('thinking_level thinking_budget include_thoughts')

function ofVisibility(fields: Fields): Said {
  const included = fields.flag('include_reasoning')
  const format = fields.text('reasoning_format')
  return { visibility: included === false || format === 'hidden' ? 'none' : undefined }
}
