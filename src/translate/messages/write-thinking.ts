import { asObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { type Thinking, thinkingFor } from '#translate/reasoning.ts'
import type { Block, WrittenMessage } from './written.ts'

export interface ThinkingFacts {
  readonly request: CommonRequest
  readonly target: Target
  readonly outputTokensMax: number
  readonly messages: readonly WrittenMessage[]
}

export interface WrittenThinking {
  readonly fields: { readonly thinking?: object }
  readonly effort: string | undefined
  readonly isOn: boolean
  /** By a number of tokens, as older models do. */
  readonly isBudget: boolean
}

export function writeThinking(facts: ThinkingFacts, notes: Notes): WrittenThinking {
  const { request, target, outputTokensMax } = facts
  const own = request.form === 'messages' ? asObject(request.rest['thinking']) : undefined
  const thinking = thinkingFor(request, target.profile, outputTokensMax, notes)
  if (own !== undefined) return { fields: { thinking: own }, effort: effortOf(thinking), isOn: true, isBudget: false }
  switch (thinking?.style) {
    case 'adaptive':
      return adaptive(thinking, request)
    case 'budget':
      return budget(thinking.tokens, thinking.effort, facts, notes)
    case 'toggle':
      return thinking.isOn ? budget(thinking.tokens ?? -1, undefined, facts, notes) : off
    case 'effort':
      return { fields: {}, effort: thinking.effort, isOn: thinking.effort !== 'none', isBudget: false }
    case 'level':
    case 'think':
    case undefined:
      return { fields: {}, effort: undefined, isOn: target.profile.reasoning.isOnByDefault, isBudget: false }
  }
}

const off: WrittenThinking = {
  fields: { thinking: { type: 'disabled' } },
  effort: undefined,
  isOn: false,
  isBudget: false,
}

function effortOf(thinking: Thinking | undefined): string | undefined {
  return thinking?.style === 'adaptive' || thinking?.style === 'effort' ? thinking.effort : undefined
}

function adaptive(thinking: Thinking & { readonly style: 'adaptive' }, request: CommonRequest): WrittenThinking {
  if (thinking.isOff) return { ...off, effort: thinking.effort }
  const display = displayOf(request)
  return {
    fields: { thinking: { type: 'adaptive', ...(display !== undefined && { display }) } },
    effort: thinking.effort,
    isOn: true,
    isBudget: false,
  }
}

/** The newest models keep their thoughts to themselves unless they are asked, and clients of other APIs are used to see them. */
function displayOf({ form, reasoning }: CommonRequest): string | undefined {
  if (reasoning?.visibility === 'none') return 'omitted'
  return reasoning?.visibility !== undefined || form !== 'messages' ? 'summarized' : undefined
}

function budget(tokens: number, effort: string | undefined, facts: ThinkingFacts, notes: Notes): WrittenThinking {
  if (tokens === 0) return { ...off, effort }
  const { request, target, outputTokensMax } = facts
  if (lacksThought(facts.messages)) {
    notes.adapt('adapted:thinking_disabled_missing_signature')
    return { ...off, effort }
  }
  const budgetTokens = tokens > 0 ? tokens : Math.min(target.profile.reasoning.budgetMax, outputTokensMax - 1)
  if (tokens < 0 && budgetTokens < budgetTokensMin) {
    notes.adapt('adapted:thinking_disabled_small_max_tokens')
    return { ...off, effort }
  }
  // Older models show their thoughts unasked.
  const display = request.form === 'messages' ? displayOf(request) : undefined
  return {
    fields: { thinking: { type: 'enabled', budget_tokens: budgetTokens, ...(display !== undefined && { display }) } },
    effort,
    isOn: true,
    isBudget: true,
  }
}

/** Limit: the least that Anthropic takes. */
const budgetTokensMin = 1024

/**
 * A model that thinks by budget wants the turn that is still going on, calls and results behind the last words of the user,
 * to begin with a thought that it signed.
 */
function lacksThought(messages: readonly WrittenMessage[]): boolean {
  const asked = messages.findLastIndex(({ role, content }) => role === 'user' && !content.some(isResult))
  const turn = messages.slice(asked + 1).find(({ role }) => role === 'assistant')
  if (turn === undefined || !turn.content.some((block) => block['type'] === 'tool_use')) return false
  const first = turn.content[0]?.['type']
  return first !== 'thinking' && first !== 'redacted_thinking'
}

function isResult(block: Block): boolean {
  return block['type'] === 'tool_result'
}
