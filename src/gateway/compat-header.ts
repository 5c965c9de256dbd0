import type { CompatMode, CompatPolicy } from '#core/compat.ts'
import { refuse, type Refusal } from '#core/refusal.ts'

const name = 'x-llm-proxy-compat'

const fault = refuse('invalid_parameter', `Cannot read the header "${name}": it must be warn, strict or lenient`, {
  param: name,
})

/** Undefined where the client's word about its translation can be followed, or it says none. */
export function compatFault(headers: Headers): Refusal | undefined {
  const asked = headers.get(name)
  if (asked === null || modes.has(asked.trim().toLowerCase())) return undefined
  return fault
}

/** What the operator says of translations, with the mode that the client asks for. */
export function compatFor(policy: CompatPolicy, headers: Headers): CompatPolicy {
  const mode = modes.get(headers.get(name)?.trim().toLowerCase() ?? '')
  return mode === undefined || mode === policy.mode ? policy : { ...policy, mode }
}

const modes: ReadonlyMap<string, CompatMode> = new Map([
  ['warn', 'warn'],
  ['strict', 'strict'],
  ['lenient', 'lenient'],
])
