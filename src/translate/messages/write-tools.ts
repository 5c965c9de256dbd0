import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Tool } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { schemaFor } from '#translate/schema.ts'
import { standInForBuiltin, standInForCustom } from '#translate/stand-in-tools.ts'
import { ToolNames } from '#translate/tool-names.ts'
import { cacheControlOf } from './cache-hint.ts'
import { ttlDefaultOf } from './write-carried.ts'
import type { Block } from './written.ts'

type FunctionTool = Tool & { readonly kind: 'function' }

/** The tools of a request as they are sent, and the ways back to what the client called them. */
export class ToolPlan {
  readonly names: ToolNames
  readonly written: Block[] = []
  readonly customTools = new Set<string>()
  readonly builtins = new Map<string, string>()
  /** The name, as sent, of the tool whose arguments are the answer. */
  readonly outputTool: string | undefined
  /** A search of the web that is mapped to Anthropic's own. */
  hasWebSearch = false
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #notes: Notes

  constructor(request: CommonRequest, target: Target, output: FunctionTool | undefined, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#notes = notes
    this.names = new ToolNames(request.tools, { max: target.profile.toolNameMax, form: 'openai' }, notes)
    const wanted = wantedTools(request, target)
    request.tools.forEach((tool, index) => {
      if (wanted(tool)) this.#write(tool, `tools[${index}]`)
    })
    if (output === undefined) return
    this.outputTool = this.names.sent(output.name)
    this.#writeFunction(output)
  }

  #write(tool: Tool, field: string): void {
    switch (tool.kind) {
      case 'function':
        return this.#writeFunction(tool)
      case 'custom': {
        const { name, description, schema } = standInForCustom(tool)
        const sent = this.names.sent(name)
        this.customTools.add(sent)
        this.#notes.adapt('adapted:custom_tool_wrapped', field)
        this.written.push({ name: sent, description, input_schema: schema })
        return
      }
      case 'client_builtin':
        return this.#writeBuiltin(tool, field)
      case 'hosted':
        return this.#writeHosted(tool, field)
    }
  }

  #writeFunction(tool: FunctionTool): void {
    const isStrict = tool.strict === true && this.#target.profile.takesStrict
    const schema = schemaFor(tool.schema ?? noParameters, isStrict ? 'anthropic_strict' : 'anthropic', this.#notes)
    const { cache } = tool
    this.written.push({
      ...(this.#request.form === 'messages' ? tool.rest : undefined),
      name: this.names.sent(tool.name, tool.namespace),
      ...(tool.description !== undefined && { description: tool.description }),
      input_schema: schema['type'] === 'object' ? schema : { ...schema, type: 'object' },
      ...(isStrict && { strict: true }),
      ...(cache !== undefined && { cache_control: cacheControlOf(cache, this.#ttlDefault) }),
    })
  }

  #writeBuiltin(tool: Tool & { readonly kind: 'client_builtin' }, field: string): void {
    if (this.#request.form === 'messages') {
      this.written.push({ ...tool.native })
      return
    }
    const standIn = standInForBuiltin(tool)
    if (standIn === undefined) return this.#notes.drop('dropped:client_tool', field)
    const sent = this.names.sent(standIn.name)
    this.builtins.set(sent, tool.tool)
    this.written.push({ name: sent, description: standIn.description, input_schema: standIn.schema })
  }

  #writeHosted(tool: Tool & { readonly kind: 'hosted' }, field: string): void {
    if (this.#request.form === 'messages') {
      this.written.push({ ...tool.native })
    } else if (this.#target.policy.hostedTools === 'map' && isWebSearch(tool.tool)) {
      if (!this.hasWebSearch) this.written.push(webSearchOf(tool.native))
      this.hasWebSearch = true
    } else {
      this.#notes.drop('dropped:hosted_tool', field)
    }
  }

  get #ttlDefault(): string | undefined {
    return ttlDefaultOf(this.#request.cache?.retention)
  }
}

const noParameters: JsonObject = { type: 'object', properties: {} }

/** Anthropic cannot be told which tools are allowed, and some models cannot be told which one to use: they see only those. */
function wantedTools({ toolChoice, tools }: CommonRequest, { profile }: Target): (tool: Tool) => boolean {
  const names =
    toolChoice?.mode === 'allowed'
      ? toolChoice.names
      : toolChoice?.mode === 'tool' && !profile.takesForcedTool
        ? [toolChoice.name]
        : undefined
  if (names === undefined) return () => true
  const wanted = new Set(names)
  const isNamed = (tool: Tool): boolean =>
    tool.kind === 'hosted'
      ? wanted.has(tool.tool) || wanted.has(asText(tool.native['name']) ?? '')
      : wanted.has(tool.name) || (tool.kind === 'function' && wanted.has(`${tool.namespace}__${tool.name}`))
  return tools.some(isNamed) ? isNamed : () => true
}

export function isWebSearch(tool: string): boolean {
  return /^(?:web_?search|google_?search)/i.test(tool)
}

/** The places of users and sites are named alike by OpenAI, of which Chat puts them one level deeper. */
function webSearchOf(native: JsonObject): Block {
  const filters = asObject(native['filters'])
  const allowed = asList(filters?.['allowed_domains']).filter((domain) => typeof domain === 'string')
  const given = asObject(native['user_location'])
  const place = asObject(given?.['approximate']) ?? given
  const location: Block = { type: 'approximate' }
  for (const name of ['city', 'region', 'country', 'timezone']) {
    const value = asText(place?.[name])
    if (value !== undefined) location[name] = value
  }
  return {
    type: 'web_search_20250305',
    name: 'web_search',
    ...(allowed.length > 0 && { allowed_domains: allowed }),
    ...(Object.keys(location).length > 1 && { user_location: location }),
  }
}
