import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'

export interface Tool {
  readonly name: string
  readonly schema: JsonObject
}

/** What the request says about calls: a tool by name, any tool, no tool at all, or whatever the model likes. */
export type ToolChoice = { readonly name: string } | 'any' | 'none' | 'free'

/**
 * `tools[].function` (Chat, Cohere, Ollama), `tools[]` (Responses, Messages), `tools[].functionDeclarations[]` (Gemini),
 * `toolConfig.tools[].toolSpec` (Converse).
 */
export function toolsOf(json: JsonObject): readonly Tool[] {
  const listed = [...asList(json['tools']), ...asList(asObject(json['toolConfig'])?.['tools'])]
  return listed.flatMap((entry) => {
    const tool = asObject(entry) ?? {}
    const declared = asList(tool['functionDeclarations'] ?? tool['function_declarations'])
    const definitions = declared.length > 0 ? declared : [tool['function'] ?? tool['toolSpec'] ?? tool]
    return definitions.flatMap((definition) => {
      const { name, ...rest } = asObject(definition) ?? {}
      return typeof name === 'string' ? [{ name, schema: schemaOf(rest) }] : []
    })
  })
}

export function toolChoiceOf(json: JsonObject): ToolChoice {
  const config = asObject(json['toolConfig'] ?? json['tool_config'])
  const gemini = asObject(config?.['functionCallingConfig'] ?? config?.['function_calling_config'])
  if (gemini !== undefined) return geminiChoiceOf(gemini)
  const choice = json['tool_choice'] ?? config?.['toolChoice']
  if (typeof choice === 'string') return choiceWords[choice.toLowerCase()] ?? 'free'
  const named = asObject(choice)
  if (named === undefined) return 'free'
  const name = asText((asObject(named['function']) ?? asObject(named['tool']) ?? named)['name'])
  if (name !== undefined) return { name }
  return 'any' in named ? 'any' : (choiceWords[asText(named['type']) ?? ''] ?? 'free')
}

/** The request allows one call at most. */
export function isSingleCall(json: JsonObject): boolean {
  const choice = asObject(json['tool_choice'])
  return json['parallel_tool_calls'] === false || choice?.['disable_parallel_tool_use'] === true
}

const choiceWords: Readonly<Partial<Record<string, ToolChoice>>> = { required: 'any', any: 'any', none: 'none' }

function geminiChoiceOf(config: JsonObject): ToolChoice {
  const mode = asText(config['mode'])?.toUpperCase()
  if (mode === 'NONE') return 'none'
  if (mode !== 'ANY') return 'free'
  const name = asText(asList(config['allowedFunctionNames'] ?? config['allowed_function_names'])[0])
  return name === undefined ? 'any' : { name }
}

function schemaOf(definition: JsonObject): JsonObject {
  const schema =
    definition['parameters'] ??
    definition['input_schema'] ??
    definition['parametersJsonSchema'] ??
    definition['parameters_json_schema'] ??
    asObject(definition['inputSchema'])?.['json']
  return asObject(schema) ?? {}
}
