import { isUtf8 } from 'node:buffer'
import type { Form, Talk } from '#core/talk.ts'
import { asBuffer } from '#kit/bytes.ts'
import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { EntryKind } from './entry.ts'

/**
 * An answer that says what was asked for: no error that a good status hides, nothing that ended before its time or was
 * held back since somebody took offence.
 */
export function isWorthKeeping(bytes: Uint8Array, kind: EntryKind, talk: Talk): boolean {
  if (bytes.byteLength === 0 || !isUtf8(bytes)) return false
  const text = asBuffer(bytes).toString('utf8')
  if (badEnd.test(text)) return false
  // A stream of theirs may end without a reason to finish: its last word is enough for clients.
  if (kind === 'chat' || kind === 'completions') return finished.test(text)
  if (kind !== 'body') return true
  const body = asObject(parseJson(text))
  if (body === undefined || (body['error'] !== undefined && body['error'] !== null)) return false
  return body['type'] !== 'error' && isAnswer(body, talk)
}

/** Quotes within texts have a backslash in front, so that no text is taken for a reason. */
const finished = /"finish_reason"\s*:\s*"/

const badEnd = new RegExp(
  [
    String.raw`"finish_reason"\s*:\s*"(?!(?:stop|length|tool_calls|function_call|eos|eos_token|stop_sequence|end_turn|max_tokens|tool_use|STOP|MAX_TOKENS|COMPLETE)")`,
    String.raw`"stop_reason"\s*:\s*"(?:refusal|pause_turn)"`,
    String.raw`"finishReason"\s*:\s*"(?!STOP"|MAX_TOKENS")`,
    String.raw`"blockReason"\s*:\s*"`,
    String.raw`"status"\s*:\s*"(?:failed|cancelled)"`,
    String.raw`"reason"\s*:\s*"content_filter"`,
    String.raw`"done_reason"\s*:\s*"(?:load|unload)"`,
  ].join('|'),
)

/** Some servers tell errors with status 200, each in words of its own. */
function isAnswer(body: JsonObject, { form, does }: Talk): boolean {
  if (does === 'embed') {
    return ['data', 'embedding', 'embeddings', 'predictions'].some((name) => hasSome(body[name]))
  }
  return wholes.get(form)?.(body) ?? true
}

const wholes: ReadonlyMap<Form, (body: JsonObject) => boolean> = new Map<Form, (body: JsonObject) => boolean>([
  ['chat', hasFinished],
  ['completions', hasFinished],
  ['responses', ({ output, status }) => Array.isArray(output) && status !== 'in_progress' && status !== 'queued'],
  ['messages', ({ content, stop_reason: reason }) => Array.isArray(content) && asText(reason) !== undefined],
  ['gemini', ({ candidates }) => allOf(candidates, ({ finishReason: reason }) => asText(reason) !== undefined)],
  ['ollama', ({ done }) => done === true],
])

function hasFinished({ choices }: JsonObject): boolean {
  return allOf(choices, ({ finish_reason: reason }) => asText(reason) !== undefined)
}

/** More than none, and all of them so. */
function allOf(value: unknown, isSo: (element: JsonObject) => boolean): boolean {
  const elements = asList(value)
  return elements.length > 0 && elements.every((element) => isSo(asObject(element) ?? {}))
}

function hasSome(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : asObject(value) !== undefined
}
