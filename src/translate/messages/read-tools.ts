import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Tool, ToolChoice } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { cacheHintOf } from './cache-hint.ts'

export function readTools(body: JsonObject, notes: Notes): readonly Tool[] {
  const tools: Tool[] = []
  asList(body['tools']).forEach((value, index) => {
    const tool = readTool(asObject(value) ?? {}, `tools[${index}]`, notes)
    if (tool !== undefined) tools.push(tool)
  })
  return tools
}

function readTool(tool: JsonObject, field: string, notes: Notes): Tool | undefined {
  const type = asText(tool['type']) ?? 'custom'
  if (type === 'custom') return readFunction(tool, field, notes)
  const builtin = clientBuiltins.find(([prefix]) => type.startsWith(prefix))?.[1]
  if (builtin !== undefined) {
    return { kind: 'client_builtin', tool: builtin, name: asText(tool['name']) ?? builtin, native: tool }
  }
  return { kind: 'hosted', tool: type.replace(/_\d{8}$/, ''), native: tool }
}

/** Carried out by the client, though Anthropic defined what they take. Longer prefixes first. */
const clientBuiltins: readonly (readonly [prefix: string, tool: string])[] = [
  ['computer_toolset_', 'computer_toolset'],
  ['browser_toolset_', 'browser_toolset'],
  ['bash_20', 'bash'],
  ['text_editor_20', 'text_editor'],
  ['computer_20', 'computer'],
  ['memory_20', 'memory'],
]

function readFunction(tool: JsonObject, field: string, notes: Notes): Tool | undefined {
  const name = asText(tool['name'])
  if (name === undefined || name === '') {
    notes.reject(`${field}.name`, 'a tool needs a name')
    return undefined
  }
  const { name: _name, description, input_schema, strict, cache_control, type: _type, ...rest } = tool
  return {
    kind: 'function',
    name,
    description: asText(description),
    schema: asObject(input_schema),
    strict: typeof strict === 'boolean' ? strict : undefined,
    cache: cacheHintOf(cache_control),
    rest: Object.keys(rest).length === 0 ? undefined : rest,
  }
}

/** Name → built-in, for the calls of the history. */
export function toolOfCall(tools: readonly Tool[]): ReadonlyMap<string, string> {
  const byName = new Map<string, string>()
  for (const tool of tools) if (tool.kind === 'client_builtin') byName.set(tool.name, tool.tool)
  return byName
}

export function readToolChoice(value: unknown, tools: readonly Tool[], notes: Notes): ToolChoice | undefined {
  const choice = asObject(value)
  if (choice === undefined) return undefined
  const name = asText(choice['name']) ?? ''
  switch (choice['type']) {
    case 'auto':
      return { mode: 'auto' }
    case 'none':
      return { mode: 'none' }
    case 'any':
      return { mode: 'required' }
    case 'tool': {
      const hosted = tools.find((tool) => tool.kind === 'hosted' && tool.native['name'] === name)
      if (hosted?.kind === 'hosted') return { mode: 'hosted', tool: hosted.tool }
      return { mode: 'tool', name, isCustom: false }
    }
    default:
      notes.reject('tool_choice.type', 'the type must be "auto", "any", "tool" or "none"')
      return undefined
  }
}
