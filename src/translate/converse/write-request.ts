import { asObject, type JsonObject } from '#kit/json-value.ts'
import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CacheHint, CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { outputPlanFor, type OutputPlan } from '#translate/output.ts'
import { schemaFor, wrappedRoot } from '#translate/schema.ts'
import { ToolNames } from '#translate/tool-names.ts'
import { CachePoints, type Block } from './cache-points.ts'
import { requestMetadata, serviceTier } from './identity.ts'
import { cacheBehind, isClaude, type RequestWriting } from './request-writing.ts'
import { tellUncarried } from './uncarried.ts'
import { writeLimits } from './write-limits.ts'
import { writeMessages, type WrittenMessage } from './write-messages.ts'
import { writeThinking } from './write-thinking.ts'
import { writeOutputTool, writeTools, type WrittenTools } from './write-tools.ts'

/** A request of the common form as one of Converse. */
export function writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest {
  const names = new ToolNames(request.tools, { max: target.profile.toolNameMax, form: 'openai' }, notes)
  const writing: RequestWriting = { request, target, notes, names, points: new CachePoints() }
  tellUncarried(writing)
  const written = writeMessages(writing)
  const { messages, system } = written
  const tools = writeTools(writing, written.calledTools)
  const output = writeOutput(writing, tools, system, messages)
  const { toolConfig } = output
  const limit = outputLimit(writing)
  const choice = output.tool === undefined ? request.toolChoice : { mode: 'required' as const }
  const thinking = writeThinking(writing, messages, choice, limit)
  const limits = writeLimits(writing, thinking, limit)
  setCache(writing, { messages, system, tools: toolConfig?.tools })
  const stream = request.stream || mustStream(writing, limit)
  const fields = {
    ...thinking.fields,
    ...limits.fields,
    ...(tools.claudeChoice !== undefined && { tool_choice: tools.claudeChoice }),
  }
  const body: JsonObject = {
    messages,
    ...(system.length > 0 && { system }),
    ...(Object.keys(limits.inferenceConfig).length > 0 && { inferenceConfig: limits.inferenceConfig }),
    ...(toolConfig !== undefined && { toolConfig }),
    ...(output.config !== undefined && { outputConfig: output.config }),
    ...(Object.keys(fields).length > 0 && { additionalModelRequestFields: fields }),
    ...(isClaude(target) && {
      additionalModelResponseFieldPaths: [stream ? '/delta/stop_sequence' : '/stop_sequence'],
    }),
    ...serviceTier(writing),
    ...requestMetadata(writing),
  }
  return {
    path: `/model/${encodeURIComponent(target.model)}/${stream ? 'converse-stream' : 'converse'}`,
    query: '',
    body: withoutRefused(body, target, notes),
    headers: [['accept', stream ? 'application/vnd.amazon.eventstream' : 'application/json']],
    stream,
    back: {
      toolNames: names.back,
      customTools: tools.customTools,
      builtins: tools.builtins,
      outputTool: output.tool,
      isOutputWrapped: output.isWrapped,
      stops: limits.stops,
    },
  }
}

/** What is asked of the answer's shape. */
interface WrittenOutput {
  readonly toolConfig: WrittenTools['toolConfig']
  readonly config?: Block
  /** The tool that stands for it. */
  readonly tool: string | undefined
  readonly isWrapped: boolean
}

function writeOutput(
  writing: RequestWriting,
  { toolConfig }: WrittenTools,
  system: Block[],
  messages: readonly WrittenMessage[],
): WrittenOutput {
  const { request, target, notes } = writing
  const plan: OutputPlan = outputPlanFor(request, target.profile, false, notes)
  switch (plan.way) {
    case 'text':
    case 'json':
      return { toolConfig, tool: undefined, isWrapped: false }
    case 'instruction':
      // Where nobody reads system texts, the last word has it.
      if (target.profile.systemRole === 'user')
        messages.findLast(({ role }) => role === 'user')?.content.push({ text: plan.text })
      else system.push({ text: plan.text })
      return { toolConfig, tool: undefined, isWrapped: false }
    case 'tool': {
      const { toolConfig: forced, name, isWrapped } = writeOutputTool(plan.tool, writing)
      return {
        toolConfig: { ...forced, tools: [...(toolConfig?.tools ?? []), ...forced.tools] },
        tool: name,
        isWrapped,
      }
    }
    case 'schema': {
      const { schema, isWrapped } = wrappedRoot(plan.schema)
      if (isWrapped) notes.adapt('adapted:schema_wrapped')
      const text = JSON.stringify(schemaFor(schema, isClaude(target) ? 'anthropic_strict' : 'converse', notes))
      const { name, description } = plan
      const jsonSchema = { schema: text, name, ...(description !== undefined && { description }) }
      const config = { textFormat: { type: 'json_schema', structure: { jsonSchema } } }
      return { toolConfig, config, tool: undefined, isWrapped }
    }
  }
}

/** Claude thinks within a budget of tokens only where it is told how many it may write in all. */
function outputLimit({ request, target }: RequestWriting): number | undefined {
  const asked = request.sampling.maxOutputTokens
  if (asked !== undefined && asked > 0) return asked
  const isNeeded = isClaude(target) && target.profile.reasoning.style === 'budget' && request.reasoning !== undefined
  return isNeeded ? target.profile.outputTokensMax : undefined
}

/** Long answers of Claude take longer than connections last. */
function mustStream({ target, notes }: RequestWriting, limit: number | undefined): boolean {
  const isLong = isClaude(target) && limit !== undefined && limit > unstreamedTokensMax
  if (!target.profile.alwaysStreams && !isLong) return false
  notes.adapt('adapted:stream_forced')
  return true
}

/** Limit: tokens of an answer that is not streamed. */
const unstreamedTokensMax = 21_333

/** Cache points that the client wants of the whole request, and those that it could not want in its form. */
function setCache(
  writing: RequestWriting,
  { messages, system, tools }: { messages: readonly WrittenMessage[]; system: Block[]; tools: Block[] | undefined },
): void {
  const hint = cacheOfAll(writing)
  if (hint !== undefined) {
    if (tools !== undefined && isClaude(writing.target)) cacheBehind(writing, 'tools', tools, hint)
    cacheBehind(writing, 'system', system, hint)
    const last = messages.findLast(({ role }) => role === 'user')
    if (last !== undefined) cacheBehind(writing, 'messages', last.content, hint)
  }
  if (writing.request.cache?.retention === '24h' && hint?.ttl === undefined) {
    writing.notes.drop('dropped:cache_hint', 'prompt_cache_retention')
  }
  writing.points.settle()
}

function cacheOfAll({ request, target, points }: RequestWriting): CacheHint | undefined {
  const { auto, retention } = request.cache ?? {}
  const ttl = retention === '24h' ? '1h' : undefined
  if (auto !== undefined) return { ttl: auto.ttl ?? ttl }
  const isWanted = target.policy.autoCache && isClaude(target) && target.profile.takesCacheHints && points.isEmpty
  const isWorth = request.form !== 'messages' && target.inputEstimate > cachedTokensMin
  return isWanted && isWorth ? { ttl } : undefined
}

/** Below, a cache would cost and save nothing. */
const cachedTokensMin = 2048

/** What a model refuses: fields of Converse, or of those within them. */
function withoutRefused(body: JsonObject, target: Target, notes: Notes): JsonObject {
  const { refuses } = target.profile
  if (refuses.size === 0) return body
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    const inner = groups.has(name) ? asObject(value) : undefined
    if (refuses.has(name)) notes.drop('dropped:unknown_field', name)
    else kept[name] = inner === undefined ? value : withoutRefused(inner, target, notes)
  }
  return kept
}

const groups: ReadonlySet<string> = new Set(['inferenceConfig', 'additionalModelRequestFields'])
