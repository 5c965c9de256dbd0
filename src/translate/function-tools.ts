import type { JsonObject } from '#kit/json-value.ts'
import type { Target, WayBack } from './codec.ts'
import type { CommonRequest, Tool } from './common.ts'
import type { Notes } from './notes.ts'
import { schemaFor } from './schema.ts'
import { standInForBuiltin, standInForCustom, type StandIn } from './stand-in-tools.ts'
import { checkChoice, ToolNames } from './tool-names.ts'

type FunctionTool = Tool & { readonly kind: 'function' }

/** Which tools may be called: as the model likes, none, or at least one. */
export type FunctionChoice = 'auto' | 'none' | 'required'

/** The tools of a request for a backend that knows nothing but functions, which it takes in the words of Chat. */
export class FunctionTools {
  readonly names: ToolNames
  readonly written: readonly JsonObject[]
  /** Where one tool or some of them were chosen, the others are left out. */
  readonly choice: FunctionChoice
  /** All that are sent were declared strict, and require something. */
  readonly isStrict: boolean
  readonly #customTools = new Set<string>()
  readonly #builtins = new Map<string, string>()
  readonly #schemas: 'ollama' | 'openai'
  readonly #notes: Notes

  /** `outputTool`: one of ours, which must be called. */
  constructor(
    request: CommonRequest,
    { profile }: Target,
    schemas: 'ollama' | 'openai',
    outputTool: FunctionTool | undefined,
    notes: Notes,
  ) {
    this.#schemas = schemas
    this.#notes = notes
    const declared = outputTool === undefined ? request.tools : [...request.tools, outputTool]
    this.names = new ToolNames(declared, { max: profile.toolNameMax, form: 'openai' }, notes)
    checkChoice(request.toolChoice, request.tools, notes)
    if (request.toolChoice?.mode === 'hosted') notes.drop('dropped:hosted_tool', 'tool_choice')
    const chosen = outputTool === undefined ? chosenBy(request) : { mode: 'required' as const, only: [outputTool.name] }
    const sent = chosen.only === undefined ? declared : declared.filter((tool) => isNamed(tool, chosen.only ?? []))
    this.written = sent.flatMap((tool) => this.#write(tool))
    const hasTools = this.written.length > 0
    const isForced = chosen.mode === 'required' && hasTools
    if (isForced && !profile.takesForcedTool) notes.adapt('adapted:tool_choice_downgraded', 'tool_choice')
    this.choice = isForced && !profile.takesForcedTool ? 'auto' : chosen.mode
    this.isStrict = hasTools && sent.every(isStrictTool)
    if (hasTools && request.parallelToolCalls === false) {
      notes.drop('dropped:parallel_tool_calls', 'parallel_tool_calls')
    }
  }

  get back(): Pick<WayBack, 'toolNames' | 'customTools' | 'builtins'> {
    return { toolNames: this.names.back, customTools: this.#customTools, builtins: this.#builtins }
  }

  #write(tool: Tool): JsonObject[] {
    switch (tool.kind) {
      case 'function': {
        if (tool.cache !== undefined) this.#notes.drop('dropped:cache_hint', 'tools')
        const parameters = schemaFor(tool.schema ?? noParameters, this.#schemas, this.#notes)
        return [functionOf(this.names.sent(tool.name, tool.namespace), tool.description, parameters)]
      }
      case 'custom': {
        this.#notes.adapt('adapted:custom_tool_wrapped', 'tools')
        const name = this.names.sent(tool.name, tool.namespace)
        this.#customTools.add(name)
        return [ofStandIn(name, standInForCustom(tool))]
      }
      case 'client_builtin': {
        const standIn = standInForBuiltin(tool)
        if (standIn === undefined) {
          this.#notes.drop('dropped:client_tool', 'tools')
          return []
        }
        const name = this.names.sent(tool.name)
        this.#builtins.set(name, tool.tool)
        return [ofStandIn(name, standIn)]
      }
      case 'hosted':
        this.#notes.drop('dropped:hosted_tool', 'tools')
        return []
    }
  }
}

function chosenBy({ toolChoice }: CommonRequest): {
  readonly mode: FunctionChoice
  readonly only?: readonly string[]
} {
  switch (toolChoice?.mode) {
    case undefined:
    case 'auto':
    case 'hosted':
      return { mode: 'auto' }
    case 'none':
    case 'required':
      return { mode: toolChoice.mode }
    case 'tool':
      return { mode: 'required', only: [toolChoice.name] }
    case 'allowed':
      return { mode: toolChoice.isRequired ? 'required' : 'auto', only: toolChoice.names }
  }
}

function isNamed(tool: Tool, names: readonly string[]): boolean {
  if (tool.kind === 'hosted') return false
  if (names.includes(tool.name)) return true
  const namespace = tool.kind === 'client_builtin' ? undefined : tool.namespace
  if (namespace === undefined) return false
  return names.includes(`${namespace}__${tool.name}`) || names.includes(`${namespace}.${tool.name}`)
}

function isStrictTool(tool: Tool): boolean {
  const required = tool.kind === 'function' ? tool.schema?.['required'] : undefined
  return tool.kind === 'function' && tool.strict === true && Array.isArray(required) && required.length > 0
}

const noParameters: JsonObject = { type: 'object', properties: {} }

function functionOf(name: string, description: string | undefined, parameters: JsonObject): JsonObject {
  const told = description === undefined ? {} : { description }
  return { type: 'function', function: { name, ...told, parameters } }
}

function ofStandIn(name: string, { description, schema }: StandIn): JsonObject {
  return functionOf(name, description, schema)
}
