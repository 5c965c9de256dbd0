import type { JsonObject } from '#kit/json-value.ts'
import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CommonRequest, Message } from '#translate/common.ts'
import { alternating, inOrder, splitSystem } from '#translate/history.ts'
import type { Notes } from '#translate/notes.ts'
import { outputPlanFor } from '#translate/output.ts'
import type { OutputPlan } from '#translate/output.ts'
import { checkChoice, ToolNames } from '#translate/tool-names.ts'
import { told } from './fields.ts'
import { writeConfig } from './write-config.ts'
import { ContentsWriter } from './write-contents.ts'
import type { Content } from './write-contents.ts'
import { ToolsWriter } from './write-tools.ts'

export function writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest {
  const { profile, policy } = target
  const names = new ToolNames(request.tools, { max: profile.toolNameMax, form: 'gemini' }, notes)
  for (const [at, { name }] of request.messages.entries())
    if (name !== undefined) notes.drop('dropped:message_name', `messages[${at}].name`)
  checkChoice(request.toolChoice, request.tools, notes)
  const plan = outputPlanFor(request, profile, true, notes)
  const { system, talk } = splitSystem(request.messages, false, policy.inlineSystem, notes)
  const messages = alternating(inOrder(talk, policy.repairsHistory, notes))
  const contents = new ContentsWriter(request, target, names, notes).contents(messages)
  const instructions = instructionsOf(system, plan, notes)
  const outputTool = plan.way === 'tool' ? plan.tool : undefined
  const tools = new ToolsWriter(request, target, names, notes).write(outputTool)
  const { config, stops } = writeConfig(request, target, plan, notes)
  const isInContents = profile.systemRole === 'user'
  const stream = request.stream || profile.alwaysStreams
  return {
    path: `/v1beta/${resourceOf(target.model)}:${stream ? 'streamGenerateContent' : 'generateContent'}`,
    query: stream ? 'alt=sse' : '',
    headers: [],
    stream,
    back: {
      toolNames: names.back,
      customTools: tools.customTools,
      builtins: tools.builtins,
      outputTool: outputTool && names.sent(outputTool.name),
      isOutputWrapped: false,
      stops,
    },
    body: {
      ...restOf(request),
      ...told({
        systemInstruction: isInContents || instructions.length === 0 ? undefined : { parts: instructions },
        contents: complete(contents, isInContents ? instructions : [], messages, target, notes),
        tools: tools.tools.length === 0 ? undefined : tools.tools,
        toolConfig: tools.toolConfig,
        generationConfig: Object.keys(config).length === 0 ? undefined : config,
        cachedContent: request.form === 'gemini' ? request.cache?.resource : undefined,
        labels: labelsOf(request, target, notes),
        serviceTier: tierOf(request, target, notes),
        store: profile.refuses.has('store') ? undefined : request.store,
      }),
    },
  }
}

/** Its own fields that nothing else holds. */
function restOf({ form, rest }: CommonRequest): JsonObject {
  return form === 'gemini' ? rest : {}
}

/** Each block for itself. */
function instructionsOf(system: readonly Message[], plan: OutputPlan, notes: Notes): JsonObject[] {
  const parts: JsonObject[] = []
  for (const { parts: said } of system) {
    for (const part of said) {
      if (part.kind !== 'text') notes.reject('messages', 'a system message other than text is not supported')
      else if (part.text !== '') parts.push({ text: part.text })
      if (part.kind === 'text' && part.cache !== undefined) notes.drop('dropped:cache_hint', 'messages')
    }
  }
  return plan.way === 'instruction' ? [...parts, { text: plan.text }] : parts
}

/** A conversation that the user begins, in which somebody says something. */
function complete(
  contents: readonly Content[],
  instructions: readonly JsonObject[],
  messages: readonly Message[],
  { profile }: Target,
  notes: Notes,
): readonly Content[] {
  const [first] = contents
  const mustBegin = profile.mustStartWithUser && first?.role !== 'user' && instructions.length === 0
  if (messages.at(-1)?.role === 'assistant' && !profile.takesPrefill) notes.adapt('adapted:prefill', 'messages')
  if (first === undefined || mustBegin) {
    const begin = instructions.length > 0 ? [...instructions] : [{ text: 'Continue.' }]
    if (instructions.length === 0) notes.adapt('adapted:turn_inserted', 'messages')
    return [{ role: 'user', parts: begin }, ...contents]
  }
  if (instructions.length === 0) return contents
  if (first.role !== 'user') return [{ role: 'user', parts: [...instructions] }, ...contents]
  return [{ role: 'user', parts: [...instructions, ...first.parts] }, ...contents.slice(1)]
}

/** Names of tuned models say themselves what they are. */
export function resourceOf(model: string): string {
  const path = model
    .split('/')
    .map((segment) => encodeURIComponent(segment).replaceAll('%3A', ':').replaceAll('%40', '@'))
  return /^(?:models|tunedModels)\//.test(model) ? path.join('/') : `models/${path.join('/')}`
}

/** Only where there are labels, and who asks may be told to others. */
function labelsOf(request: CommonRequest, { profile, policy }: Target, notes: Notes): JsonObject | undefined {
  const { endUser, tags } = request.identity
  if (endUser !== undefined) notes.drop('dropped:user', 'user')
  if (tags === undefined) return undefined
  if (request.form !== 'gemini' && (profile.refuses.has('labels') || !policy.forwardsIdentity)) {
    notes.drop('dropped:metadata', 'metadata')
    return undefined
  }
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [labelText(name), labelText(value)]))
}

/** Limit: 63 small letters, digits, `_` and `-`. */
function labelText(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{Ll}\p{Lo}\p{N}_-]/gu, '_')
    .slice(0, 63)
}

function tierOf({ tier }: CommonRequest, { profile }: Target, notes: Notes): string | undefined {
  if (tier === undefined || tier === 'auto') return undefined
  const own = tiers.get(tier)
  if (own !== undefined && !profile.refuses.has('serviceTier')) return own
  notes.drop('dropped:service_tier', 'service_tier')
  return undefined
}

const tiers: ReadonlyMap<string, string> = new Map([
  ['default', 'standard'],
  ['standard', 'standard'],
  ['standard_only', 'standard'],
  ['flex', 'flex'],
  ['priority', 'priority'],
])
