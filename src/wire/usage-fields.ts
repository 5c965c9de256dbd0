import type { ToldUsage } from '#core/usage.ts'
import { asObject, type JsonObject } from '#kit/json-value.ts'

/**
 * The counts of a usage object in whatever words a provider has for them, in one sense: the input with what was read from
 * a cache and written into it, the output with its thoughts. Undefined where none of them can be believed.
 */
export function countsOf(usage: JsonObject): ToldUsage | undefined {
  if ('prompt_tokens' in usage || 'completion_tokens' in usage) return ofChat(usage)
  if ('input_tokens' in usage || 'output_tokens' in usage) return ofMessagesOrResponses(usage)
  if ('inputTokens' in usage || 'outputTokens' in usage) return ofConverse(usage)
  if ('promptTokenCount' in usage || 'candidatesTokenCount' in usage || 'thoughtsTokenCount' in usage) {
    return ofGemini(usage)
  }
  const inner = asObject(usage['tokens']) ?? asObject(usage['billed_units'])
  if (inner !== undefined) return ofCohere(usage, inner)
  // Some embeddings and rankings tell nothing but a total, and have no output.
  const total = count(usage['total_tokens'])
  return total === undefined ? undefined : { inputTokens: total, outputTokens: 0 }
}

/** What a model server of its own measures: llama.cpp. */
export function countsOfTimings(timings: JsonObject): ToldUsage | undefined {
  const prompt = count(timings['prompt_n'])
  const cached = count(timings['cache_n'])
  // `prompt_n`: those that were read anew.
  return told(prompt === undefined ? undefined : prompt + (cached ?? 0), count(timings['predicted_n']), { cached })
}

/** Ollama's, of a line or a body. */
export function countsOfEval(prompt: unknown, output: unknown): ToldUsage | undefined {
  return told(count(prompt), count(output), {})
}

function ofChat(usage: JsonObject): ToldUsage | undefined {
  const prompt = asObject(usage['prompt_tokens_details']) ?? nothing
  const completion = asObject(usage['completion_tokens_details']) ?? nothing
  const input = count(usage['prompt_tokens'])
  const plain = count(usage['completion_tokens'])
  const thoughts = count(completion['reasoning_tokens'])
  // Some servers leave thoughts out of the completion; the total tells.
  const missing = (count(usage['total_tokens']) ?? 0) - (input ?? 0) - (plain ?? 0)
  const isApart =
    plain !== undefined && missing > 0 && (thoughts === undefined || thoughts === 0 || thoughts === missing)
  // Embeddings have a prompt alone.
  const output = plain === undefined && input !== undefined ? 0 : plain
  return told(input, isApart ? plain + missing : output, {
    cached:
      count(prompt['cached_tokens']) ??
      count(usage['prompt_cache_hit_tokens']) ??
      count(usage['cached_tokens']) ??
      count(usage['cache_read_input_tokens']),
    cacheWrite:
      count(prompt['cache_write_tokens']) ??
      count(prompt['cache_creation_tokens']) ??
      count(usage['cache_creation_input_tokens']),
    reasoning: isApart ? missing : thoughts,
  })
}

/** The same two names: what Anthropic tells of its cache beside the input is not in it. */
function ofMessagesOrResponses(usage: JsonObject): ToldUsage | undefined {
  const input = count(usage['input_tokens'])
  const output = count(usage['output_tokens'])
  const outputDetails = asObject(usage['output_tokens_details']) ?? nothing
  const inputDetails = asObject(usage['input_tokens_details'])
  const read = count(usage['cache_read_input_tokens'])
  const write = count(usage['cache_creation_input_tokens'])
  const reasoning = count(outputDetails['reasoning_tokens']) ?? count(outputDetails['thinking_tokens'])
  if (inputDetails !== undefined) {
    const cacheWrite = count(inputDetails['cache_write_tokens'])
    return told(input, output, { cached: count(inputDetails['cached_tokens']), cacheWrite, reasoning })
  }
  const whole = input === undefined ? undefined : input + (read ?? 0) + (write ?? 0)
  return told(whole, output, { cached: read, cacheWrite: write, reasoning })
}

function ofConverse(usage: JsonObject): ToldUsage | undefined {
  const input = count(usage['inputTokens'])
  const cached = count(usage['cacheReadInputTokens'])
  const cacheWrite = count(usage['cacheWriteInputTokens'])
  const whole = input === undefined ? undefined : input + (cached ?? 0) + (cacheWrite ?? 0)
  return told(whole, count(usage['outputTokens']), { cached, cacheWrite })
}

function ofGemini(usage: JsonObject): ToldUsage | undefined {
  const prompt = count(usage['promptTokenCount'])
  const input = prompt === undefined ? undefined : prompt + (count(usage['toolUsePromptTokenCount']) ?? 0)
  const candidates = count(usage['candidatesTokenCount'])
  const reasoning = count(usage['thoughtsTokenCount'])
  const output = candidates === undefined && reasoning === undefined ? undefined : (candidates ?? 0) + (reasoning ?? 0)
  return told(input, output, { cached: count(usage['cachedContentTokenCount']), reasoning })
}

function ofCohere(usage: JsonObject, inner: JsonObject): ToldUsage | undefined {
  const input = count(inner['input_tokens'])
  const output = count(inner['output_tokens']) ?? (input === undefined ? undefined : 0)
  return told(input, output, { cached: count(usage['cached_tokens']) })
}

const nothing: JsonObject = {}

/** Counts of a translated answer, as far as they can be believed. */
export function believed(
  input: unknown,
  output: unknown,
  parts: Readonly<Record<keyof Details, unknown>>,
): ToldUsage | undefined {
  const { cached, cacheWrite, reasoning } = parts
  return told(count(input), count(output), {
    cached: count(cached),
    cacheWrite: count(cacheWrite),
    reasoning: count(reasoning),
  })
}

interface Details {
  readonly cached?: number | undefined
  readonly cacheWrite?: number | undefined
  readonly reasoning?: number | undefined
}

/** Of a part that is larger than its whole, nothing but the whole is believed. */
function told(input: number | undefined, output: number | undefined, parts: Details): ToldUsage | undefined {
  if (input === undefined && output === undefined) return undefined
  const { cached, cacheWrite, reasoning } = parts
  const usage: { -readonly [Name in keyof ToldUsage]: ToldUsage[Name] } = {}
  if (input !== undefined) usage.inputTokens = input
  if (output !== undefined) usage.outputTokens = output
  if (cached !== undefined && cached <= (input ?? 0)) usage.cachedTokens = cached
  if (cacheWrite !== undefined && cacheWrite + (usage.cachedTokens ?? 0) <= (input ?? 0)) {
    usage.cacheWriteTokens = cacheWrite
  }
  if (reasoning !== undefined && reasoning <= (output ?? 0)) usage.reasoningTokens = reasoning
  return usage
}

/** Limit: tokens of one request; what says more, or less than none, or anything but a number, counts as not told. */
const countMax = 1_000_000_000

function count(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= countMax ? Math.round(value) : undefined
}
