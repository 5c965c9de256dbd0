import type { ProfileOverrides, ReasoningProfile } from '#core/profile.ts'

/**
 * What is known of a Claude, by its generation: what a new one takes, its successors take too. `isDirect`: asked at
 * Anthropic, whose newest models nobody has to name here.
 */
export function claudeProfile(name: string, form: string, isDirect: boolean): ProfileOverrides {
  const { tier, version } = generationOf(name)
  const isLineOfItsOwn = tier === 'fable' || tier === 'mythos'
  // The newest are asked as nobody forces a tool, as they think.
  const canFollowSchema = version >= 405 || (tier === 'opus' && version >= 401)
  const common: ProfileOverrides = {
    family: 'claude',
    outputTokensMax: outputMax(tier, version, name, isDirect),
    sampling: version >= 407 ? 'none' : 'without_reasoning',
    temperatureMax: 1,
    takesTemperatureWithTopP: false,
    takesForcedTool: !isLineOfItsOwn,
    takesCacheHints: true,
    structured: canFollowSchema ? 'native' : 'tool',
    takesStrict: canFollowSchema,
    takesPrefill: version < 406,
  }
  if (form === 'chat' || form === 'completions') {
    return {
      ...common,
      takesPrefill: false,
      takesStrict: false,
      structured: 'native',
      reasoning: { history: 'optional' },
    }
  }
  return {
    ...common,
    media: new Set(['image', 'file'] as const),
    takesMediaInResults: true,
    takesParallelSwitch: true,
    takesInlineSystem: form === 'messages' && version >= 408,
    mustStartWithUser: false,
    stopMax: 8191,
    reasoning: thinking(tier, version, outputMax(tier, version, name, isDirect)),
  }
}

/** `version`: 405 for 4.5. */
function generationOf(name: string): { readonly tier: string; readonly version: number } {
  const tier = /opus|sonnet|haiku|fable|mythos|instant/.exec(name)?.[0] ?? ''
  const numbers = /^claude-(?:[a-z]+-)?(\d{1,2})(?:-(\d{1,2})(?!\d))?(?!\d)/.exec(name)
  if (numbers === null) return { tier, version: newest }
  return { tier, version: Number(numbers[1]) * 100 + Number(numbers[2] ?? 0) }
}

/** Of names without a number. */
const newest = 500

function outputMax(tier: string, version: number, name: string, isDirect: boolean): number {
  if (!/\d/.test(name)) return isDirect ? 128_000 : 4096
  if (version >= 406) return 128_000
  if (version >= 405) return 64_000
  if (version >= 400) return tier === 'opus' ? 32_000 : 64_000
  if (version >= 307) return 64_000
  return version >= 305 ? 8192 : 4096
}

function thinking(tier: string, version: number, outputTokensMax: number): Partial<ReasoningProfile> {
  if (version < 307) return { style: 'none', history: 'drop', canBeOff: true, isOnByDefault: false }
  const shared = { budgetMin: 1024, budgetMax: outputTokensMax - 1, history: 'optional', canBeOff: true } as const
  if (version < 406) {
    const efforts = tier === 'opus' && version === 405 ? ['low', 'medium', 'high'] : []
    return { ...shared, style: 'budget', efforts, isOnByDefault: false }
  }
  if (version === 406)
    return { ...shared, style: 'adaptive', efforts: ['low', 'medium', 'high', 'max'], isOnByDefault: false }
  return {
    ...shared,
    style: 'adaptive',
    efforts: ['low', 'medium', 'high', 'xhigh', 'max'],
    // It refuses to be given a number of tokens.
    budgetMax: 0,
    isOnByDefault: version >= 500,
  }
}
