import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { filledList, firstOf, isBase64, nameOf, unknownName, type Complaint } from './rules.ts'

/** Names in the JSON form of protocol buffers, which may be written in both ways. */
function names(...words: readonly string[]): ReadonlySet<string> {
  const camel = words.flatMap((line) => line.split(' '))
  return new Set(camel.flatMap((name) => [name, name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]))
}

const requestNames = names(
  'model contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent labels serviceTier',
  'modelArmorConfig store generateContentRequest',
)
const configNames = names(
  'stopSequences responseMimeType responseSchema responseJsonSchema candidateCount maxOutputTokens temperature topP topK',
  'seed presencePenalty frequencyPenalty responseLogprobs logprobs enableEnhancedCivicAnswers responseModalities',
  'speechConfig thinkingConfig imageConfig mediaResolution routingConfig audioTimestamp responseFormat',
)
const partNames = names(
  'text thought thoughtSignature inlineData fileData functionCall functionResponse executableCode codeExecutionResult',
  'videoMetadata mediaResolution partMetadata toolCall toolResponse',
)
const dataNames = names(
  'text inlineData fileData functionCall functionResponse executableCode codeExecutionResult toolCall toolResponse',
)
/** Of the subset of OpenAPI that `parameters` and `responseSchema` know. */
const schemaNames = names(
  'type format title description nullable enum maxItems minItems properties required minProperties maxProperties items',
  'minimum maximum minLength maxLength pattern example anyOf propertyOrdering default',
)

const functionName = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/

interface Content {
  readonly role: string
  readonly parts: readonly JsonObject[]
}

/** What Gemini says against a request, also against one that only counts. */
export function geminiComplaint(json: JsonObject, model: string): Complaint {
  const inner = asObject(json['generateContentRequest'])
  if (inner !== undefined) return geminiComplaint(inner, model)
  const extra = unknownName(json, requestNames)
  if (extra !== undefined) return unknown(extra, '')
  const raw = filledList(json['contents'])
  if (raw === undefined) return '* GenerateContentRequest.contents: contents is not specified'
  const contents = raw.map((content) => contentOf(asObject(content) ?? {}))
  return (
    firstOf(contents, contentComplaint) ??
    turnsComplaint(contents) ??
    (model.includes('gemini-3') ? signaturesComplaint(contents) : undefined) ??
    toolsComplaint(json) ??
    configComplaint(asObject(member(json, 'generationConfig')) ?? {})
  )
}

/** A member under either of its two names. */
function member(json: JsonObject, name: string): unknown {
  return json[name] ?? json[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]
}

function unknown(name: string, where: string): string {
  return `Invalid JSON payload received. Unknown name "${name}"${where === '' ? '' : ` at '${where}'`}: Cannot find field.`
}

function contentOf(content: JsonObject): Content {
  return {
    role: asText(content['role']) ?? 'user',
    parts: asList(content['parts']).map((part) => asObject(part) ?? {}),
  }
}

function contentComplaint({ role, parts }: Content, at: number): Complaint {
  if (role !== 'user' && role !== 'model' && role !== 'function') return 'Please use a valid role: user, model.'
  if (parts.length === 0) return `* GenerateContentRequest.contents[${at}].parts: contents.parts must not be empty.`
  return firstOf(parts, (part, k) => partComplaint(part, role, `contents[${at}].parts[${k}]`))
}

function partComplaint(part: JsonObject, role: string, where: string): Complaint {
  const extra = unknownName(part, partNames)
  if (extra !== undefined) return unknown(extra, where)
  const data = Object.keys(part).filter((name) => dataNames.has(name))
  const signature = member(part, 'thoughtSignature')
  if (signature !== undefined && !isBase64(signature))
    return `Invalid value at '${where}.thought_signature' (TYPE_BYTES), Base64 decoding failed for ${JSON.stringify(signature)}`
  if (data.length !== 1)
    return `* GenerateContentRequest.${where}.data: required oneof field 'data' must have one initialized field`
  const call = asObject(member(part, 'functionCall'))
  const response = asObject(member(part, 'functionResponse'))
  const named = call ?? response
  if (named !== undefined && nameOf(named) === '')
    return `* GenerateContentRequest.${where}.function_${call === undefined ? 'response' : 'call'}.name: Name cannot be empty.`
  if (call !== undefined && role === 'user')
    return `Function calls are for the role model, not for user, at '${where}'.`
  if (call?.['args'] !== undefined && asObject(call['args']) === undefined)
    return `Invalid value at '${where}.function_call.args' (type.googleapis.com/google.protobuf.Struct)`
  if (response !== undefined && asObject(response['response']) === undefined)
    return `Invalid value at '${where}.function_response.response' (type.googleapis.com/google.protobuf.Struct)`
  const inline = asObject(member(part, 'inlineData'))
  if (inline !== undefined && (!isBase64(inline['data']) || typeof member(inline, 'mimeType') !== 'string'))
    return `Invalid value at '${where}.inline_data' (TYPE_BYTES), Base64 decoding failed or no mime_type`
  return undefined
}

/** Roles alternate, and a turn of calls is followed by as many responses. */
function turnsComplaint(contents: readonly Content[]): Complaint {
  const sideOf = ({ role }: Content): string => (role === 'model' ? 'model' : 'user')
  const again = contents.findIndex((content, at) => {
    const before = contents[at - 1]
    return before !== undefined && sideOf(before) === sideOf(content)
  })
  if (again !== -1) return 'Please ensure that multiturn requests alternate between user and model.'
  return firstOf(contents, ({ parts }, at) => {
    const calls = callsOf(parts).length
    const responses = responsesOf(contents[at + 1]?.parts ?? []).length
    if (calls > 0 && at === 0) {
      return 'Please ensure that function call turn comes immediately after a user turn or after a function response turn.'
    }
    if (calls > 0 && responses !== calls) {
      return 'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.'
    }
    if (responsesOf(parts).length > 0 && callsOf(contents[at - 1]?.parts ?? []).length === 0)
      return 'Please ensure that function response turn comes immediately after a function call turn.'
    return undefined
  })
}

/** In the steps of the current turn, the first call carries its signature. */
function signaturesComplaint(contents: readonly Content[]): Complaint {
  const start = contents.findLastIndex(({ role, parts }) => role === 'user' && responsesOf(parts).length === 0)
  return firstOf(contents.slice(start + 1), ({ parts }, at) => {
    const first = parts.find((part) => member(part, 'functionCall') !== undefined)
    if (first === undefined || member(first, 'thoughtSignature') !== undefined) return undefined
    const name = nameOf(member(first, 'functionCall'))
    return `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. Function call \`${name}\`, position ${start + 2 + at}.`
  })
}

function callsOf(parts: readonly JsonObject[]): readonly JsonObject[] {
  return parts.filter((part) => member(part, 'functionCall') !== undefined)
}

function responsesOf(parts: readonly JsonObject[]): readonly JsonObject[] {
  return parts.filter((part) => member(part, 'functionResponse') !== undefined)
}

function toolsComplaint(json: JsonObject): Complaint {
  const declared = asList(json['tools']).flatMap((tool) => asList(member(asObject(tool) ?? {}, 'functionDeclarations')))
  const complaint = firstOf(declared, (entry, at) => {
    const where = `tools[0].function_declarations[${at}]`
    const declaration = asObject(entry) ?? {}
    if (!functionName.test(nameOf(declaration)))
      return `* GenerateContentRequest.${where}.name: [FIELD_INVALID] Invalid function name.`
    if (declaration['parameters'] !== undefined && member(declaration, 'parametersJsonSchema') !== undefined)
      return `* GenerateContentRequest.${where}: only one of parameters and parameters_json_schema may be set.`
    return schemaComplaint(declaration['parameters'], `${where}.parameters`)
  })
  if (complaint !== undefined) return complaint
  const config = asObject(member(asObject(member(json, 'toolConfig')) ?? {}, 'functionCallingConfig')) ?? {}
  const allowed = asList(member(config, 'allowedFunctionNames'))
  const mode = (asText(config['mode']) ?? 'AUTO').toUpperCase()
  if (allowed.length > 0 && mode !== 'ANY' && mode !== 'VALIDATED')
    return 'Function calling config: allowed_function_names can only be set when mode is ANY or VALIDATED.'
  const strange = allowed.find((name) => !declared.some((declaration) => nameOf(declaration) === name))
  return strange === undefined
    ? undefined
    : `allowed_function_names: ${JSON.stringify(strange)} is not a declared function.`
}

function schemaComplaint(value: unknown, where: string): Complaint {
  const schema = asObject(value)
  if (schema === undefined) return undefined
  const extra = unknownName(schema, schemaNames)
  if (extra !== undefined) return unknown(extra, where)
  if (Array.isArray(schema['type']))
    return `Invalid value at '${where}.type': Proto field is not repeating, cannot start list.`
  return (
    firstOf(Object.entries(asObject(schema['properties']) ?? {}), ([name, part]) =>
      schemaComplaint(part, `${where}.properties[${name}]`),
    ) ??
    schemaComplaint(schema['items'], `${where}.items`) ??
    firstOf(asList(member(schema, 'anyOf')), (part, at) => schemaComplaint(part, `${where}.any_of[${at}]`))
  )
}

function configComplaint(config: JsonObject): Complaint {
  const extra = unknownName(config, configNames)
  if (extra !== undefined) return unknown(extra, 'generation_config')
  if (asList(member(config, 'stopSequences')).length > 5) return 'The number of stop_sequences must be at most 5.'
  const [subset, full] = [member(config, 'responseSchema'), member(config, 'responseJsonSchema')]
  if (subset !== undefined && full !== undefined)
    return 'Only one of response_schema and response_json_schema may be set.'
  if ((subset ?? full) !== undefined && member(config, 'responseMimeType') === undefined)
    return "Function calling or a response schema needs a response mime type: 'application/json'."
  return schemaComplaint(subset, 'generation_config.response_schema')
}
