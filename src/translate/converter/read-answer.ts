import { asObject, asText } from '#kit/json-value.ts'
import { callId } from '#translate/chat/call-id.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonError, CommonResponse, Part } from '#translate/common.ts'
import { errorOf, finishOf, shown, usageOf } from './answer-values.ts'
import { misfit } from './misfit.ts'

/** What a converter made of a body, which may be of any type. Throws where it is not in its contract. */
export function readAnswer(value: unknown, facts: AnswerFacts): CommonResponse | CommonError {
  const answer = asObject(value)
  if (answer === undefined) throw misfit('readAnswer', `no object: ${shown(value)}`)
  if (answer['kind'] === 'error') return errorOf(answer, undefined)
  const { parts } = answer
  if (!Array.isArray(parts)) throw misfit('readAnswer', 'no "parts" that are a list')
  const taken = new Set<string>()
  return {
    id: asText(answer['id']),
    model: facts.model,
    createdAt: facts.nowSeconds,
    choices: [
      {
        index: 0,
        parts: parts.map((part) => partOf(part, taken, facts)),
        finish: finishOf('readAnswer', answer['finish']),
      },
    ],
    usage: usageOf(answer['usage']),
    tier: undefined,
    fingerprint: undefined,
  }
}

function partOf(value: unknown, taken: Set<string>, { ids }: AnswerFacts): Part {
  const part = asObject(value) ?? {}
  const { kind } = part
  if (kind === 'tool_call') {
    const name = asText(part['name']) ?? ''
    if (name === '') throw misfit('readAnswer', 'a call without a name')
    const args = part['args']
    return {
      kind: 'tool_call',
      id: callId(asText(part['id']) ?? '', taken, ids),
      name,
      args: typeof args === 'string' ? { raw: args.trim() === '' ? '{}' : args } : { value: asObject(args) ?? {} },
      isCustom: false,
      tool: 'function',
    }
  }
  const text = asText(part['text'])
  if (text === undefined || (kind !== 'text' && kind !== 'thinking')) {
    throw misfit('readAnswer', `a part of no known kind or without its text: ${shown(kind)}`)
  }
  return kind === 'text' ? { kind, text } : { kind: 'reasoning', text, style: 'raw', isRedacted: false }
}
