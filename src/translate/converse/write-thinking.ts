import { asObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, ToolChoice } from '#translate/common.ts'
import { isThinking, thinkingFor, type Thinking } from '#translate/reasoning.ts'
import type { Block } from './cache-points.ts'
import { isClaude, isNova, type RequestWriting } from './request-writing.ts'
import type { WrittenMessage } from './write-messages.ts'

/** How the model is asked to think: members of `additionalModelRequestFields`. */
export interface WrittenThinking {
  readonly fields: Block
  /** It will think, as far as that is known. */
  readonly isOn: boolean
  /** What it takes of limits and sampling then is nothing. */
  readonly refusesLimits: boolean
}

/** `choice`: that of the tools as they are sent, since forced tools and some ways to think exclude each other. */
export function writeThinking(
  writing: RequestWriting,
  messages: readonly WrittenMessage[],
  choice: ToolChoice | undefined,
  outputTokensMax: number | undefined,
): WrittenThinking {
  const { request, target, notes } = writing
  const asked: CommonRequest = choice === request.toolChoice ? request : { ...request, toolChoice: choice }
  const thinking = thinkingFor(asked, target.profile, outputTokensMax, notes)
  const isOn = isThinking(thinking, target.profile)
  if (isClaude(target)) return { ...ofClaude(thinking, writing, messages, outputTokensMax, isOn), refusesLimits: false }
  if (thinking === undefined) return { fields: {}, isOn, refusesLimits: false }
  if (isNova(target)) return ofNova(thinking, isOn)
  return { fields: fieldsOf(thinking, writing), isOn, refusesLimits: false }
}

function ofClaude(
  thinking: Thinking | undefined,
  { request, target, notes }: RequestWriting,
  messages: readonly WrittenMessage[],
  outputTokensMax: number | undefined,
  isOn: boolean,
): Pick<WrittenThinking, 'fields' | 'isOn'> {
  const off = { fields: { thinking: { type: 'disabled' } }, isOn: false }
  switch (thinking?.style) {
    case undefined:
    case 'effort':
    case 'level':
    case 'think':
    case 'toggle':
      return { fields: {}, isOn }
    case 'adaptive': {
      const display = displayOf(request)
      const asked = { type: 'adaptive', ...(display !== undefined && { display }) }
      const fields = thinking.isOff ? off.fields : { thinking: asked }
      return { fields: { ...fields, ...effortOf(thinking.effort) }, isOn }
    }
    case 'budget': {
      const effort = effortOf(thinking.effort)
      if (thinking.tokens === 0) return { ...off, fields: { ...off.fields, ...effort } }
      if (lacksSignature(messages)) {
        notes.adapt('adapted:thinking_disabled_missing_signature')
        return { ...off, fields: { ...off.fields, ...effort } }
      }
      const { budgetMax } = target.profile.reasoning
      const most = outputTokensMax === undefined ? budgetMax : Math.min(budgetMax, outputTokensMax - 1)
      const asked = { type: 'enabled', budget_tokens: thinking.tokens > 0 ? thinking.tokens : most }
      return { fields: { thinking: asked, ...effort, ...interleaved(request, target) }, isOn }
    }
  }
}

function effortOf(effort: string | undefined): Block {
  return effort === undefined ? {} : { output_config: { effort } }
}

/** The newest models keep their thoughts to themselves unless they are asked, and clients of other APIs are used to see them. */
function displayOf({ form, reasoning }: CommonRequest): string | undefined {
  if (reasoning?.visibility === 'none') return 'omitted'
  return reasoning?.visibility !== undefined || form !== 'messages' ? 'summarized' : undefined
}

/** Whoever speaks Responses is used to thoughts between two calls. */
function interleaved({ form, tools }: CommonRequest, { model }: Target): Block {
  const isWanted = form === 'responses' && tools.length > 0 && /claude-(?:opus|sonnet)-4/.test(model)
  return isWanted ? { anthropic_beta: ['interleaved-thinking-2025-05-14'] } : {}
}

/** The turn that goes on has calls whose thoughts are not there, or not signed: Claude would refuse to think on. */
function lacksSignature(messages: readonly WrittenMessage[]): boolean {
  const start = messages.findLastIndex(({ role, content }) => role === 'user' && !content.some(hasMember('toolResult')))
  return messages
    .slice(start + 1)
    .some(
      ({ role, content }) => role === 'assistant' && content.some(hasMember('toolUse')) && !beginsWithThought(content),
    )
}

function beginsWithThought([first]: readonly Block[]): boolean {
  return asObject(first?.['reasoningContent']) !== undefined
}

function hasMember(name: string): (block: Block) => boolean {
  return (block) => name in block
}

function ofNova(thinking: Thinking, isOn: boolean): WrittenThinking {
  if (!isOn) return { fields: { reasoningConfig: { type: 'disabled' } }, isOn, refusesLimits: false }
  const effort = 'effort' in thinking ? novaEffort(thinking.effort) : undefined
  const reasoningConfig = { type: 'enabled', ...(effort !== undefined && { maxReasoningEffort: effort }) }
  return { fields: { reasoningConfig }, isOn, refusesLimits: effort === 'high' }
}

function novaEffort(effort: string | undefined): string | undefined {
  if (effort === undefined || effort === 'low' || effort === 'medium') return effort
  return effort === 'minimal' ? 'low' : 'high'
}

/** Others are asked as they are elsewhere. */
function fieldsOf(thinking: Thinking, { target }: RequestWriting): Block {
  switch (thinking.style) {
    case 'effort':
      return { reasoning_effort: thinking.effort }
    case 'toggle': {
      const { switchField } = target.profile.reasoning
      if (switchField === 'thinking') return { thinking: { type: thinking.isOn ? 'enabled' : 'disabled' } }
      if (switchField === 'enable_thinking') return { enable_thinking: thinking.isOn }
      return { chat_template_kwargs: { enable_thinking: thinking.isOn } }
    }
    case 'adaptive':
    case 'budget':
    case 'level':
    case 'think':
      return {}
  }
}
