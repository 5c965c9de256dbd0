import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Tool, ToolChoice } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { builtInOfTool } from './built-ins.ts'

export function readTools(value: unknown, field: string, notes: Notes): readonly Tool[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    notes.reject(field, 'the tools must be a list')
    return []
  }
  return value.flatMap((entry, index) => {
    const tool = asObject(entry)
    if (tool !== undefined) return readTool(tool, `${field}[${index}]`, notes)
    notes.reject(`${field}[${index}]`, 'a tool must be an object')
    return []
  })
}

function readTool(tool: JsonObject, field: string, notes: Notes): readonly Tool[] {
  const type = asText(tool['type']) ?? ''
  switch (type) {
    case 'function':
      return readFunction(tool, undefined, field, notes)
    case 'custom':
      return readCustom(tool, undefined, field, notes)
    case 'namespace':
      return readNamespace(tool, field, notes)
    default: {
      const builtIn = builtInOfTool(tool)
      if (builtIn !== undefined) return [{ kind: 'client_builtin', tool: builtIn, name: builtIn, native: tool }]
      return [{ kind: 'hosted', tool: hostedName(type), native: tool }]
    }
  }
}

/** Names of tools carry the date of their making. */
function hostedName(type: string): string {
  return type.startsWith('web_search') ? 'web_search' : type
}

interface Namespace {
  readonly name: string
  readonly description: string
}

function readFunction(
  tool: JsonObject,
  namespace: Namespace | undefined,
  field: string,
  notes: Notes,
): readonly Tool[] {
  // Some clients write them as Chat does.
  const declared = asObject(tool['function']) ?? tool
  const name = asText(declared['name']) ?? ''
  if (name === '') {
    notes.reject(`${field}.name`, 'a tool must have a name')
    return []
  }
  const strict = declared['strict']
  const { type: _, name: _name, description: _said, parameters, strict: _strict, ...rest } = declared
  return [
    {
      kind: 'function',
      name,
      ...(namespace === undefined ? {} : { namespace: namespace.name }),
      description: described(asText(declared['description']), namespace),
      schema: asObject(parameters),
      strict: typeof strict === 'boolean' ? strict : undefined,
      ...(Object.keys(rest).length === 0 ? {} : { rest }),
    },
  ]
}

function readCustom(tool: JsonObject, namespace: Namespace | undefined, field: string, notes: Notes): readonly Tool[] {
  const name = asText(tool['name']) ?? ''
  if (name === '') {
    notes.reject(`${field}.name`, 'a tool must have a name')
    return []
  }
  const format = asObject(tool['format'])
  const definition = asText(format?.['definition'])
  return [
    {
      kind: 'custom',
      name,
      ...(namespace === undefined ? {} : { namespace: namespace.name }),
      description: described(asText(tool['description']), namespace),
      ...(definition === undefined ? {} : { grammar: { syntax: asText(format?.['syntax']) ?? '', definition } }),
    },
  ]
}

/** What a namespace says of itself is told with each of its tools. */
function described(description: string | undefined, namespace: Namespace | undefined): string | undefined {
  if (namespace === undefined || namespace.description === '') return description
  return description === undefined ? namespace.description : `${namespace.description}\n\n${description}`
}

function readNamespace(tool: JsonObject, field: string, notes: Notes): readonly Tool[] {
  const namespace = { name: asText(tool['name']) ?? '', description: asText(tool['description']) ?? '' }
  return asList(tool['tools']).flatMap((entry, index) => {
    const inner = asObject(entry) ?? {}
    const place = `${field}.tools[${index}]`
    return inner['type'] === 'custom'
      ? readCustom(inner, namespace, place, notes)
      : readFunction(inner, namespace, place, notes)
  })
}

export function readToolChoice(value: unknown, notes: Notes): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return readMode(value, notes)
  const choice = asObject(value)
  if (choice === undefined) {
    notes.reject('tool_choice', 'it must be a word or an object')
    return undefined
  }
  const type = asText(choice['type']) ?? ''
  switch (type) {
    case 'function':
    case 'custom': {
      const name = nameIn(choice, type)
      if (name !== undefined) return { mode: 'tool', name, isCustom: type === 'custom' }
      notes.reject('tool_choice.name', 'the name of the tool is missing')
      return undefined
    }
    case 'allowed_tools':
      return readAllowed(asObject(choice['allowed_tools']) ?? choice)
    case 'auto':
    case 'none':
    case 'required':
      return { mode: type }
    default: {
      const builtIn = builtInOfTool(choice)
      return builtIn === undefined
        ? { mode: 'hosted', tool: hostedName(type) }
        : { mode: 'tool', name: builtIn, isCustom: false }
    }
  }
}

function readMode(mode: string, notes: Notes): ToolChoice | undefined {
  if (mode === 'auto' || mode === 'none' || mode === 'required') return { mode }
  if (mode === 'any') return { mode: 'required' }
  notes.reject('tool_choice', 'it must be "auto", "none", "required" or an object')
  return undefined
}

function readAllowed(allowed: JsonObject): ToolChoice {
  const names = asList(allowed['tools']).flatMap((entry) => {
    const tool = asObject(entry) ?? {}
    const type = asText(tool['type']) ?? ''
    return nameIn(tool, type) ?? builtInOfTool(tool) ?? []
  })
  return { mode: 'allowed', names, isRequired: allowed['mode'] === 'required' }
}

/** Chat writes it one level deeper. */
function nameIn(tool: JsonObject, type: string): string | undefined {
  const name = asText(tool['name']) ?? asText(asObject(tool[type])?.['name'])
  return name === '' ? undefined : name
}
