import type { Profile, ReasoningProfile } from '#core/profile.ts'
import type { CommonRequest, Effort, Reasoning } from './common.ts'
import type { Notes } from './notes.ts'
import { asksForTool } from './output.ts'

/** How a backend is asked to think, in the style of its profile; undefined: it is told nothing. */
export type Thinking =
  | { readonly style: 'effort'; readonly effort: string }
  /** Claude: `thinking: {type: adaptive}` and an effort; `isOff`: `thinking: {type: disabled}`. */
  | { readonly style: 'adaptive'; readonly effort: string | undefined; readonly isOff: boolean }
  /** `tokens` -1: as many as it likes; 0: off. `effort`: of models that take one beside the budget. */
  | { readonly style: 'budget'; readonly tokens: number; readonly effort?: string | undefined }
  | { readonly style: 'level'; readonly level: 'MINIMAL' | 'LOW' | 'MEDIUM' | 'HIGH' }
  | { readonly style: 'toggle'; readonly isOn: boolean; readonly tokens: number | undefined }
  | { readonly style: 'think'; readonly think: boolean | 'low' | 'medium' | 'high' }

/**
 * The second step of formats §5.7: what the client wants, in the words of the target. `outputTokensMax`: what the backend
 * will be told as the limit of its answer. Notes what was adapted.
 */
export function thinkingFor(
  request: CommonRequest,
  profile: Profile,
  outputTokensMax: number | undefined,
  notes: Notes,
): Thinking | undefined {
  const wish = request.reasoning ?? {}
  const can = profile.reasoning
  const isAsked = wish.kind !== undefined || wish.effort !== undefined || wish.budgetTokens !== undefined
  if (isAsked && isOff(wish)) return switchedOff(wish, can, notes)
  if (forbidsThinking(request, profile)) {
    if (!isAsked && !can.isOnByDefault) return undefined
    notes.adapt('adapted:thinking_disabled_for_tool_choice')
    return switchedOff({}, can, notes)
  }
  if (!isAsked) return undefined
  switch (can.style) {
    case 'effort':
      return byEffort(wish, can, notes)
    case 'adaptive':
      return adaptive(request, wish, can, outputTokensMax, notes)
    case 'budget':
      return byBudget(request, wish, profile, outputTokensMax, notes)
    case 'level':
      return byLevel(wish, can, notes)
    case 'toggle':
      return { style: 'toggle', isOn: true, tokens: toggledTokens(wish, can) }
    case 'think':
      return byThink(wish, can) ?? thoughtless(notes)
    case 'none':
      return thoughtless(notes)
  }
}

/** Nobody can make such a model think. */
function thoughtless(notes: Notes): undefined {
  notes.drop('dropped:reasoning', 'reasoning')
}

/** The effort that a budget stands for; undefined: the model's own choice. */
export function effortOfBudget(tokens: number): Effort | undefined {
  if (!(tokens >= 0)) return undefined
  if (tokens === 0) return 'none'
  if (tokens <= 1024) return 'minimal'
  if (tokens <= 4096) return 'low'
  if (tokens <= 16_384) return 'medium'
  return tokens <= 32_767 ? 'high' : 'xhigh'
}

/** Does the client want thoughts at all, as far as it said? */
export function wantsReasoning(reasoning: Reasoning | undefined): boolean {
  if (reasoning === undefined || isOff(reasoning)) return false
  const { kind, effort, budgetTokens, visibility, summary } = reasoning
  if (visibility === 'none') return false
  return [kind, effort, budgetTokens, visibility, summary].some((wish) => wish !== undefined)
}

/** Will it think when it is asked like that? */
export function isThinking(thinking: Thinking | undefined, profile: Profile): boolean {
  if (thinking === undefined) return profile.reasoning.isOnByDefault
  switch (thinking.style) {
    case 'effort':
      return thinking.effort !== 'none'
    case 'adaptive':
      return !thinking.isOff
    case 'budget':
      return thinking.tokens !== 0
    case 'level':
      return true
    case 'toggle':
      return thinking.isOn
    case 'think':
      return thinking.think !== false
  }
}

function isOff({ kind, effort, budgetTokens }: Reasoning): boolean {
  if (kind !== undefined) return kind === 'off'
  return effort === 'none' || (effort === undefined && budgetTokens === 0)
}

/** The switch itself: a backend that is told nothing may think all the same. */
function switchedOff(wish: Reasoning, can: ReasoningProfile, notes: Notes): Thinking | undefined {
  if (!can.canBeOff) {
    notes.adapt('adapted:reasoning_not_disableable')
    return atLeast(can)
  }
  switch (can.style) {
    case 'effort':
      return { style: 'effort', effort: 'none' }
    case 'adaptive':
      return { style: 'adaptive', effort: effortWhenOff(wish, can), isOff: true }
    case 'budget':
      return { style: 'budget', tokens: 0 }
    case 'level':
      return undefined
    case 'toggle':
      return { style: 'toggle', isOn: false, tokens: undefined }
    case 'think':
      return { style: 'think', think: false }
    case 'none':
      return undefined
  }
}

/** As little as a model thinks that cannot be kept from it. */
function atLeast(can: ReasoningProfile): Thinking | undefined {
  const least = nearest('minimal', can.efforts)
  switch (can.style) {
    case 'effort':
      return { style: 'effort', effort: least }
    case 'adaptive':
      return { style: 'adaptive', effort: least === 'minimal' ? 'low' : least, isOff: false }
    case 'budget':
      return { style: 'budget', tokens: can.budgetMin }
    case 'level':
      return { style: 'level', level: levelOf(least) }
    case 'think':
      return { style: 'think', think: wordOf(least) ?? true }
    case 'toggle':
    case 'none':
      return undefined
  }
}

/** Effort is also how much is written; the newest refuse the highest ones from a model that must not think. */
function effortWhenOff({ effort }: Reasoning, can: ReasoningProfile): string | undefined {
  if (effort === undefined || effort === 'none') return undefined
  const isHighest = effort === 'xhigh' || effort === 'max'
  return adaptiveEffort(can.isOnByDefault && isHighest ? 'high' : effort, can)
}

function byEffort(wish: Reasoning, can: ReasoningProfile, notes: Notes): Thinking | undefined {
  const effort = effortOf(wish, notes)
  if (effort !== undefined) return { style: 'effort', effort: nearest(effort, can.efforts) }
  // Asked to think as it likes, one that does not think by itself must be told to.
  const mustBeTold = wish.kind === 'adaptive' && can.efforts.includes('none') && !can.isOnByDefault
  if (mustBeTold) return { style: 'effort', effort: nearest('medium', can.efforts) }
  return can.isOnByDefault ? undefined : thoughtless(notes)
}

function byLevel(wish: Reasoning, can: ReasoningProfile, notes: Notes): Thinking | undefined {
  const effort = effortOf(wish, notes)
  return effort === undefined ? undefined : { style: 'level', level: levelOf(nearest(effort, can.efforts)) }
}

function adaptive(
  request: CommonRequest,
  wish: Reasoning,
  can: ReasoningProfile,
  outputTokensMax: number | undefined,
  notes: Notes,
): Thinking {
  const tokens = wish.budgetTokens
  // Some take both.
  if (wish.effort === undefined && tokens !== undefined && tokens > 0 && can.budgetMax > 0) {
    // What the client wrote in the words of this provider is the provider's to answer.
    if (request.form === 'messages') return { style: 'budget', tokens }
    const fitting = Math.min(within(tokens, can), (outputTokensMax ?? Infinity) - 1)
    if (fitting >= can.budgetMin) return { style: 'budget', tokens: fitting }
  }
  if (tokens !== undefined && tokens > 0) notes.adapt('adapted:thinking_budget_to_effort')
  const effort = wish.effort ?? (tokens === undefined ? undefined : effortOfBudget(tokens))
  return { style: 'adaptive', effort: effort && adaptiveEffort(effort, can), isOff: false }
}

function adaptiveEffort(effort: Effort, can: ReasoningProfile): string {
  if (effort === 'minimal') return 'low'
  const isBeyond = effort === 'xhigh' && !can.efforts.includes('xhigh') && can.efforts.includes('max')
  return isBeyond ? 'max' : nearest(effort, can.efforts)
}

function byBudget(
  request: CommonRequest,
  wish: Reasoning,
  profile: Profile,
  outputTokensMax: number | undefined,
  notes: Notes,
): Thinking {
  const can = profile.reasoning
  const effort = can.efforts.length > 0 && wish.effort !== undefined ? nearest(wish.effort, can.efforts) : undefined
  const beside = effort === undefined ? {} : { effort }
  const own = wish.budgetTokens
  // What the client wrote in the words of this provider is the provider's to answer.
  if (own !== undefined && own > 0 && request.form === 'messages' && isClaude(profile)) {
    return { style: 'budget', tokens: own, ...beside }
  }
  const wanted = tokensWithin(wish, can)
  if (wanted === undefined && can.budgetMin < claudeMin) return { style: 'budget', tokens: -1 }
  const tokens = Math.min(wanted ?? tokensOf('medium', can), (outputTokensMax ?? Infinity) - 1)
  if (tokens >= can.budgetMin) return { style: 'budget', tokens, ...beside }
  if (!can.canBeOff) return { style: 'budget', tokens: can.budgetMin, ...beside }
  notes.adapt('adapted:thinking_disabled_small_max_tokens')
  return { style: 'budget', tokens: 0, ...beside }
}

/** A switch says all that an effort can; only a number is told where one is taken. */
function toggledTokens({ budgetTokens }: Reasoning, can: ReasoningProfile): number | undefined {
  return can.budgetMax > 0 && budgetTokens !== undefined && budgetTokens > 0 ? within(budgetTokens, can) : undefined
}

/** The least budget on Anthropic's form, which always wants a number; Google's and Cohere's can leave it to the model. */
const claudeMin = 1024

function byThink(wish: Reasoning, can: ReasoningProfile): Thinking | undefined {
  const words = can.efforts.filter((effort) => effort !== 'none')
  if (words.length === 0 && can.efforts.length > 0) return undefined
  const effort = wish.effort ?? effortOfBudget(wish.budgetTokens ?? -1)
  const word = effort === undefined ? undefined : wordOf(nearest(effort, words))
  return { style: 'think', think: words.includes('low') ? (word ?? true) : true }
}

function wordOf(effort: string): 'low' | 'medium' | 'high' | undefined {
  return effort === 'low' || effort === 'medium' || effort === 'high' ? effort : undefined
}

function levelOf(effort: string): 'MINIMAL' | 'LOW' | 'MEDIUM' | 'HIGH' {
  if (effort === 'minimal') return 'MINIMAL'
  if (effort === 'low') return 'LOW'
  return effort === 'medium' ? 'MEDIUM' : 'HIGH'
}

/** What the client said, as an effort; undefined: the model's own choice. */
function effortOf(wish: Reasoning, notes: Notes): Effort | undefined {
  if (wish.effort !== undefined) return wish.effort
  const effort = wish.budgetTokens === undefined ? undefined : effortOfBudget(wish.budgetTokens)
  if (effort !== undefined) notes.adapt('adapted:thinking_budget_to_effort')
  return effort
}

/** What the client said, as a number of tokens that the model takes; undefined: the model's own choice. */
function tokensWithin(wish: Reasoning, can: ReasoningProfile): number | undefined {
  const { budgetTokens, effort } = wish
  if (budgetTokens !== undefined && budgetTokens > 0) return within(budgetTokens, can)
  return effort === undefined ? undefined : tokensOf(effort, can)
}

function tokensOf(effort: Effort, can: ReasoningProfile): number {
  return within(budgetByEffort[effort], can)
}

function within(tokens: number, can: ReasoningProfile): number {
  return Math.max(can.budgetMin, Math.min(tokens, can.budgetMax))
}

const budgetByEffort: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 64_000,
}

const ranks: readonly string[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

/** The wanted effort, else the next lower one that is allowed, else the lowest; never off. */
function nearest(effort: string, allowed: readonly string[]): string {
  if (allowed.length === 0 || allowed.includes(effort)) return effort
  const others = allowed.filter((word) => word !== 'none')
  const lower = others.findLast((word) => ranks.includes(word) && ranks.indexOf(word) <= ranks.indexOf(effort))
  return lower ?? others[0] ?? effort
}

function isClaude(profile: Profile): boolean {
  return profile.family === 'claude'
}

/** Some refuse to be forced to call a tool while they think (formats §5.5); what a client asked of its own provider stays. */
function forbidsThinking(request: CommonRequest, profile: Profile): boolean {
  const { style } = profile.reasoning
  const isBudget = style === 'budget' && isClaude(profile)
  if (!isBudget && !(style === 'toggle' && profile.family === 'deepseek')) return false
  if (asksForTool(request, profile)) return true
  const mode = request.toolChoice?.mode
  if (
    mode !== 'required' &&
    mode !== 'tool' &&
    !(request.toolChoice?.mode === 'allowed' && request.toolChoice.isRequired)
  ) {
    return false
  }
  if (request.tools.length === 0) return false
  return !(isBudget && request.form === 'messages' && request.reasoning?.budgetTokens !== undefined)
}
