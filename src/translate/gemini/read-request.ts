import { asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { RequestFacts } from '#translate/codec.ts'
import type { CommonRequest, Identity } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { flagIn, listIn, member, namesIn, objectIn, textIn } from './fields.ts'
import { noteUnknown, readOutput, readReasoning, readSampling, resolutionOf } from './read-config.ts'
import { readContents, readSystem } from './read-contents.ts'
import { detailOf } from './read-media.ts'
import { readToolChoice, readTools } from './read-tools.ts'

export function readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest {
  const config = objectIn(body, 'generationConfig') ?? {}
  noteLosses(body, config, notes)
  const resource = textIn(body, 'cachedContent')
  return {
    form: 'gemini',
    model: facts.model,
    stream: facts.stream,
    messages: [...readSystem(body, notes), ...readContents(body, detailOf(resolutionOf(config)), notes)],
    tools: readTools(body, notes),
    toolChoice: readToolChoice(body, notes),
    parallelToolCalls: undefined,
    sampling: readSampling(config),
    reasoning: readReasoning(config, notes),
    output: readOutput(config, notes),
    cache: resource === undefined ? undefined : { resource },
    identity: readIdentity(body),
    tier: readTier(body),
    store: flagIn(body, 'store'),
    previousResponseId: undefined,
    include: [],
    includeUsage: true,
    rest: Object.fromEntries(Object.entries(body).filter(([name]) => !known.has(name))),
  }
}

/** What no other form has. A cached part of the prompt, or of the answer, would be missing in silence. */
function noteLosses(body: JsonObject, config: JsonObject, notes: Notes): void {
  if (textIn(body, 'cachedContent') !== undefined) notes.reject('cachedContent', 'cached content is not supported')
  if (textIn(body, 'continuationToken') !== undefined)
    notes.reject('continuationToken', 'going on with an earlier answer is not supported')
  if (listIn(body, 'safetySettings').length > 0) notes.drop('dropped:safety_settings', 'safetySettings')
  for (const name of Object.keys(body)) {
    if (!known.has(name) && !apart.has(name)) notes.drop('dropped:unknown_field', name)
  }
  noteUnknown(config, notes)
}

function readIdentity(body: JsonObject): Identity {
  const labels = Object.entries(objectIn(body, 'labels') ?? {}).flatMap(([name, value]): [string, string][] => {
    const text = asText(value)
    return text === undefined ? [] : [[name, text]]
  })
  return labels.length === 0 ? {} : { tags: Object.fromEntries(labels) }
}

/** In the words that most others share. */
function readTier(body: JsonObject): string | undefined {
  const tier = asText(member(body, 'serviceTier'))?.toLowerCase().replace('service_tier_', '')
  if (tier === 'standard') return 'default'
  return tier === 'unspecified' ? undefined : tier
}

const known = namesIn([
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'cachedContent',
  'labels',
  'serviceTier',
  'store',
])

/** Told apart, or of no account: the model stands in the path. */
const apart = namesIn(['safetySettings', 'continuationToken', 'model'])
