import { asNumber, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Usage } from '#translate/common.ts'

/**
 * The usage that a body or a chunk tells: in `usage`, in Groq's `x_groq`, or as llama.cpp measures it in `timings`, which is
 * only looked at where the fields of OpenAI say nothing.
 */
export function readUsage(body: JsonObject): Usage | undefined {
  const usage = asObject(body['usage']) ?? asObject(asObject(body['x_groq'])?.['usage'])
  const timings = asObject(body['timings'])
  const told = usage === undefined ? undefined : ofTokens(usage)
  const measured = timings === undefined ? undefined : ofTimings(timings)
  if (told === undefined || measured === undefined) return told ?? measured
  return { ...measured, ...told }
}

function ofTokens(usage: JsonObject): Usage | undefined {
  const input = count(usage['prompt_tokens'])
  const output = count(usage['completion_tokens'])
  if (input === undefined && output === undefined) return undefined
  const prompt = asObject(usage['prompt_tokens_details']) ?? {}
  const completion = asObject(usage['completion_tokens_details']) ?? {}
  const { cacheRead, cacheWrite } = cached(usage, prompt)
  return known({
    input,
    cacheRead,
    cacheWrite,
    ...withReasoning(input ?? 0, output, count(usage['total_tokens']), count(completion['reasoning_tokens'])),
    audioInput: count(prompt['audio_tokens']),
    audioOutput: count(completion['audio_tokens']),
    acceptedPrediction: count(completion['accepted_prediction_tokens']),
    rejectedPrediction: count(completion['rejected_prediction_tokens']),
  })
}

/** OpenAI's fields, DeepSeek's, Moonshot's. */
function cached(usage: JsonObject, prompt: JsonObject): Pick<Usage, 'cacheRead' | 'cacheWrite'> {
  return {
    cacheRead:
      count(prompt['cached_tokens']) ?? count(usage['prompt_cache_hit_tokens']) ?? count(usage['cached_tokens']),
    cacheWrite: count(prompt['cache_write_tokens']) ?? count(prompt['cache_creation_tokens']),
  }
}

/** Some servers leave thoughts out of the completion; the total tells (formats §7.2). */
function withReasoning(
  input: number,
  output: number | undefined,
  total: number | undefined,
  reasoning: number | undefined,
): Pick<Usage, 'output' | 'reasoning'> {
  const missing = total === undefined || output === undefined ? 0 : total - input - output
  const isExclusive = missing > 0 && (reasoning === undefined || reasoning === 0 || reasoning === missing)
  if (!isExclusive || output === undefined) return { output, reasoning }
  return { output: output + missing, reasoning: reasoning === undefined || reasoning === 0 ? missing : reasoning }
}

/** `prompt_n`: those that were read anew, without those of the cache. */
function ofTimings(timings: JsonObject): Usage | undefined {
  const prompt = count(timings['prompt_n'])
  const cacheRead = count(timings['cache_n'])
  const output = count(timings['predicted_n'])
  if (prompt === undefined && output === undefined) return undefined
  return known({ input: prompt === undefined ? undefined : prompt + (cacheRead ?? 0), cacheRead, output })
}

function count(value: unknown): number | undefined {
  const number = asNumber(value)
  return number !== undefined && Number.isFinite(number) && number >= 0 ? number : undefined
}

function known<Members extends object>(members: Members): Partial<Members> {
  const told: Partial<Members> = { ...members }
  for (const name of Object.keys(told)) if (Reflect.get(told, name) === undefined) Reflect.deleteProperty(told, name)
  return told
}

/** As clients of Chat and Completions know it. */
export function writeUsage(usage: Usage): JsonObject {
  const { input = 0, output = 0 } = usage
  const prompt = known({
    cached_tokens: usage.cacheRead ?? 0,
    cache_write_tokens: usage.cacheWrite,
    audio_tokens: usage.audioInput,
  })
  const completion = known({
    reasoning_tokens: usage.reasoning ?? 0,
    audio_tokens: usage.audioOutput,
    accepted_prediction_tokens: usage.acceptedPrediction,
    rejected_prediction_tokens: usage.rejectedPrediction,
  })
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: prompt,
    completion_tokens_details: completion,
  }
}
