import { asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Effort, Output, Reasoning, Sampling } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { clipped, tellUnknown } from '#translate/unknown-members.ts'
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
export function readReasoning(config: JsonObject, notes: Notes): Reasoning | undefined {
  const thinking = objectIn(config, 'thinkingConfig')
  if (thinking === undefined) return undefined
  tellUnknown(thinking, thinkingMembers, 'generationConfig.thinkingConfig', notes)
  const budgetTokens = numberIn(thinking, 'thinkingBudget')
  return {
    effort: effortOf(wordIn(thinking, 'thinkingLevel')),
    budgetTokens,
    kind: kindOf(budgetTokens),
    visibility: flagIn(thinking, 'includeThoughts') === true ? 'summary' : 'none',
  }
}

const thinkingMembers = namesIn(['thinkingBudget', 'thinkingLevel', 'includeThoughts'])

export function readOutput(config: JsonObject, notes: Notes): Output {
  const modalities = listIn(config, 'responseModalities').flatMap((each) => asText(each)?.toLowerCase() ?? [])
  const wantsAudio = modalities.includes('audio')
  return {
    format: readFormat(config, notes),
    modalities: modalities.length === 0 ? undefined : modalities,
    audio: wantsAudio ? { voice: voiceOf(config, notes), format: 'pcm16' } : undefined,
  }
}

/** Members that nothing here reads, for those who want to know what is lost. */
export function noteUnknown(config: JsonObject, notes: Notes): void {
  for (const name of Object.keys(config)) {
    if (!known.has(name)) notes.drop('dropped:unknown_field', `generationConfig.${name}`)
  }
}

function readFormat(config: JsonObject, notes: Notes): Output['format'] {
  // What is empty is not set, as in all of Google's messages.
  const mime = textIn(config, 'responseMimeType')?.toLowerCase() || undefined
  const schema = readSchema(config)
  // A value of an enumeration without its quotes: others are asked for it as JSON.
  if (mime === 'text/x.enum' && Array.isArray(schema?.['enum'])) return { kind: 'json_schema', schema, isBare: true }
  if (mime !== undefined && mime !== 'application/json' && mime !== 'text/plain') {
    notes.reject('generationConfig.responseMimeType', `answers of the type "${clipped(mime)}" are not supported`)
  }
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
function voiceOf(config: JsonObject, notes: Notes): string {
  const speech = objectIn(config, 'speechConfig') ?? {}
  const voice = objectIn(speech, 'voiceConfig') ?? {}
  const name = textIn(objectIn(voice, 'prebuiltVoiceConfig') ?? {}, 'voiceName')?.toLowerCase()
  tellUnknown(speech, speechMembers, 'generationConfig.speechConfig', notes)
  tellUnknown(voice, voiceMembers, 'generationConfig.speechConfig.voiceConfig', notes)
  if (name !== undefined && openaiVoices.has(name)) return name
  if (name !== undefined) notes.drop('dropped:unknown_field', 'generationConfig.speechConfig.voiceConfig')
  return 'alloy'
}

const speechMembers = namesIn(['voiceConfig'])
const voiceMembers = namesIn(['prebuiltVoiceConfig'])

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
