import type { Profile, ProfileOverrides, ReasoningProfile } from '#core/profile.ts'

/** What is known of a model that OpenAI serves itself. */
export function gptProfile(name: string, form: string): ProfileOverrides {
  const thinks = thinking(name)
  const facts = thinks === undefined ? withoutThoughts(name) : withThoughts(name, form, thinks)
  return { ...facts, media: mediaOf(name) }
}

function withoutThoughts(name: string): ProfileOverrides {
  return {
    outputTokensMax: name.startsWith('gpt-4.1') ? 32_768 : /^(?:gpt-4(?!o)|gpt-3)/.test(name) ? 4096 : 16_384,
    refuses: new Set(['verbosity']),
    structured: /^(?:gpt-4(?!o|\.)|gpt-3)/.test(name) ? 'tool' : 'native',
    reasoning: { style: 'none', takesSummary: false },
  }
}

function withThoughts(name: string, form: string, thinks: Thinks): ProfileOverrides {
  const isFirstOfThem = /^o1-(?:mini|preview)/.test(name)
  const isSeries = /^o\d/.test(name)
  return {
    outputTokensMax: isSeries ? (isFirstOfThem ? 65_536 : 100_000) : 128_000,
    systemRole: isFirstOfThem ? 'user' : 'developer',
    sampling: thinks.canBeOff ? 'without_reasoning' : 'none',
    stopMax: form === 'responses' || !name.startsWith('o1') ? 0 : 4,
    takesParallelSwitch: !isSeries,
    takesStrict: !isFirstOfThem,
    structured: isFirstOfThem ? 'instruction' : 'native',
    refuses: new Set(isSeries ? ['verbosity', 'prediction'] : ['prediction']),
    reasoning: {
      style: thinks.efforts.length === 0 ? 'none' : 'effort',
      efforts: thinks.canBeOff ? ['none', ...thinks.efforts] : thinks.efforts,
      canBeOff: thinks.canBeOff,
      isOnByDefault: thinks.isOn,
      takesSummary: !name.startsWith('o1'),
    },
  }
}

interface Thinks {
  readonly isOn: ReasoningProfile['isOnByDefault']
  readonly canBeOff: boolean
  /** Beside `none`; empty: it cannot be told. */
  readonly efforts: readonly string[]
}

const low3 = ['low', 'medium', 'high']
const low4 = [...low3, 'xhigh']

/** Undefined: it does not think. */
function thinking(name: string): Thinks | undefined {
  if (/^o1-(?:mini|preview)/.test(name)) return alwaysOn([])
  if (/^(?:o\d|codex-mini|computer-use)/.test(name)) return alwaysOn(low3)
  const numbers = /^gpt-(\d+)(?:\.(\d+))?(?!\d)(.*)$/.exec(name)
  const major = Number(numbers?.[1] ?? 0)
  const minor = Number(numbers?.[2] ?? 0)
  const rest = numbers?.[3] ?? ''
  if (major < 5) return undefined
  if (major > 5) return alwaysOn(low4)
  const isPro = rest.startsWith('-pro')
  if (minor === 0) {
    if (rest.startsWith('-chat')) return undefined
    if (isPro) return alwaysOn(['high'])
    return alwaysOn(rest.startsWith('-codex') ? low3 : ['minimal', ...low3])
  }
  // They think as much as they like.
  if (rest.startsWith('-chat')) return alwaysOn(['medium'])
  if (isPro) return alwaysOn(['medium', 'high', 'xhigh'])
  if (minor === 1) {
    if (rest.startsWith('-codex')) return alwaysOn(rest.startsWith('-codex-max') ? low4 : low3)
    return { isOn: false, canBeOff: true, efforts: low3 }
  }
  return { isOn: minor >= 5, canBeOff: true, efforts: low4 }
}

function alwaysOn(efforts: readonly string[]): Thinks {
  return { isOn: true, canBeOff: false, efforts }
}

function mediaOf(name: string): Profile['media'] {
  if (/audio/.test(name)) return new Set(['audio'] as const)
  if (/^(?:gpt-3|gpt-4(?:-\d{4})?$|o1-mini|o1-preview|o3-mini)/.test(name)) return new Set()
  return new Set(['image', 'file'] as const)
}
