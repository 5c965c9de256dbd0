import type { Call, Span } from '#core/call.ts'
import { asBuffer } from '#kit/bytes.ts'
import { membersAt } from '#wire/object-members.ts'

/** Members that requests get which have none of their names. */
export interface AddedMembers {
  readonly names: ReadonlySet<string>
  /** As they are written: `"cache_prompt":true`. */
  readonly textByName: ReadonlyMap<string, string>
}

/** Undefined: there are none. */
export function addedMembers(fields: readonly (readonly [name: string, value: unknown])[]): AddedMembers | undefined {
  if (fields.length === 0) return undefined
  const texts = fields.map(([name, value]) => [name, `${JSON.stringify(name)}:${JSON.stringify(value)}`] as const)
  const textByName = new Map(texts)
  return { names: new Set(textByName.keys()), textByName }
}

/** The call with these members in front of its own, which stay byte by byte. */
export function withMembers(call: Call, { names, textByName }: AddedMembers): Call {
  const { body, endpoint, modelAt } = call
  if (endpoint.talk === undefined || body === undefined) return call
  const bytes = asBuffer(body)
  const brace = bytes.indexOf('{')
  if (brace === -1) return call
  const { spans, ambiguous } = membersAt(bytes, brace, names)
  // Which one of two would count is not for us to say.
  const missing = ambiguous === undefined ? [...textByName].filter(([name]) => !spans.has(name)) : []
  if (missing.length === 0) return call
  const isEmpty = bytes
    .subarray(brace + 1)
    .toString('latin1')
    .trimStart()
    .startsWith('}')
  const added = Buffer.from(missing.map(([, text]) => text).join(',') + (isEmpty ? '' : ','))
  const changed = Buffer.concat([bytes.subarray(0, brace + 1), added, bytes.subarray(brace + 1)])
  const moved = (span: Span): Span =>
    span.start > brace ? { start: span.start + added.length, end: span.end + added.length } : span
  return { ...call, body: changed, modelAt: moved(modelAt) }
}
