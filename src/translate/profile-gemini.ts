import type { ProfileOverrides, ReasoningProfile } from '#core/profile.ts'

/** What is known of a Gemini, by its generation. */
export function geminiProfile(name: string, form: string): ProfileOverrides {
  const numbers = /^gemini-(\d+)(?:\.(\d+))?(?!\d)/.exec(name)
  // Names without a number follow the newest.
  const version = numbers === null ? newest : Number(numbers[1]) * 100 + Number(numbers[2] ?? 0)
  const isThird = version >= 300
  if (form !== 'gemini') return { family: 'gemini', reasoning: { history: 'optional' } }
  return {
    family: 'gemini',
    outputTokensMax: version >= 205 ? 65_536 : 8192,
    takesJsonWithTools: isThird,
    takesJsonSchema: version >= 200,
    takesMediaInResults: isThird,
    reasoning: isThird ? levels(name) : version >= 205 ? budgets(name) : { style: 'none' },
  }
}

const newest = 300

function levels(name: string): Partial<ReasoningProfile> {
  const isWithoutMinimal = /^gemini-3(?:\.\d+)?-pro|^gemini-3\.7-flash/.test(name)
  return {
    style: 'level',
    efforts: isWithoutMinimal ? ['low', 'medium', 'high'] : ['minimal', 'low', 'medium', 'high'],
    canBeOff: false,
    isOnByDefault: true,
    history: 'require',
  }
}

function budgets(name: string): Partial<ReasoningProfile> {
  const isPro = name.includes('-pro')
  const isLite = name.includes('lite')
  return {
    style: 'budget',
    efforts: [],
    budgetMin: isPro ? 128 : isLite ? 512 : 1,
    budgetMax: isPro ? 32_768 : 24_576,
    canBeOff: !isPro,
    isOnByDefault: !isLite,
    history: 'optional',
  }
}
