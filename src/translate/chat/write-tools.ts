import { asObject, type JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Tool, ToolChoice } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { isStrict, schemaFor } from '#translate/schema.ts'
import { standInForBuiltin, standInForCustom } from '#translate/stand-in-tools.ts'
import { checkChoice, ToolNames } from '#translate/tool-names.ts'

type FunctionTool = Tool & { readonly kind: 'function' }

/** The tools of a request as a backend of Chat takes them, and how their names come back. */
export class ToolPlan {
  readonly names: ToolNames
  readonly customTools = new Set<string>()
  readonly builtins = new Map<string, string>()
  readonly written: readonly JsonObject[]
  readonly choice: unknown
  /** `web_search_options`, where a search of the web may be mapped. */
  readonly search: JsonObject | undefined
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #notes: Notes
  #byName: Map<string, Tool> | undefined

  /** `outputTool`: one of ours, which must be called. `cache`: writes a breakpoint. */
  constructor(
    request: CommonRequest,
    target: Target,
    outputTool: FunctionTool | undefined,
    cache: (tool: FunctionTool) => JsonObject,
    notes: Notes,
  ) {
    this.#request = request
    this.#target = target
    this.#notes = notes
    const declared = outputTool === undefined ? request.tools : [...request.tools, outputTool]
    this.names = new ToolNames(declared, { max: target.profile.toolNameMax, form: 'openai' }, notes)
    checkChoice(request.toolChoice, request.tools, notes)
    this.search = this.#mappedSearch()
    const wanted: ToolChoice | undefined =
      outputTool === undefined ? request.toolChoice : { mode: 'tool', name: outputTool.name, isCustom: false }
    const told = this.#chosen(wanted)
    const only = told.only === undefined ? undefined : new Set(told.only)
    const tools = only === undefined ? declared : declared.filter((tool) => isNamed(tool, only))
    this.written = tools.flatMap((tool) => this.#write(tool, cache))
    this.choice = this.written.length === 0 ? undefined : told.choice
  }

  #write(tool: Tool, cache: (tool: FunctionTool) => JsonObject): JsonObject[] {
    switch (tool.kind) {
      case 'function':
        return [this.#function(tool, cache(tool))]
      case 'custom':
        return [this.#custom(tool)]
      case 'client_builtin':
        return this.#builtin(tool)
      case 'hosted':
        return this.#hosted(tool)
    }
  }

  #function(tool: FunctionTool, cache: JsonObject): JsonObject {
    const isOwn = this.#request.form === 'chat'
    const strict = this.#strictOf(tool)
    const target = strict === true && !isOwn ? 'openai_strict' : 'openai'
    const schema = tool.schema === undefined ? undefined : schemaFor(tool.schema, target, this.#notes)
    const parameters = schema ?? (isOwn ? undefined : { type: 'object', properties: {} })
    const told = {
      name: this.names.sent(tool.name, tool.namespace),
      ...(tool.description === undefined ? {} : { description: tool.description }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(strict === undefined ? {} : { strict }),
      ...(isOwn ? tool.rest : {}),
    }
    return { type: 'function', function: told, ...cache }
  }

  /** Other forms mean a schema that is closed in any case; OpenAI only takes it where it is. */
  #strictOf({ strict, schema }: FunctionTool): boolean | undefined {
    if (!this.#target.profile.takesStrict || strict === undefined) return undefined
    const { form } = this.#request
    if (form === 'chat' || form === 'responses') return strict
    const isClosed = schema !== undefined && isStrict(schema)
    if (strict && !isClosed) this.#notes.drop('dropped:unknown_field', 'tools.strict')
    return strict && isClosed
  }

  /** Only some models of OpenAI know them, so that those of other forms come as functions. */
  #custom(tool: Tool & { readonly kind: 'custom' }): JsonObject {
    const name = this.names.sent(tool.name, tool.namespace)
    const { description, grammar } = tool
    if (this.#request.form === 'chat') {
      const format = grammar === undefined ? {} : { format: { type: 'grammar', grammar } }
      return { type: 'custom', custom: { name, ...(description === undefined ? {} : { description }), ...format } }
    }
    this.#notes.adapt('adapted:custom_tool_wrapped', 'tools')
    this.customTools.add(name)
    const standIn = standInForCustom(tool)
    return { type: 'function', function: { name, description: standIn.description, parameters: standIn.schema } }
  }

  #builtin(tool: Tool & { readonly kind: 'client_builtin' }): JsonObject[] {
    const standIn = standInForBuiltin(tool)
    if (standIn === undefined) {
      this.#notes.drop('dropped:client_tool', 'tools')
      return []
    }
    const name = this.names.sent(tool.name)
    this.builtins.set(name, tool.tool)
    return [{ type: 'function', function: { name, description: standIn.description, parameters: standIn.schema } }]
  }

  #hosted(tool: Tool & { readonly kind: 'hosted' }): JsonObject[] {
    if (isSearch(tool) && this.search !== undefined) return []
    if (this.#request.form === 'chat') return [tool.native]
    this.#notes.drop('dropped:hosted_tool', 'tools')
    return []
  }

  #mappedSearch(): JsonObject | undefined {
    const tool = this.#request.tools.find(isSearch)
    const { policy, profile } = this.#target
    if (tool?.kind !== 'hosted' || profile.refuses.has('web_search_options')) return undefined
    const isOwn = this.#request.form === 'chat' && tool.native['type'] === 'web_search'
    return isOwn || policy.hostedTools === 'map' ? searchOptions(tool.native) : undefined
  }

  /** The choice, and the only tools that are left for it, where the backend has no word for it. */
  #chosen(choice: ToolChoice | undefined): { readonly choice: unknown; readonly only?: readonly string[] } {
    const { takesForcedTool, toolIdForm, maxTokensField } = this.#target.profile
    const required = toolIdForm === 'mistral' ? 'any' : 'required'
    switch (choice?.mode) {
      case undefined:
        return { choice: undefined }
      case 'hosted':
        if (this.search === undefined) this.#notes.drop('dropped:hosted_tool', 'tool_choice')
        return { choice: undefined }
      case 'auto':
      case 'none':
        return { choice: choice.mode }
      case 'required':
        return { choice: takesForcedTool ? required : this.#downgraded() }
      case 'tool':
        if (!takesForcedTool) return { choice: this.#downgraded(), only: [choice.name] }
        return required === 'any' ? { choice: required, only: [choice.name] } : { choice: this.#named(choice.name) }
      case 'allowed': {
        const mode = choice.isRequired ? (takesForcedTool ? required : this.#downgraded()) : 'auto'
        if (maxTokensField !== 'max_completion_tokens') return { choice: mode, only: choice.names }
        const tools = choice.names.map((name) => this.#named(name))
        return { choice: { type: 'allowed_tools', allowed_tools: { mode, tools } } }
      }
    }
  }

  /** The first tool of that name. */
  #declared(name: string): Tool | undefined {
    if (this.#byName === undefined) {
      this.#byName = new Map()
      for (const tool of this.#request.tools) {
        if (tool.kind !== 'hosted' && !this.#byName.has(tool.name)) this.#byName.set(tool.name, tool)
      }
    }
    return this.#byName.get(name)
  }

  #downgraded(): string {
    this.#notes.adapt('adapted:tool_choice_downgraded', 'tool_choice')
    return 'auto'
  }

  #named(wanted: string): JsonObject {
    const tool = this.#declared(wanted)
    const isNamespaced = tool?.kind === 'function' || tool?.kind === 'custom'
    const name = this.names.sent(wanted, isNamespaced ? tool.namespace : undefined)
    return tool?.kind === 'custom' && this.#request.form === 'chat'
      ? { type: 'custom', custom: { name } }
      : { type: 'function', function: { name } }
  }
}

function isNamed(tool: Tool, names: ReadonlySet<string>): boolean {
  return tool.kind !== 'hosted' && names.has(tool.name)
}

function isSearch(tool: Tool): boolean {
  return tool.kind === 'hosted' && (tool.tool === 'web_search' || tool.tool === 'google_search')
}

const contextSizes: ReadonlySet<unknown> = new Set(['low', 'medium', 'high'])

/** Chat's own words, or those of the tools of Responses and Messages. */
function searchOptions(native: JsonObject): JsonObject {
  const size = native['search_context_size']
  const location = asObject(native['user_location'])
  const { type: _type, ...place } = location ?? {}
  const approximate = asObject(place['approximate']) ?? place
  return {
    ...(contextSizes.has(size) ? { search_context_size: size } : {}),
    ...(location === undefined ? {} : { user_location: { type: 'approximate', approximate } }),
  }
}
