import type { Call } from '#core/call.ts'
import { asBuffer, encode } from '#kit/bytes.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { asExactObject, parseExact } from '#translate/exact-json.ts'
import type { Entry } from './entry.ts'

/**
 * OpenAI's streams tell their usage, in an event without choices, to those alone who ask for it, and not all who did not
 * ask can read that. `lacks`: it is asked for and not there; `tells`: it is there and was not asked for.
 */
export function usageFit({ body, stream }: Call, { kind, bytes }: Entry): 'fits' | 'lacks' | 'tells' {
  if (!stream || (kind !== 'chat' && kind !== 'completions')) return 'fits'
  const text = asBuffer(bytes).toString('utf8')
  if (body !== undefined && asked.test(asBuffer(body).toString('utf8'))) return told.test(text) ? 'fits' : 'lacks'
  return ofItself.test(text) && told.test(text) ? 'tells' : 'fits'
}

/** Quotes within texts have a backslash in front. */
const asked = /"include_usage"\s*:\s*true/
const told = /"usage"\s*:\s*\{/
const ofItself = /"choices"\s*:\s*\[\s*\]/

/**
 * A whole answer of Chat always tells it; where the stream did not, it is what was counted then. It has the id that the
 * stream had.
 */
export function withUsage(
  bytes: Uint8Array<ArrayBuffer>,
  { usage }: Entry,
  id: string | undefined,
): Uint8Array<ArrayBuffer> {
  const read = asExactObject(parseExact(asBuffer(bytes).toString('utf8')))
  if (read === undefined) return bytes
  const body: JsonObject = id === undefined ? read : { ...read, id }
  if (usage === undefined || (body['usage'] !== undefined && body['usage'] !== null)) {
    return id === undefined || id === read['id'] ? bytes : encode(JSON.stringify(body))
  }
  const { inputTokens, outputTokens } = usage
  const counted = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
  return encode(JSON.stringify({ ...body, usage: counted }))
}
