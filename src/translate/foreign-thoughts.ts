import { asBuffer, encode } from '#kit/bytes.ts'
import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Form } from '#core/talk.ts'
import { asExactObject, parseExact } from './exact-json.ts'

/**
 * A body for a backend of the client's own form, without what another one's answer left in the conversation: envelopes that
 * only we can open, and that no provider accepts (formats §6.4). Undefined where there is nothing of the kind.
 */
export function withoutForeignThoughts(form: Form, body: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const clean = cleaners[form]
  const parsed = clean === undefined ? undefined : asExactObject(parseExact(asBuffer(body).toString('utf8')))
  if (clean === undefined || parsed === undefined) return undefined
  const cleaned = JSON.stringify(clean(parsed))
  // Somebody may just have written about them.
  return cleaned === JSON.stringify(parsed) ? undefined : encode(cleaned)
}

/** What only we can open begins like this wherever it stands. */
export function mayHoldThoughts(form: Form, body: Uint8Array): boolean {
  return asBuffer(body).includes(form === 'gemini' ? quotedInBase64 : quoted)
}

const mark = 'lp1.'
/** The same in base64, as clients of Gemini keep it. */
const markInBase64 = 'bHAxL'
const quoted = `"${mark}`
const quotedInBase64 = `"${markInBase64}`

const cleaners: Readonly<Record<string, (body: JsonObject) => JsonObject>> = {
  messages: cleanMessages,
  responses: (body) =>
    Array.isArray(body['input'])
      ? { ...body, input: body['input'].filter((item) => !isSealed(asObject(item)?.['encrypted_content'])) }
      : body,
  chat: (body) => ({ ...body, messages: asList(body['messages']).map(cleanChatMessage) }),
  gemini: cleanGemini,
}

/** Whose tokens are to be counted may stand in a request of its own. */
function cleanGemini(body: JsonObject): JsonObject {
  const cleaned: Record<string, unknown> = { ...body }
  for (const name of ['generateContentRequest', 'generate_content_request']) {
    const request = asObject(body[name])
    if (request !== undefined) cleaned[name] = cleanGemini(request)
  }
  if (Array.isArray(body['contents'])) cleaned['contents'] = body['contents'].map(cleanContent)
  return cleaned
}

function cleanMessages(body: JsonObject): JsonObject {
  const messages = asList(body['messages']).flatMap(cleanTurn)
  const { thinking } = body
  const isByBudget = asObject(thinking)?.['type'] === 'enabled'
  return isByBudget && lacksThought(messages)
    ? { ...body, thinking: { type: 'disabled' }, messages }
    : { ...body, messages }
}

/** Claude, told to think by a budget, refuses a turn that is going on and does not begin with a thought of its own. */
function lacksThought(messages: readonly unknown[]): boolean {
  const turns = messages.map((turn) => ({ role: asObject(turn)?.['role'], types: typesIn(turn) }))
  const asked = turns.findLastIndex(({ role, types }) => role === 'user' && !types.includes('tool_result'))
  const turn = turns.slice(asked + 1).find(({ role }) => role === 'assistant')
  if (turn === undefined || !turn.types.includes('tool_use')) return false
  return turn.types[0] !== 'thinking' && turn.types[0] !== 'redacted_thinking'
}

function typesIn(turn: unknown): readonly unknown[] {
  return asList(asObject(turn)?.['content']).map((block) => asObject(block)?.['type'])
}

/** A turn that was nothing but such thoughts is left out: no provider takes an empty one. */
function cleanTurn(turn: unknown): unknown[] {
  const message = asObject(turn)
  if (message === undefined || !Array.isArray(message['content'])) return [turn]
  const content = message['content'].filter((block) => {
    const { type, signature, data } = asObject(block) ?? {}
    return !(type === 'thinking' && isSealed(signature)) && !(type === 'redacted_thinking' && isSealed(data))
  })
  if (content.length === message['content'].length) return [turn]
  return content.length === 0 ? [] : [{ ...message, content }]
}

function cleanChatMessage(value: unknown): unknown {
  const message = asObject(value)
  if (message === undefined) return value
  const { reasoning_details: details, tool_calls: calls, ...rest } = message
  if (details === undefined && calls === undefined) return value
  const kept = asList(details).filter((detail) => {
    const { signature, data } = asObject(detail) ?? {}
    return !isSealed(signature) && !isSealed(data)
  })
  return {
    ...rest,
    ...(kept.length > 0 && { reasoning_details: kept }),
    ...(calls !== undefined && { tool_calls: Array.isArray(calls) ? calls.map(cleanCall) : calls }),
  }
}

function cleanCall(value: unknown): unknown {
  const call = asObject(value)
  const google = asObject(asObject(call?.['extra_content'])?.['google'])
  if (call === undefined || !isSealed(google?.['thought_signature'])) return value
  const { extra_content: _extra, ...rest } = call
  return rest
}

function cleanContent(value: unknown): unknown {
  const content = asObject(value)
  if (content === undefined || !Array.isArray(content['parts'])) return value
  return { ...content, parts: content['parts'].map(cleanPart) }
}

/** A call without a signature is refused by newer models, unless it says that it has none. */
function cleanPart(value: unknown): unknown {
  const part = asObject(value)
  if (part === undefined) return value
  const name = 'thoughtSignature' in part ? 'thoughtSignature' : 'thought_signature'
  if (!isSealed(part[name])) return value
  const { [name]: _signature, ...rest } = part
  return 'functionCall' in part || 'function_call' in part ? { ...rest, [name]: noSignature } : rest
}

const noSignature = 'skip_thought_signature_validator'

function isSealed(value: unknown): boolean {
  const text = asText(value)
  return text !== undefined && (text.startsWith(mark) || text.startsWith(markInBase64))
}
