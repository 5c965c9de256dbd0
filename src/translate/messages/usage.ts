import { asNumber, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Usage } from '#translate/common.ts'

/**
 * Anthropic's counts as they come. What is told later overrules what was told before, number by number, and cached tokens
 * are counted beside the input, so that the whole is known only when it is asked for.
 */
export class UsageCount {
  #input: number | undefined
  #cacheRead: number | undefined
  #cacheWrite: number | undefined
  #cacheWrite5m: number | undefined
  #cacheWrite1h: number | undefined
  #output: number | undefined
  #reasoning: number | undefined

  take(usage: JsonObject): void {
    this.#input = asNumber(usage['input_tokens']) ?? this.#input
    this.#cacheRead = asNumber(usage['cache_read_input_tokens']) ?? this.#cacheRead
    this.#cacheWrite = asNumber(usage['cache_creation_input_tokens']) ?? this.#cacheWrite
    const written = asObject(usage['cache_creation'])
    if (written !== undefined) {
      this.#cacheWrite5m = asNumber(written['ephemeral_5m_input_tokens']) ?? this.#cacheWrite5m
      this.#cacheWrite1h = asNumber(written['ephemeral_1h_input_tokens']) ?? this.#cacheWrite1h
    }
    this.#output = asNumber(usage['output_tokens']) ?? this.#output
    const details = asObject(usage['output_tokens_details'])
    if (details !== undefined) this.#reasoning = asNumber(details['thinking_tokens']) ?? this.#reasoning
  }

  get total(): Usage {
    const cacheWrite = this.#cacheWrite ?? sumOf(this.#cacheWrite5m, this.#cacheWrite1h)
    const input = this.#input === undefined ? undefined : this.#input + (this.#cacheRead ?? 0) + (cacheWrite ?? 0)
    return {
      input,
      cacheRead: this.#cacheRead,
      cacheWrite,
      cacheWrite5m: this.#cacheWrite5m,
      cacheWrite1h: this.#cacheWrite1h,
      output: this.#output,
      reasoning: this.#reasoning,
    }
  }
}

function sumOf(first: number | undefined, second: number | undefined): number | undefined {
  return first === undefined && second === undefined ? undefined : (first ?? 0) + (second ?? 0)
}

/** The counts that a body and the end of a stream share. `estimate`: where the backend told none. */
export interface WrittenUsage {
  readonly input_tokens: number
  readonly cache_creation_input_tokens: number
  readonly cache_read_input_tokens: number
  readonly output_tokens: number
  readonly output_tokens_details: { readonly thinking_tokens: number } | null
  readonly server_tool_use: null
}

export function writtenUsage(
  usage: Usage | undefined,
  estimate: { readonly input: number; readonly output: number },
): WrittenUsage {
  const cacheRead = usage?.cacheRead ?? 0
  const cacheWrite = usage?.cacheWrite ?? 0
  return {
    input_tokens: Math.max(0, (usage?.input ?? estimate.input) - cacheRead - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    output_tokens: usage?.output ?? estimate.output,
    output_tokens_details: usage?.reasoning === undefined ? null : { thinking_tokens: usage.reasoning },
    server_tool_use: null,
  }
}

/** By which texts are counted where nobody else counts them: rather too many tokens than too few. */
export const charactersPerToken = 3

/** Which tier served it, in Anthropic's words. */
export function servedTier(tier: string | undefined): { readonly service_tier: string } | undefined {
  const word = tier === undefined ? undefined : tiers.get(tier)
  return word === undefined ? undefined : { service_tier: word }
}

const tiers: ReadonlyMap<string, string> = new Map([
  ['standard', 'standard'],
  ['default', 'standard'],
  ['priority', 'priority'],
  ['batch', 'batch'],
])
