import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Tool, ToolChoice } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import type { Fields } from './fields.ts'
import { readCacheHint } from './read-parts.ts'

/** `tools`, or `functions` of the older form, and the search of the web, which has a field of its own. */
export function readTools(fields: Fields, notes: Notes): Tool[] {
  const tools = (fields.list('tools') ?? []).flatMap((tool, at) => readTool(asObject(tool), `tools[${at}]`, notes))
  const functions = fields.list('functions') ?? []
  const search = fields.object('web_search_options')
  for (const [at, value] of functions.entries()) tools.push(...readFunction({}, value, `functions[${at}]`, notes))
  if (search !== undefined) {
    tools.push({ kind: 'hosted', tool: 'web_search', native: { type: 'web_search', ...search } })
  }
  return tools
}

function readTool(tool: JsonObject | undefined, field: string, notes: Notes): Tool[] {
  const type = asText(tool?.['type'])
  if (tool === undefined || type === undefined) return refuse(field, 'a tool without a type is not supported', notes)
  if (type === 'function' || type === 'custom') tellUnknown(tool, toolMembers, field, notes)
  if (type === 'function') return readFunction(tool, tool['function'], `${field}.function`, notes)
  if (type === 'custom') return readCustom(tool, `${field}.custom`, notes)
  return [{ kind: 'hosted', tool: type.startsWith('web_search') ? 'web_search' : type, native: tool }]
}

const toolMembers = membersOf('type function custom cache_control prompt_cache_breakpoint')

function readFunction(tool: JsonObject, value: unknown, field: string, notes: Notes): Tool[] {
  const { name, description, parameters, strict, ...rest } = asObject(value) ?? {}
  if (typeof name !== 'string') return refuse(`${field}.name`, 'a function without a name is not supported', notes)
  const cache = readCacheHint(tool) ?? readCacheHint(rest)
  const { cache_control: _cache, prompt_cache_breakpoint: _breakpoint, ...others } = rest
  return [
    {
      kind: 'function',
      name,
      description: asText(description),
      schema: asObject(parameters),
      strict: typeof strict === 'boolean' ? strict : undefined,
      cache,
      rest: Object.keys(others).length === 0 ? undefined : others,
    },
  ]
}

function readCustom(tool: JsonObject, field: string, notes: Notes): Tool[] {
  const { name, description, format } = asObject(tool['custom']) ?? {}
  if (typeof name !== 'string') return refuse(`${field}.name`, 'a custom tool without a name is not supported', notes)
  const grammar = asObject(asObject(format)?.['grammar']) ?? {}
  const syntax = asText(grammar['syntax'])
  const definition = asText(grammar['definition'])
  return [
    {
      kind: 'custom',
      name,
      description: asText(description),
      grammar: syntax === undefined || definition === undefined ? undefined : { syntax, definition },
    },
  ]
}

/** `tool_choice`, or `function_call` of the older form. */
export function readToolChoice(fields: Fields, notes: Notes): ToolChoice | undefined {
  const choice = fields.any('tool_choice')
  const older = fields.any('function_call')
  if (choice !== undefined) return readChoice(choice, 'tool_choice', notes)
  if (older === undefined) return undefined
  const name = asText(asObject(older)?.['name'])
  return name === undefined ? readChoice(older, 'function_call', notes) : { mode: 'tool', name, isCustom: false }
}

const modes: ReadonlyMap<unknown, ToolChoice> = new Map([
  ['auto', { mode: 'auto' }],
  ['none', { mode: 'none' }],
  ['required', { mode: 'required' }],
  // Mistral's word.
  ['any', { mode: 'required' }],
])

function readChoice(value: unknown, field: string, notes: Notes): ToolChoice | undefined {
  const mode = modes.get(value)
  if (mode !== undefined) return mode
  const choice = asObject(value) ?? {}
  const read = choiceOfType(choice, asText(choice['type']))
  if (read === undefined) notes.reject(field, 'a choice of tools of this kind is not supported')
  return read
}

function choiceOfType(choice: JsonObject, type: string | undefined): ToolChoice | undefined {
  switch (type) {
    case 'function':
    case 'custom': {
      const name = asText(asObject(choice[type])?.['name'])
      return name === undefined ? undefined : { mode: 'tool', name, isCustom: type === 'custom' }
    }
    case 'allowed_tools': {
      const allowed = asObject(choice['allowed_tools']) ?? choice
      const names = asList(allowed['tools']).flatMap((tool) => nameOf(asObject(tool) ?? {}) ?? [])
      return { mode: 'allowed', names, isRequired: allowed['mode'] === 'required' }
    }
    case undefined:
      return undefined
    default:
      return modes.get(type) ?? { mode: 'hosted', tool: type.startsWith('web_search') ? 'web_search' : type }
  }
}

function nameOf(tool: JsonObject): string | undefined {
  const told = asObject(tool['function']) ?? asObject(tool['custom']) ?? tool
  return asText(told['name'])
}

function refuse(field: string, message: string, notes: Notes): [] {
  notes.reject(field, message)
  return []
}
