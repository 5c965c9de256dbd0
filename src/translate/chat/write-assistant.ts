import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Message, ReasoningPart, ToolCallPart } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { isAtHome } from '#translate/opaque.ts'
import { argsOfCustom, argsText } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import { writeDetails } from './reasoning-details.ts'
import { fieldOf } from './where.ts'
import type { ContentWriter } from './write-content.ts'
import type { ToolPlan } from './write-tools.ts'

/** Writes the assistant's messages of a history. */
export class AssistantWriter {
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #tools: ToolPlan
  readonly #content: ContentWriter
  readonly #notes: Notes

  constructor(request: CommonRequest, target: Target, tools: ToolPlan, content: ContentWriter, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#tools = tools
    this.#content = content
    this.#notes = notes
  }

  /** Undefined where nothing is left of it. */
  write(message: Message): JsonObject | undefined {
    const { parts } = message
    const thoughts = parts.filter((part) => part.kind === 'reasoning')
    const calls = parts.filter((part) => part.kind === 'tool_call')
    const refusal = parts.map((part) => (part.kind === 'refusal' ? part.text : '')).join('')
    const audio = parts.find((part) => part.kind === 'media' && part.medium === 'audio' && 'file' in part.source)
    const said = this.#said(message, thoughts)
    const isSilent = said.length === 0
    if (isSilent && parts.length > 0 && calls.length === 0 && refusal === '' && audio === undefined) return undefined
    const hasMore = calls.length > 0 || refusal !== '' || audio !== undefined
    return {
      role: 'assistant',
      content: isSilent && hasMore ? null : this.#content.content(said),
      ...(refusal === '' ? {} : { refusal }),
      ...(audio?.kind === 'media' && 'file' in audio.source ? { audio: { id: audio.source.file.id } } : {}),
      ...this.#thoughts(thoughts, calls.length > 0),
      ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => this.#call(call)) }),
    }
  }

  /** Text; Chat takes no media of the assistant, so what it drew is told as if the user showed it nowhere. */
  #said(message: Message, thoughts: readonly ReasoningPart[]): JsonObject[] {
    const written = this.#content.parts(message.parts.filter((part) => part.kind === 'text' || part.kind === 'native'))
    // Mistral's own thoughts go back where they were: into the content.
    const { reasoning, toolIdForm } = this.#target.profile
    if (toolIdForm !== 'mistral' || reasoning.history === 'drop') return written
    const own = thoughts.filter(({ text }) => text !== '')
    return [...own.map(({ text }) => ({ type: 'thinking', thinking: [{ type: 'text', text }] })), ...written]
  }

  #thoughts(thoughts: readonly ReasoningPart[], hasCalls: boolean): JsonObject {
    const { profile } = this.#target
    const details: JsonObject[] = []
    for (const part of thoughts) {
      const { opaque } = part
      if (opaque === undefined || opaque.kind === 'text') continue
      if (isAtHome(opaque, 'chat', profile)) details.push(...writeDetails(part, opaque.payload, details.length, true))
      else this.#notes.drop('dropped:foreign_reasoning')
    }
    const { history, field } = profile.reasoning
    const text = thoughts.map((part) => part.text).join('')
    const isTold = history !== 'drop' && profile.toolIdForm !== 'mistral'
    const [first] = thoughts
    if (history === 'drop' && text !== '' && details.length === 0 && first !== undefined) {
      this.#notes.drop('dropped:foreign_reasoning', fieldOf(this.#request, first))
    }
    const isWanted = isTold && (text !== '' || (history === 'require' && hasCalls))
    return {
      ...(isWanted ? { [field]: text } : {}),
      ...(details.length === 0 ? {} : { reasoning_details: details }),
    }
  }

  #call(call: ToolCallPart): JsonObject {
    const { profile } = this.#target
    const id = toolIdFor(call.id, profile)
    if (call.cache !== undefined) this.#notes.drop('dropped:cache_hint', fieldOf(this.#request, call))
    const extra = this.#signature(call)
    const name = this.#tools.names.sent(call.name, call.namespace)
    if (call.isCustom && this.#request.form === 'chat') {
      return { id, type: 'custom', custom: { name, input: 'raw' in call.args ? call.args.raw : '' }, ...extra }
    }
    const args = call.isCustom ? argsOfCustom(call.args) : call.args
    return { id, type: 'function', function: { name, arguments: argsText(args) }, ...extra }
  }

  #signature({ opaque }: ToolCallPart): JsonObject {
    if (opaque === undefined || opaque.kind === 'text') return {}
    if (isAtHome(opaque, 'gemini', this.#target.profile)) {
      return { extra_content: { google: { thought_signature: opaque.payload } } }
    }
    this.#notes.drop('dropped:foreign_reasoning')
    return {}
  }
}
