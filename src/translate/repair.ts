import type { Profile, ProfileOverrides } from '#core/profile.ts'

/** What an error answer taught about a model: how it wants to be asked (formats §15.3). */
export interface Repair {
  /** For logs. */
  readonly rule: string
  /** In place of what was thought of it. */
  readonly own: ProfileOverrides
  /** For the request alone that was refused: nothing about the model is wrong. */
  readonly isForOne?: true
}

/**
 * What a refused request says about the model that refused it, where asking it in another way would help and nothing that
 * was said is left out: no message, tool, media or schema. Undefined: the request itself is at fault, or nobody knows.
 */
export function repairFor(message: string, profile: Profile): Repair | undefined {
  for (const rule of rules) {
    const found = rule.says.exec(message)
    const own = found === null ? undefined : rule.mend(found, profile)
    if (own !== undefined) return { rule: rule.name, own, ...(rule.isForOne === true && { isForOne: true }) }
  }
  return undefined
}

interface Rule {
  readonly name: string
  readonly says: RegExp
  readonly isForOne?: boolean
  /** Undefined: that is known already, and did not help. */
  mend(found: RegExpExecArray, profile: Profile): ProfileOverrides | undefined
}

/** The more special ones first. */
const rules: readonly Rule[] = [
  {
    name: 'max_tokens_field',
    says: /use ['"`]?(max_completion_tokens|max_tokens)['"`]? instead/i,
    mend: ([, field], { maxTokensField }) =>
      field === maxTokensField || (field !== 'max_tokens' && field !== 'max_completion_tokens')
        ? undefined
        : { maxTokensField: field },
  },
  {
    name: 'max_tokens_field',
    says: /(?:unsupported|unrecognized|unknown|extra)\b.*\bmax_completion_tokens\b/i,
    mend: (_, { maxTokensField }) =>
      maxTokensField === 'max_completion_tokens' ? { maxTokensField: 'max_tokens' } : undefined,
  },
  {
    name: 'temperature_and_top_p',
    says: /temperature\b.*\btop_p\b.*cannot both be specified/i,
    mend: (_, { takesTemperatureWithTopP }) =>
      takesTemperatureWithTopP ? { takesTemperatureWithTopP: false } : undefined,
  },
  {
    name: 'sampling',
    says: /\b(?:temperature|top_p|top_k)\b.*(?:not supported|unsupported|deprecated|only the default|only 1(?:\.0)? |may only be set)|(?:unsupported|unrecognized|unknown)\b.*\b(?:temperature|top_p|top_k)\b|\b(?:temperature|top_p|top_k): extra inputs/i,
    mend: (_, { sampling }) => (sampling === 'none' ? undefined : { sampling: 'none' }),
  },
  {
    name: 'stream_options',
    says: /\bstream_options\b/i,
    mend: (_, { includesUsage }) => (includesUsage ? { includesUsage: false } : undefined),
  },
  {
    name: 'system_role',
    says: /(?:does not support|unsupported|invalid|not supported|unknown)\b[^.]*\b(system|developer)\b|\brole\b[^.]*\b(system|developer)\b[^.]*(?:not supported|unsupported|invalid)/i,
    mend: (_, { systemRole }) =>
      systemRole === 'developer'
        ? { systemRole: 'system' }
        : systemRole === 'system'
          ? { systemRole: 'user' }
          : undefined,
  },
  {
    name: 'effort',
    says: /\beffort\b.*(?:supported values are|allowed values|must be one of|one of)[^a-z]*((?:['"`]?\b(?:none|minimal|low|medium|high|xhigh|max)\b['"`]?(?:\s*(?:,|and|or|\band\b)+\s*)?)+)/i,
    mend: ([, list = ''], { reasoning }) => {
      const told = new Set(list.toLowerCase().match(/none|minimal|low|medium|xhigh|high|max/g))
      const efforts = everyEffort.filter((effort) => told.has(effort))
      return efforts.length === 0 || efforts.join() === reasoning.efforts.join()
        ? undefined
        : { reasoning: { efforts } }
    },
  },
  {
    name: 'thinking_style',
    says: /adaptive thinking is not supported|thinking\.type.*adaptive.*(?:not supported|unsupported)/i,
    mend: (_, { reasoning }) => (reasoning.style === 'adaptive' ? { reasoning: { style: 'budget' } } : undefined),
  },
  {
    name: 'thinking_style',
    says: /\b(?:thinking|budget_tokens)\b.{0,200}\b(?:use|requires?)\b.{0,60}\badaptive\b/i,
    mend: (_, { reasoning }) => (reasoning.style === 'budget' ? { reasoning: { style: 'adaptive' } } : undefined),
  },
  {
    name: 'foreign_thoughts',
    says: /invalid [`'"]?signature|encrypted content.*(?:did not match|could not be)|thought.?signature.*(?:corrupt|invalid|not valid)/i,
    isForOne: true,
    mend: (_, { family }) => (family === '' ? undefined : { family: '' }),
  },
  {
    name: 'schema_subset',
    says: /unknown name "(?:additionalProperties|parametersJsonSchema|responseJsonSchema|\$ref|\$defs|const|anyOf|oneOf)"/i,
    mend: (_, { takesJsonSchema }) => (takesJsonSchema ? { takesJsonSchema: false } : undefined),
  },
  {
    name: 'strict_tools',
    says: /(?:unsupported|unrecognized|unknown|extra)\b.*\bstrict\b|\bstrict: extra inputs/i,
    mend: (_, { takesStrict }) => (takesStrict ? { takesStrict: false } : undefined),
  },
  {
    name: 'refused_field',
    says: /(?:unsupported parameter|unrecognized request argument(?: supplied)?|unknown (?:parameter|field|argument)|property)s?:? ['"`]?([a-z_]+)['"`]?|\b([a-z_]+): extra inputs are not permitted/i,
    mend: ([, one, other], { refuses }) => {
      const field = one ?? other ?? ''
      return hints.has(field) && !refuses.has(field) ? { refuses: new Set([...refuses, field]) } : undefined
    },
  },
]

const everyEffort = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

/** Fields without which the answer is still right. */
const hints: ReadonlySet<string> = new Set([
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'metadata',
  'parallel_tool_calls',
  'prediction',
  'presence_penalty',
  'prompt_cache_key',
  'prompt_cache_retention',
  'reasoning_effort',
  'repetition_penalty',
  'safety_identifier',
  'seed',
  'service_tier',
  'store',
  'top_logprobs',
  'user',
  'verbosity',
])

/** What was learned earlier, and what is new. */
export function withRepair(earlier: ProfileOverrides, { own }: Repair): ProfileOverrides {
  return { ...earlier, ...own, reasoning: { ...earlier.reasoning, ...own.reasoning } }
}
