import type { JsonObject } from '#kit/json-value.ts'
import type { Tool, ToolChoice } from '#translate/common.ts'
import { schemaFor, wrappedRoot } from '#translate/schema.ts'
import { standInForBuiltin, standInForCustom, type StandIn } from '#translate/stand-in-tools.ts'
import { checkChoice } from '#translate/tool-names.ts'
import type { Block } from './cache-points.ts'
import { cacheBehind, isClaude, type RequestWriting } from './request-writing.ts'

/** `toolConfig` of a request, and what of it leads back to the client's words. */
export interface WrittenTools {
  readonly toolConfig: { readonly tools: Block[]; toolChoice?: Block } | undefined
  readonly customTools: ReadonlySet<string>
  readonly builtins: ReadonlyMap<string, string>
  /** Claude's own way to say that it calls one tool at a time; it stands beside all that Converse knows. */
  readonly claudeChoice: Block | undefined
}

/** `calledTools`: those of the history, which is refused where no tools are declared. */
export function writeTools(writing: RequestWriting, calledTools: ReadonlySet<string>): WrittenTools {
  const { request, notes } = writing
  checkChoice(request.toolChoice, request.tools, notes)
  if (request.toolChoice?.mode === 'hosted') notes.drop('dropped:hosted_tool', 'tool_choice')
  const specs = new ToolSpecs(writing)
  for (const tool of request.tools) specs.add(tool)
  const choice = specs.choose(request.toolChoice, calledTools.size > 0)
  if (specs.tools.length === 0 && calledTools.size > 0) {
    notes.adapt('adapted:tools_synthesised')
    for (const name of calledTools) specs.tools.push(gone(name))
  }
  const { tools, customTools, builtins } = specs
  if (tools.length === 0) return { toolConfig: undefined, customTools, builtins, claudeChoice: undefined }
  const toolConfig = { tools, ...(choice !== undefined && { toolChoice: choice }) }
  return { toolConfig, customTools, builtins, claudeChoice: oneAtATime(writing, choice) }
}

/** The tool whose arguments are the answer, which must be called. */
export function writeOutputTool(
  tool: Tool & { readonly kind: 'function' },
  writing: RequestWriting,
): {
  readonly toolConfig: NonNullable<WrittenTools['toolConfig']>
  readonly name: string
  readonly isWrapped: boolean
} {
  const { schema, isWrapped } = wrappedRoot(tool.schema ?? noParameters)
  if (isWrapped) writing.notes.adapt('adapted:schema_wrapped')
  const name = writing.names.sent(tool.name)
  const spec = specOf(name, tool.description, schemaFor(schema, 'converse', writing.notes), undefined)
  return { toolConfig: { tools: [spec], toolChoice: { tool: { name } } }, name, isWrapped }
}

class ToolSpecs {
  readonly tools: Block[] = []
  readonly customTools = new Set<string>()
  readonly builtins = new Map<string, string>()
  readonly #writing: RequestWriting
  /** Name as the client wrote it → as sent. */
  readonly #sentNames = new Map<string, string>()

  constructor(writing: RequestWriting) {
    this.#writing = writing
  }

  add(tool: Tool): void {
    const { notes } = this.#writing
    switch (tool.kind) {
      case 'function':
        return this.#addFunction(tool)
      case 'custom': {
        notes.adapt('adapted:custom_tool_wrapped')
        this.customTools.add(this.#addStandIn(standInForCustom(tool), tool.name, tool.namespace))
        return
      }
      case 'client_builtin': {
        const standIn = standInForBuiltin(tool)
        if (standIn === undefined) notes.drop('dropped:client_tool', 'tools')
        else this.builtins.set(this.#addStandIn(standIn, tool.name), tool.tool)
        return
      }
      case 'hosted':
        notes.drop('dropped:hosted_tool', 'tools')
    }
  }

  /** Undefined: as the model likes. Tools that may not be called are left out, but for those that the history needs. */
  choose(choice: ToolChoice | undefined, isHistoryBound: boolean): Block | undefined {
    const { notes, target } = this.#writing
    if (choice === undefined || choice.mode === 'auto' || choice.mode === 'hosted' || this.tools.length === 0) {
      return undefined
    }
    if (choice.mode === 'none') {
      if (isHistoryBound) notes.adapt('adapted:tool_choice_none')
      else this.tools.splice(0)
      return undefined
    }
    if (choice.mode === 'allowed') this.#keep(choice.names)
    if (choice.mode === 'allowed' && !choice.isRequired) return undefined
    if (!target.profile.takesForcedTool) {
      if (choice.mode === 'tool') this.#keep([choice.name])
      notes.adapt('adapted:tool_choice_downgraded')
      return undefined
    }
    return choice.mode === 'tool' ? { tool: { name: this.#sent(choice.name) } } : { any: {} }
  }

  #addFunction(tool: Tool & { readonly kind: 'function' }): void {
    const { names, notes, target } = this.#writing
    const name = names.sent(tool.name, tool.namespace)
    this.#sentNames.set(tool.name, name)
    const schema = schemaFor(tool.schema ?? noParameters, 'converse', notes)
    const strict = target.profile.takesStrict ? tool.strict : undefined
    this.tools.push(specOf(name, tool.description, schema, strict))
    cacheBehind(this.#writing, 'tools', this.tools, tool.cache)
  }

  #addStandIn({ description, schema }: StandIn, name: string, namespace?: string): string {
    const sent = this.#writing.names.sent(name, namespace)
    this.#sentNames.set(name, sent)
    this.tools.push(specOf(sent, description, schema, undefined))
    return sent
  }

  #sent(name: string): string {
    return this.#sentNames.get(name) ?? this.#writing.names.sent(name)
  }

  #keep(names: readonly string[]): void {
    const kept = new Set(names.map((name) => this.#sent(name)))
    for (const tool of this.tools.splice(0)) if (kept.has(nameOf(tool))) this.tools.push(tool)
  }
}

function specOf(name: string, description: string | undefined, json: JsonObject, strict: boolean | undefined): Block {
  return {
    toolSpec: {
      name,
      ...(description !== undefined && description.trim() !== '' && { description }),
      inputSchema: { json },
      ...(strict === true && { strict }),
    },
  }
}

const noParameters: JsonObject = { type: 'object', properties: {} }

/** Called once, and no longer declared. */
function gone(name: string): Block {
  return { toolSpec: { name, description: 'No longer available.', inputSchema: { json: { type: 'object' } } } }
}

function nameOf({ toolSpec }: Block): string {
  return typeof toolSpec === 'object' && toolSpec !== null && 'name' in toolSpec ? String(toolSpec.name) : ''
}

function oneAtATime({ request, target, notes }: RequestWriting, choice: Block | undefined): Block | undefined {
  if (request.parallelToolCalls !== false) return undefined
  if (!target.profile.takesParallelSwitch || !isClaude(target)) {
    notes.drop('dropped:parallel_tool_calls', 'parallel_tool_calls')
    return undefined
  }
  const forced = choice?.['tool']
  const name = typeof forced === 'object' && forced !== null && 'name' in forced ? forced.name : undefined
  const kind = choice === undefined ? { type: 'auto' } : name === undefined ? { type: 'any' } : { type: 'tool', name }
  return { ...kind, disable_parallel_tool_use: true }
}
