import { asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Tool, ToolChoice } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { clipped, tellUnknown } from '#translate/unknown-members.ts'
import { listIn, member, namesIn, objectIn, textIn, told, wordIn } from './fields.ts'
import { jsonSchemaOf } from './openapi-schema.ts'

/** `tools`: any number of objects, each of which may hold several declarations and hosted tools. */
export function readTools(body: JsonObject, notes: Notes): readonly Tool[] {
  return listIn(body, 'tools').flatMap((each, at) => {
    const holder = asObject(each) ?? {}
    const field = `tools[${at}]`
    for (const name of Object.keys(holder)) {
      if (!holderMembers.has(name)) notes.drop('dropped:hosted_tool', `${field}.${clipped(name)}`)
    }
    const declarations = listIn(holder, 'functionDeclarations')
    return declarations.flatMap((one) => readDeclaration(one, field, notes)).concat(readHosted(holder))
  })
}

export function readToolChoice(body: JsonObject, notes: Notes): ToolChoice | undefined {
  const toolConfig = objectIn(body, 'toolConfig') ?? {}
  const config = objectIn(toolConfig, 'functionCallingConfig')
  tellUnknown(toolConfig, toolConfigMembers, 'toolConfig', notes)
  tellUnknown(config ?? {}, callingMembers, 'toolConfig.functionCallingConfig', notes)
  if (config === undefined) return undefined
  const names = listIn(config, 'allowedFunctionNames').flatMap((name) => asText(name) ?? [])
  const [name] = names
  switch (wordIn(config, 'mode') ?? '') {
    case 'NONE':
      return { mode: 'none' }
    case 'ANY':
      if (name === undefined) return { mode: 'required' }
      return names.length === 1 ? { mode: 'tool', name, isCustom: false } : { mode: 'allowed', names, isRequired: true }
    default:
      return name === undefined ? { mode: 'auto' } : { mode: 'allowed', names, isRequired: false }
  }
}

/** Whether server-side calls are told in the answer: their blocks are noted where there are any. */
const toolConfigMembers = namesIn(['functionCallingConfig', 'includeServerSideToolInvocations'])
const callingMembers = namesIn(['mode', 'allowedFunctionNames'])
const declarationMembers = namesIn(['name', 'description', 'parameters', 'parametersJsonSchema', 'behavior'])

function readDeclaration(each: unknown, field: string, notes: Notes): Tool | [] {
  const declaration = asObject(each) ?? {}
  const name = textIn(declaration, 'name')
  if (name === undefined) {
    notes.reject(`${field}.functionDeclarations`, 'a function without a name is not supported')
    return []
  }
  tellUnknown(declaration, declarationMembers, `${field}.functionDeclarations`, notes)
  const jsonSchema = objectIn(declaration, 'parametersJsonSchema')
  const parameters = objectIn(declaration, 'parameters')
  const rest = told({ behavior: member(declaration, 'behavior') })
  return {
    kind: 'function',
    name,
    description: textIn(declaration, 'description'),
    schema: jsonSchema ?? (parameters && jsonSchemaOf(parameters)),
    rest: Object.keys(rest).length === 0 ? undefined : rest,
  }
}

function readHosted(holder: JsonObject): Tool[] {
  const tools: Tool[] = []
  for (const [field, tool] of hostedTools) {
    const settings = member(holder, field)
    if (settings === undefined) continue
    const native = { [field]: settings }
    // Its calls are functions that the client carries out.
    if (field === 'computerUse') tools.push({ kind: 'client_builtin', tool, name: tool, native })
    else tools.push({ kind: 'hosted', tool, native })
  }
  return tools
}

const hostedTools: readonly (readonly [field: string, tool: string])[] = [
  ['googleSearch', 'web_search'],
  ['googleSearchRetrieval', 'web_search'],
  ['enterpriseWebSearch', 'web_search'],
  ['exaAiSearch', 'web_search'],
  ['parallelAiSearch', 'web_search'],
  ['urlContext', 'web_fetch'],
  ['codeExecution', 'code'],
  ['fileSearch', 'file_search'],
  ['retrieval', 'file_search'],
  ['googleMaps', 'maps'],
  ['mcpServers', 'mcp'],
  ['computerUse', 'computer_use'],
]

const holderMembers = namesIn(['functionDeclarations', ...hostedTools.map(([field]) => field)])
