import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import type { WayBack } from '#translate/codec.ts'
import type { Tool } from '#translate/common.ts'
import { isStrict, schemaFor } from '#translate/schema.ts'
import { standInForBuiltin } from '#translate/stand-in-tools.ts'
import { checkChoice, ToolNames } from '#translate/tool-names.ts'
import type { Writing } from './write-content.ts'

/** The tools of a request as they are told, and how their names come back. */
export interface ToolsPlan {
  readonly fields: JsonObject
  readonly names: ToolNames
  readonly builtins: WayBack['builtins']
  /** Built-ins are told as what they are. */
  readonly hasOwnBuiltIns: boolean
}

type FunctionTool = Tool & { readonly kind: 'function' }

/** `outputTool`: one that must be called, since its arguments are the answer. */
export function planTools(writing: Writing, outputTool: FunctionTool | undefined): ToolsPlan {
  const { request, target, notes } = writing
  const names = new ToolNames(request.tools, { max: target.profile.toolNameMax, form: 'openai' }, notes)
  const builtins = new Map<string, string>()
  const tools = request.tools.flatMap((tool, index) => toolOf(tool, `tools[${index}]`, names, builtins, writing))
  if (outputTool !== undefined) tools.push(functionOf(outputTool, outputTool.name, writing))
  checkChoice(request.toolChoice, request.tools, notes)
  const choice = outputTool === undefined ? choiceOf(names, writing) : { type: 'function', name: outputTool.name }
  const hasOwnBuiltIns = request.form === 'responses'
  if (tools.length === 0) return { fields: {}, names, builtins, hasOwnBuiltIns }
  const { sent, toolChoice } = asTaken(tools, choice, writing)
  return {
    fields: {
      tools: sent,
      ...(toolChoice === undefined ? {} : { tool_choice: toolChoice }),
      ...parallelOf(writing),
    },
    names,
    builtins,
    hasOwnBuiltIns,
  }
}

function toolOf(
  tool: Tool,
  field: string,
  names: ToolNames,
  builtins: Map<string, string>,
  writing: Writing,
): readonly JsonObject[] {
  const { request, target, notes } = writing
  switch (tool.kind) {
    case 'function':
      if (tool.cache !== undefined) notes.drop('dropped:cache_hint', field)
      return [functionOf(tool, names.sent(tool.name, tool.namespace), writing)]
    case 'custom':
      return [customOf(tool, names.sent(tool.name, tool.namespace))]
    case 'client_builtin': {
      if (request.form === 'responses') return [tool.native]
      const standIn = standInForBuiltin(tool)
      if (standIn === undefined) {
        notes.drop('dropped:client_tool', field)
        return []
      }
      const name = names.sent(standIn.name)
      builtins.set(name, tool.tool)
      return [functionOf({ ...standIn, kind: 'function', strict: false }, name, writing)]
    }
    case 'hosted':
      if (request.form === 'responses') return [tool.native]
      if (tool.tool === 'web_search' && target.policy.hostedTools === 'map') return [webSearch(tool.native)]
      notes.drop('dropped:hosted_tool', field)
      return []
  }
}

/** `strict` is always told: the API's own default is another than that of Chat. */
function functionOf(tool: FunctionTool, name: string, writing: Writing): JsonObject {
  const schema = tool.schema ?? takesNothing
  const strict = isToldStrict(tool, schema, writing)
  return {
    type: 'function',
    name,
    ...(tool.description === undefined ? {} : { description: tool.description }),
    parameters: schemaFor(schema, strict ? 'openai_strict' : 'openai', writing.notes),
    strict,
  }
}

const takesNothing: JsonObject = { type: 'object', properties: {} }

/** Others mean by it what OpenAI takes of a closed schema only. */
function isToldStrict({ strict }: FunctionTool, schema: JsonObject, { request, target, notes }: Writing): boolean {
  if (strict !== true || !target.profile.takesStrict) return false
  if (request.form === 'responses' || request.form === 'chat' || isStrict(schema)) return true
  notes.drop('dropped:unknown_field', 'tools.strict')
  return false
}

function customOf(tool: Tool & { readonly kind: 'custom' }, name: string): JsonObject {
  const described = tool.description === undefined ? {} : { description: tool.description }
  const format = tool.grammar === undefined ? {} : { format: { type: 'grammar', ...tool.grammar } }
  return { type: 'custom', name, ...described, ...format }
}

/** What the other APIs can say of a search, as far as this one has words for it. */
function webSearch(native: JsonObject): JsonObject {
  const options = asObject(native['web_search_options']) ?? native
  const said = asObject(options['user_location'])
  const location = asObject(said?.['approximate']) ?? said
  const domains = asList(options['allowed_domains'])
  const size = options['search_context_size']
  return {
    type: 'web_search',
    ...(location === undefined ? {} : { user_location: { ...location, type: 'approximate' } }),
    ...(domains.length === 0 ? {} : { filters: { allowed_domains: domains } }),
    ...(size === undefined ? {} : { search_context_size: size }),
  }
}

function choiceOf(names: ToolNames, { request, target, notes }: Writing): unknown {
  const choice = request.toolChoice
  switch (choice?.mode) {
    case undefined:
      return undefined
    case 'auto':
    case 'none':
    case 'required':
      return choice.mode
    case 'tool':
      return meant(choice.name, names, firstByName(request.tools), request.form === 'responses')
    case 'allowed': {
      const declared = firstByName(request.tools)
      const tools = choice.names.map((name) => meant(name, names, declared, request.form === 'responses'))
      return { type: 'allowed_tools', mode: choice.isRequired ? 'required' : 'auto', tools }
    }
    case 'hosted':
      if (request.form === 'responses') return { type: choice.tool }
      if (choice.tool === 'web_search' && target.policy.hostedTools === 'map') return { type: 'web_search' }
      notes.drop('dropped:hosted_tool', 'tool_choice')
      return undefined
  }
}

function firstByName(tools: readonly Tool[]): ReadonlyMap<string, Tool> {
  const byName = new Map<string, Tool>()
  for (const tool of tools) if (tool.kind !== 'hosted' && !byName.has(tool.name)) byName.set(tool.name, tool)
  return byName
}

function meant(
  name: string,
  names: ToolNames,
  declared: ReadonlyMap<string, Tool>,
  hasOwnBuiltIns: boolean,
): JsonObject {
  const tool = declared.get(name)
  if (tool?.kind === 'client_builtin' && hasOwnBuiltIns) return { type: tool.native['type'] }
  return { type: tool?.kind === 'custom' ? 'custom' : 'function', name: names.sent(name) }
}

/** A model that cannot be forced gets no other tools than those it shall call. */
function asTaken(
  tools: readonly JsonObject[],
  choice: unknown,
  { target, notes }: Writing,
): { readonly sent: readonly JsonObject[]; readonly toolChoice: unknown } {
  const chosen = asObject(choice)
  const isForced = choice === 'required' || (chosen !== undefined && chosen['mode'] !== 'auto')
  if (!isForced || target.profile.takesForcedTool) return { sent: tools, toolChoice: choice }
  notes.adapt('adapted:tool_choice_downgraded', 'tool_choice')
  const wanted = chosen?.['type'] === 'allowed_tools' ? asList(chosen['tools']) : [chosen]
  const words = new Set(wanted.map((entry) => wordFor(asObject(entry) ?? {})))
  const kept = tools.filter((tool) => words.has(wordFor(tool)))
  return { sent: kept.length === 0 ? tools : kept, toolChoice: 'auto' }
}

function wordFor(tool: JsonObject): unknown {
  return tool['name'] ?? tool['type']
}

function parallelOf({ request, target, notes }: Writing): JsonObject {
  const parallel = request.parallelToolCalls
  if (parallel === undefined) return {}
  if (target.profile.takesParallelSwitch) return { parallel_tool_calls: parallel }
  if (!parallel) notes.drop('dropped:parallel_tool_calls', 'parallel_tool_calls')
  return {}
}
