import { asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Effort, Output, Reasoning, Sampling } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { flagIn, listIn, member, namesIn, numberIn, objectIn, textIn, wordIn } from './fields.ts'
import { jsonSchemaOf } from './openapi-schema.ts'

export function readSampling(config: JsonObject): Sampling {
  const stop = listIn(config, 'stopSequences').flatMap((each) => asText(each) ?? [])
  return {
    temperature: numberIn(config, 'temperature'),
    topP: numberIn(config, 'topP'),
    topK: numberIn(config, 'topK'),
    presencePenalty: numberIn(config, 'presencePenalty'),
    frequencyPenalty: numberIn(config, 'frequencyPenalty'),
    seed: numberIn(config, 'seed'),
    stop: stop.length === 0 ? undefined : stop,
    n: numberIn(config, 'candidateCount'),
    maxOutputTokens: numberIn(config, 'maxOutputTokens'),
    logprobs: flagIn(config, 'responseLogprobs'),
    topLogprobs: numberIn(config, 'logprobs'),
  }
}

/** Who says nothing of thoughts, sees none. */
export function readReasoning(config: JsonObject): Reasoning | undefined {
  const thinking = objectIn(config, 'thinkingConfig')
  if (thinking === undefined) return undefined
  const budgetTokens = numberIn(thinking, 'thinkingBudget')
  return {
    effort: effortOf(wordIn(thinking, 'thinkingLevel')),
    budgetTokens,
    kind: kindOf(budgetTokens),
    visibility: flagIn(thinking, 'includeThoughts') === true ? 'summary' : 'none',
  }
}

export function readOutput(config: JsonObject): Output {
  const modalities = listIn(config, 'responseModalities').flatMap((each) => asText(each)?.toLowerCase() ?? [])
  const wantsAudio = modalities.includes('audio')
  return {
    format: readFormat(config),
    modalities: modalities.length === 0 ? undefined : modalities,
    audio: wantsAudio ? { voice: voiceOf(config), format: 'pcm16' } : undefined,
  }
}

/** Members that nothing here reads, for those who want to know what is lost. */
export function noteUnknown(config: JsonObject, notes: Notes): void {
  for (const name of Object.keys(config)) {
    if (!known.has(name)) notes.drop('dropped:unknown_field', `generationConfig.${name}`)
  }
}

function readFormat(config: JsonObject): Output['format'] {
  const mime = textIn(config, 'responseMimeType')?.toLowerCase()
  const schema = readSchema(config)
  if (schema !== undefined && mime !== 'text/plain') return { kind: 'json_schema', schema }
  if (mime === 'application/json') return { kind: 'json' }
  return mime === undefined ? undefined : { kind: 'text' }
}

function readSchema(config: JsonObject): JsonObject | undefined {
  const schema = objectIn(config, 'responseJsonSchema') ?? objectIn(config, '_responseJsonSchema')
  if (schema !== undefined) return schema
  const subset = objectIn(config, 'responseSchema')
  return subset && jsonSchemaOf(subset)
}

function effortOf(level: string | undefined): Effort | undefined {
  switch (level ?? '') {
    case 'MINIMAL':
      return 'minimal'
    case 'LOW':
      return 'low'
    case 'MEDIUM':
      return 'medium'
    case 'HIGH':
      return 'high'
    default:
      return undefined
  }
}

function kindOf(budgetTokens: number | undefined): Reasoning['kind'] {
  if (budgetTokens === undefined) return undefined
  if (budgetTokens === 0) return 'off'
  return budgetTokens < 0 ? 'adaptive' : 'budget'
}

/** Voices have other names elsewhere; one that is nobody's is the usual one. */
function voiceOf(config: JsonObject): string {
  const voice = objectIn(objectIn(config, 'speechConfig') ?? {}, 'voiceConfig') ?? {}
  const name = textIn(objectIn(voice, 'prebuiltVoiceConfig') ?? {}, 'voiceName')?.toLowerCase()
  return name !== undefined && openaiVoices.has(name) ? name : 'alloy'
}

const openaiVoices: ReadonlySet<string> = new Set([
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'sage',
  'shimmer',
  'verse',
])

const known = namesIn([
  'temperature',
  'topP',
  'topK',
  'presencePenalty',
  'frequencyPenalty',
  'seed',
  'stopSequences',
  'candidateCount',
  'maxOutputTokens',
  'responseLogprobs',
  'logprobs',
  'thinkingConfig',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  '_responseJsonSchema',
  'responseModalities',
  'speechConfig',
  'mediaResolution',
])

/** `mediaResolution` of all images. */
export function resolutionOf(config: JsonObject): string | undefined {
  return member(config, 'mediaResolution') === undefined ? undefined : wordIn(config, 'mediaResolution')
}
