import type { JsonObject } from '#kit/json-value.ts'
import type { BackendRequest, Target } from '#translate/codec.ts'
import type { CommonRequest, Message } from '#translate/common.ts'
import { inOrder, splitSystem } from '#translate/history.ts'
import type { Notes } from '#translate/notes.ts'
import { outputPlanFor, type OutputPlan } from '#translate/output.ts'
import { isThinking, thinkingFor, type Thinking } from '#translate/reasoning.ts'
import { schemaFor, wrappedRoot } from '#translate/schema.ts'
import { rootOf } from './place.ts'
import type { Writing } from './write-content.ts'
import { inputItems, systemItem } from './write-input.ts'
import { cacheOf, identityOf, rejectForeign, samplingOf, takesLogprobs, tierOf } from './write-settings.ts'
import { planTools } from './write-tools.ts'

/** A request to a backend that speaks this API. It keeps nothing there: whatever it must know is told each time. */
export function writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest {
  const writing: Writing = { request, target, notes }
  const { profile } = target
  rejectForeign(writing)
  const plan = outputPlanFor(request, profile, true, notes)
  const output = outputOf(plan, writing)
  const tools = planTools(writing, plan.way === 'tool' ? { ...plan.tool, schema: output.schema } : undefined)
  const thinking = thinkingFor(request, profile, request.sampling.maxOutputTokens, notes)
  const thinks = isThinking(thinking, profile)
  const stream = request.stream || profile.alwaysStreams
  const isOwn = request.form === 'responses'
  const body = {
    model: target.model,
    ...inputOf(plan, tools, writing),
    ...tools.fields,
    ...reasoningOf(thinking, thinks, writing),
    ...textOf(output.format, writing),
    ...samplingOf(thinks, writing),
    ...includeOf(takesLogprobs(thinks, writing), writing),
    store: isOwn && request.store === true,
    ...cacheOf(writing),
    ...tierOf(writing),
    ...identityOf(writing),
    ...(isOwn ? request.rest : {}),
    stream,
  }
  return {
    path: '/v1/responses',
    query: '',
    body: withoutRefused(body, profile.refuses),
    headers: [],
    stream,
    back: {
      toolNames: tools.names.back,
      customTools: new Set(),
      builtins: tools.builtins,
      outputTool: plan.way === 'tool' ? plan.tool.name : undefined,
      isOutputWrapped: output.isWrapped,
      stops: stopsOf(writing),
    },
  }
}

function withoutRefused(body: JsonObject, refuses: ReadonlySet<string>): JsonObject {
  if (refuses.size === 0) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => !refuses.has(name)))
}

/** System text: in a field of its own where it is one text, else as items in front of the others. */
function inputOf(plan: OutputPlan, tools: ReturnType<typeof planTools>, writing: Writing): JsonObject {
  const { request, target, notes } = writing
  const { profile, policy } = target
  const { system, talk } = splitSystem(request.messages, profile.takesInlineSystem, policy.inlineSystem, notes)
  const said = inOrder(talk, policy.repairsHistory, notes)
  if (said.at(-1)?.role === 'assistant' && !profile.takesPrefill) notes.adapt('adapted:prefill', rootOf(request.form))
  const asked = plan.way === 'instruction' ? [...system, instruction(plan.text)] : system
  const { instructions, items } = instructionsOf(asked, writing)
  return {
    ...(instructions === undefined ? {} : { instructions }),
    input: [...items, ...inputItems(said, tools, writing)],
  }
}

function instruction(text: string): Message {
  return { role: 'system', placement: 'top', parts: [{ kind: 'text', text }] }
}

function instructionsOf(
  system: readonly Message[],
  writing: Writing,
): { readonly instructions: string | undefined; readonly items: readonly JsonObject[] } {
  const { profile } = writing.target
  const texts = system.map(soleText)
  const isJoined = profile.wantsSingleSystem && texts.every((text) => text !== undefined)
  if (isJoined && texts.length > 0 && profile.systemRole !== 'user')
    return { instructions: texts.join('\n\n'), items: [] }
  const [first] = texts
  const isOwn = writing.request.form === 'responses' && system[0]?.placement === 'top'
  const takesFirst = first !== undefined && profile.systemRole !== 'user' && (texts.length === 1 || isOwn)
  const rest = takesFirst ? system.slice(1) : system
  return {
    instructions: takesFirst ? first : undefined,
    items: rest.map((message) => systemItem(message, writing)).filter((item) => item !== undefined),
  }
}

/** A breakpoint needs a part to stand on. */
function soleText({ parts, name }: Message): string | undefined {
  const [part, ...others] = parts
  if (part?.kind !== 'text' || others.length > 0 || name !== undefined) return undefined
  return part.cache === undefined ? part.text : undefined
}

interface WrittenOutput {
  readonly format: JsonObject | undefined
  readonly schema: JsonObject | undefined
  readonly isWrapped: boolean
}

/** Only objects can be asked for: anything else is put into one, which the answer is taken out of again. */
function outputOf(plan: OutputPlan, { request, notes }: Writing): WrittenOutput {
  if (plan.way === 'json') return { format: { type: 'json_object' }, schema: undefined, isWrapped: false }
  const wanted = plan.way === 'schema' ? plan.schema : plan.way === 'tool' ? plan.tool.schema : undefined
  if (wanted === undefined) return { format: undefined, schema: undefined, isWrapped: false }
  const { schema, isWrapped } = wrappedRoot(wanted)
  if (isWrapped) notes.adapt('adapted:schema_wrapped', request.form === 'responses' ? 'text.format' : 'response_format')
  if (plan.way !== 'schema') return { format: undefined, schema, isWrapped }
  const strict = plan.strict === true
  const format = {
    type: 'json_schema',
    name: plan.name,
    ...(plan.description === undefined ? {} : { description: plan.description }),
    schema: schemaFor(schema, strict ? 'openai_strict' : 'openai', notes),
    strict,
  }
  return { format, schema, isWrapped }
}

function textOf(format: JsonObject | undefined, { request, target, notes }: Writing): JsonObject {
  const { verbosity } = request.output
  const isRefused = target.profile.refuses.has('verbosity')
  if (verbosity !== undefined && isRefused) notes.drop('dropped:verbosity', 'verbosity')
  const text = {
    ...(format === undefined ? {} : { format }),
    ...(verbosity === undefined || isRefused ? {} : { verbosity }),
  }
  return Object.keys(text).length === 0 ? {} : { text }
}

function reasoningOf(thinking: Thinking | undefined, thinks: boolean, writing: Writing): JsonObject {
  const effort = thinking?.style === 'effort' ? thinking.effort : undefined
  const summary = effort === 'none' ? undefined : summaryOf(thinks, writing)
  const reasoning = {
    ...(effort === undefined ? {} : { effort }),
    ...(summary === undefined ? {} : { summary }),
  }
  return Object.keys(reasoning).length === 0 ? {} : { reasoning }
}

/** Asked for where the model thinks, its organisation may have summaries, and the client can show them. */
function summaryOf(thinks: boolean, { request, target, notes }: Writing): string | undefined {
  const { style, takesSummary } = target.profile.reasoning
  const wish = request.reasoning
  if (style === 'none' || !takesSummary) {
    if (wish?.summary !== undefined) notes.drop('dropped:reasoning_summary', 'reasoning.summary')
    return undefined
  }
  if (wish?.summary !== undefined) return wish.summary
  if (!thinks || wish?.visibility === 'none' || request.form === 'responses') return undefined
  const mustAsk = request.form === 'gemini' || request.form === 'ollama'
  return mustAsk && wish?.visibility === undefined ? undefined : 'auto'
}

/** Encrypted thoughts come back with the next request, since nothing is kept at the backend. */
function includeOf(hasLogprobs: boolean, { request, target }: Writing): JsonObject {
  const include = new Set(request.form === 'responses' ? request.include : [])
  if (target.profile.reasoning.style !== 'none') include.add('reasoning.encrypted_content')
  if (hasLogprobs) include.add('message.output_text.logprobs')
  return include.size === 0 ? {} : { include: [...include] }
}

/** The API knows no stop sequences: they are looked for in the answer. */
function stopsOf({ request, notes }: Writing): readonly string[] {
  const stops = (request.sampling.stop ?? []).filter((stop) => stop !== '')
  if (stops.length > 0) notes.adapt('adapted:stop_emulated', 'stop')
  return stops
}
