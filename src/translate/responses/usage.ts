import { asNumber, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Usage } from '#translate/common.ts'

/** Undefined where nothing is counted. */
export function readUsage(value: unknown): Usage | undefined {
  const usage = asObject(value)
  if (usage === undefined) return undefined
  const input = asObject(usage['input_tokens_details'])
  const output = asObject(usage['output_tokens_details'])
  const counted: Usage = {
    input: asNumber(usage['input_tokens']),
    cacheRead: asNumber(input?.['cached_tokens']),
    cacheWrite: asNumber(input?.['cache_write_tokens']),
    output: asNumber(usage['output_tokens']),
    reasoning: asNumber(output?.['reasoning_tokens']),
    audioInput: asNumber(input?.['audio_tokens']),
    audioOutput: asNumber(output?.['audio_tokens']),
  }
  return Object.values(counted).every((count) => count === undefined) ? undefined : counted
}

/** Clients' types want every one of its members. */
export function writeUsage(usage: Usage): JsonObject {
  const input = usage.input ?? 0
  const output = usage.output ?? 0
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheRead ?? 0, cache_write_tokens: usage.cacheWrite ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: input + output,
  }
}

/** Where the backend counted nothing: clients must be told something, and rather too many than too few. */
export function estimatedUsage(inputEstimate: number, outputLength: number): Usage {
  return { input: inputEstimate, output: Math.ceil(outputLength / charactersPerToken) }
}

const charactersPerToken = 3
