import { asList, asNumber, asObject } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Usage } from '#translate/common.ts'
import { told } from './fields.ts'

/** `usageMetadata`, whose answer leaves out the thoughts. Undefined where it counts nothing. */
export function usageOf(metadata: JsonObject | undefined): Usage | undefined {
  if (metadata === undefined) return undefined
  const prompt = asNumber(metadata['promptTokenCount'])
  const toolUse = asNumber(metadata['toolUsePromptTokenCount'])
  const reasoning = asNumber(metadata['thoughtsTokenCount'])
  const input = sum(prompt, toolUse)
  const output = sum(asNumber(metadata['candidatesTokenCount']), reasoning)
  if (input === undefined && output === undefined) return undefined
  return {
    input,
    cacheRead: asNumber(metadata['cachedContentTokenCount']),
    output: output ?? restOfTotal(asNumber(metadata['totalTokenCount']), input),
    reasoning,
    audioInput: audioTokens(metadata['promptTokensDetails']),
    audioOutput: audioTokens(metadata['candidatesTokensDetails']),
  }
}

/** `usageMetadata` for a client. */
export function usageMetadataOf(usage: Usage | undefined, inputEstimate: number): JsonObject {
  const input = usage?.input ?? inputEstimate
  const output = usage?.output
  const reasoning = usage?.reasoning
  return told({
    promptTokenCount: input,
    cachedContentTokenCount: usage?.cacheRead,
    candidatesTokenCount: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0)),
    thoughtsTokenCount: reasoning,
    totalTokenCount: input + (output ?? 0),
    promptTokensDetails: modalities(input, usage?.audioInput),
    candidatesTokensDetails: modalities((output ?? 0) - (reasoning ?? 0), usage?.audioOutput),
  })
}

/** Service tiers: as Gemini's usage names them → as OpenAI does. */
export function tierOf(metadata: JsonObject | undefined): string | undefined {
  const tier = metadata?.['serviceTier']
  if (typeof tier !== 'string') return undefined
  const word = tier.toLowerCase()
  if (word === 'standard') return 'default'
  return word === 'flex' || word === 'priority' ? word : undefined
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0)
}

/** An answer without a single token has no count of its own. */
function restOfTotal(total: number | undefined, input: number | undefined): number | undefined {
  return total === undefined || input === undefined ? undefined : Math.max(0, total - input)
}

function audioTokens(details: unknown): number | undefined {
  for (const each of asList(details)) {
    const detail = asObject(each)
    if (detail?.['modality'] === 'AUDIO') return asNumber(detail['tokenCount'])
  }
  return undefined
}

function modalities(all: number, audio: number | undefined): JsonObject[] | undefined {
  if (audio === undefined || audio === 0) return undefined
  return [
    { modality: 'TEXT', tokenCount: Math.max(0, all - audio) },
    { modality: 'AUDIO', tokenCount: audio },
  ]
}
