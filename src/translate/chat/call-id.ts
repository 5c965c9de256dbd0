import type { IdSource } from '#translate/codec.ts'

/** The id of a call as clients may know it: one that is told again in the next turn, or is none, is replaced. */
export function callId(given: string, taken: Set<string>, ids: IdSource): string {
  const isOwn = given !== '' && !isCounted(given) && !taken.has(given)
  const id = isOwn ? given : `call_${ids.base62(24)}`
  taken.add(id)
  return id
}

/** `call_0`, `0`, `1`: the number of the call within its turn, which the next turn has as well. */
function isCounted(id: string): boolean {
  return /^(?:\d{1,3}|(?:call|tool|tool_call|toolcall|function)[_-]?0)$/i.test(id)
}
