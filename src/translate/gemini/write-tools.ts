import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Tool, ToolChoice } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { schemaFor } from '#translate/schema.ts'
import { standInForBuiltin, standInForCustom } from '#translate/stand-in-tools.ts'
import type { StandIn } from '#translate/stand-in-tools.ts'
import type { ToolNames } from '#translate/tool-names.ts'
import { told } from './fields.ts'

/** What stands for the tools of a request, and what stands for what. */
export interface WrittenTools {
  readonly tools: readonly JsonObject[]
  readonly toolConfig: JsonObject | undefined
  readonly customTools: ReadonlySet<string>
  readonly builtins: ReadonlyMap<string, string>
}

export class ToolsWriter {
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #names: ToolNames
  readonly #notes: Notes
  readonly #declarations: JsonObject[] = []
  readonly #hosted: JsonObject[] = []
  readonly #customTools = new Set<string>()
  readonly #builtins = new Map<string, string>()

  constructor(request: CommonRequest, target: Target, names: ToolNames, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#names = names
    this.#notes = notes
  }

  /** `outputTool`: one more, which must be called. */
  write(outputTool: (Tool & { readonly kind: 'function' }) | undefined): WrittenTools {
    for (const [at, tool] of this.#request.tools.entries()) this.#add(tool, `tools[${at}]`)
    if (outputTool !== undefined) this.#add(outputTool, 'tools')
    const choice: ToolChoice | undefined =
      outputTool === undefined ? this.#request.toolChoice : { mode: 'tool', name: outputTool.name, isCustom: false }
    const hosted = this.#hostedBesides(this.#declarations.length > 0)
    const toolConfig = this.#toolConfig(choice, hosted.length > 0)
    const functions = this.#declarations.length === 0 ? [] : [{ functionDeclarations: this.#declarations }]
    const { parallelToolCalls } = this.#request
    if (parallelToolCalls === false && functions.length > 0)
      this.#notes.drop('dropped:parallel_tool_calls', 'parallel_tool_calls')
    return {
      tools: [...functions, ...hosted],
      toolConfig,
      customTools: this.#customTools,
      builtins: this.#builtins,
    }
  }

  #add(tool: Tool, field: string): void {
    switch (tool.kind) {
      case 'function': {
        if (tool.cache !== undefined) this.#notes.drop('dropped:cache_hint', field)
        const { name, namespace, description, schema } = tool
        return this.#declare(this.#names.sent(name, namespace), description, schema, tool.rest?.['behavior'])
      }
      case 'custom': {
        this.#notes.adapt('adapted:custom_tool_wrapped', field)
        this.#customTools.add(this.#standIn(standInForCustom(tool)))
        return
      }
      case 'client_builtin': {
        const standIn = standInForBuiltin(tool)
        if (standIn === undefined) this.#notes.drop('dropped:client_tool', field)
        else this.#builtins.set(this.#standIn(standIn), tool.tool)
        return
      }
      case 'hosted':
        return this.#addHosted(tool, field)
    }
  }

  #standIn({ name, description, schema }: StandIn): string {
    const sent = this.#names.sent(name)
    this.#declare(sent, description, schema, undefined)
    return sent
  }

  #declare(name: string, description: string | undefined, schema: JsonObject | undefined, behavior: unknown): void {
    const isFull = this.#target.profile.takesJsonSchema
    const takesNothing = schema === undefined || (!isFull && Object.keys(propertiesOf(schema)).length === 0)
    const parameters = takesNothing ? {} : this.#parameters(schema, isFull)
    this.#declarations.push({ ...told({ name, description, behavior }), ...parameters })
  }

  #parameters(schema: JsonObject, isFull: boolean): JsonObject {
    return isFull
      ? { parametersJsonSchema: schemaFor(schema, 'gemini', this.#notes) }
      : { parameters: schemaFor(schema, 'gemini_subset', this.#notes) }
  }

  #addHosted(tool: Tool & { readonly kind: 'hosted' }, field: string): void {
    if (this.#request.form === 'gemini') this.#hosted.push(tool.native)
    else if (this.#target.policy.hostedTools === 'map' && tool.tool === 'web_search')
      this.#hosted.push({ googleSearch: {} })
    else this.#notes.drop('dropped:hosted_tool', field)
  }

  /** Only since Gemini 3 can they stand beside functions. */
  #hostedBesides(hasFunctions: boolean): readonly JsonObject[] {
    if (!hasFunctions || this.#hosted.length === 0 || this.#takesBoth()) return this.#hosted
    this.#notes.drop('dropped:hosted_tool', 'tools')
    return []
  }

  #takesBoth(): boolean {
    return this.#target.profile.reasoning.style === 'level'
  }

  #toolConfig(choice: ToolChoice | undefined, hasHosted: boolean): JsonObject | undefined {
    if (this.#declarations.length === 0) return undefined
    const functionCallingConfig = this.#callingConfig(choice)
    const includeServerSideToolInvocations = hasHosted ? true : undefined
    const config = told({ functionCallingConfig, includeServerSideToolInvocations })
    return Object.keys(config).length === 0 ? undefined : config
  }

  #callingConfig(choice: ToolChoice | undefined): JsonObject | undefined {
    switch (choice?.mode) {
      case undefined:
        return undefined
      case 'auto':
        return { mode: 'AUTO' }
      case 'none':
        return { mode: 'NONE' }
      case 'required':
        return this.#forced(undefined)
      case 'tool':
        return this.#forced([choice.name])
      case 'allowed':
        if (choice.isRequired) return this.#forced(choice.names)
        return { mode: 'VALIDATED', allowedFunctionNames: this.#sent(choice.names) }
      case 'hosted':
        this.#notes.drop('dropped:hosted_tool', 'tool_choice')
        return undefined
    }
  }

  #forced(names: readonly string[] | undefined): JsonObject {
    if (this.#target.profile.takesForcedTool)
      return told({ mode: 'ANY', allowedFunctionNames: names && this.#sent(names) })
    this.#notes.adapt('adapted:tool_choice_downgraded', 'tool_choice')
    return names === undefined ? { mode: 'AUTO' } : { mode: 'VALIDATED', allowedFunctionNames: this.#sent(names) }
  }

  #sent(names: readonly string[]): string[] {
    return names.map((name) => this.#names.sent(name))
  }
}

function propertiesOf({ properties }: JsonObject): object {
  return typeof properties === 'object' && properties !== null ? properties : {}
}
