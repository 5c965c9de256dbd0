import type { StreamForm } from '#core/endpoint.ts'
import type { Usage } from '#core/usage.ts'
import { asBuffer, encode } from '#kit/bytes.ts'
import { asNumber, asObject, asText, parseJson } from '#kit/json-value.ts'

/** How an answer is framed: a stream of some form, or a whole body. */
export type EntryKind = StreamForm | 'body'

/** An answer that may be given again. */
export interface Entry {
  readonly kind: EntryKind
  readonly contentType: string
  /** What translation had to leave out, as its client was told it. */
  readonly warnings: string | undefined
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly usage: Usage | undefined
  /** Wall clock of the moment when it was complete. */
  readonly createdMs: number
  /** How long its client waited for all of it. */
  readonly durationMs: number
}

/** Limit: bytes that an entry takes beside its answer, roughly. */
export const entryOverheadBytes = 512

const kinds: ReadonlySet<string> = new Set<EntryKind>([
  'body',
  'chat',
  'completions',
  'responses',
  'messages',
  'gemini_sse',
  'gemini_array',
  'ndjson',
])

/** The entry as one text: what is known about it in one line, then its bytes, which are text themselves. */
export function writeEntry({ bytes, ...facts }: Entry): string {
  return `${JSON.stringify({ v: version, ...facts })}\n${asBuffer(bytes).toString('utf8')}`
}

const version = 1

/** Undefined for whatever is none: others may write there, too, or an earlier version did. */
export function readEntry(text: string): Entry | undefined {
  const end = text.indexOf('\n')
  const facts = end === -1 ? undefined : asObject(parseJson(text.slice(0, end)))
  if (facts === undefined || facts['v'] !== version) return undefined
  const kind = asText(facts['kind'])
  const contentType = asText(facts['contentType'])
  const createdMs = asNumber(facts['createdMs'])
  if (!isKind(kind) || contentType === undefined || createdMs === undefined || !isHeaderText(contentType)) {
    return undefined
  }
  const warnings = asText(facts['warnings'])
  return {
    kind,
    contentType,
    warnings: warnings !== undefined && isHeaderText(warnings) ? warnings : undefined,
    bytes: encode(text.slice(end + 1)),
    usage: usageIn(facts['usage']),
    createdMs,
    durationMs: asNumber(facts['durationMs']) ?? 0,
  }
}

function isKind(kind: string | undefined): kind is EntryKind {
  return kind !== undefined && kinds.has(kind)
}

function isHeaderText(text: string): boolean {
  return /^[\t\u0020-\u007e]*$/.test(text)
}

function usageIn(value: unknown): Usage | undefined {
  const told = asObject(value)
  const inputTokens = asNumber(told?.['inputTokens'])
  const outputTokens = asNumber(told?.['outputTokens'])
  if (told === undefined || inputTokens === undefined || outputTokens === undefined) return undefined
  const more = (name: 'cachedTokens' | 'cacheWriteTokens' | 'reasoningTokens'): Partial<Usage> => {
    const tokens = asNumber(told[name])
    return tokens === undefined ? {} : { [name]: tokens }
  }
  return {
    inputTokens,
    outputTokens,
    ...more('cachedTokens'),
    ...more('cacheWriteTokens'),
    ...more('reasoningTokens'),
    source: told['source'] === 'upstream' ? 'upstream' : 'estimated',
  }
}
