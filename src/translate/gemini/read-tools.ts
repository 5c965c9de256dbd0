import { asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Tool, ToolChoice } from '#translate/common.ts'
import { listIn, member, objectIn, textIn, told, wordIn } from './fields.ts'
import { jsonSchemaOf } from './openapi-schema.ts'

/** `tools`: any number of objects, each of which may hold several declarations and hosted tools. */
export function readTools(body: JsonObject): readonly Tool[] {
  return listIn(body, 'tools').flatMap((each) => {
    const holder = asObject(each) ?? {}
    return listIn(holder, 'functionDeclarations').flatMap(readDeclaration).concat(readHosted(holder))
  })
}

export function readToolChoice(body: JsonObject): ToolChoice | undefined {
  const config = objectIn(objectIn(body, 'toolConfig') ?? {}, 'functionCallingConfig')
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

function readDeclaration(each: unknown): Tool | [] {
  const declaration = asObject(each) ?? {}
  const name = textIn(declaration, 'name')
  if (name === undefined) return []
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
