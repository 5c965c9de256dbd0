import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { filledList, firstOf, isBase64, namePattern, nameOf, outside, type Complaint } from './rules.ts'

interface Turn {
  readonly role: unknown
  readonly blocks: readonly JsonObject[]
}

const blockNames = [
  'text',
  'image',
  'document',
  'video',
  'audio',
  'toolUse',
  'toolResult',
  'reasoningContent',
  'cachePoint',
  'guardContent',
  'citationsContent',
  'searchResult',
]

/** What Bedrock's Converse says against a request. */
export function converseComplaint(json: JsonObject): Complaint {
  const messages = filledList(json['messages'])
  if (messages === undefined) return 'The messages list is empty: a conversation must start with a user message.'
  const turns = messages.map((message): Turn => {
    const { role, content } = asObject(message) ?? {}
    return { role, blocks: asList(content).map((block) => asObject(block) ?? {}) }
  })
  return (
    rolesComplaint(turns) ??
    firstOf(turns, ({ blocks }, at) =>
      blocks.length === 0
        ? `The content field in the Message object at messages.${at} is empty. Add a ContentBlock object to the content field and try again.`
        : firstOf(blocks, (block, k) => blockComplaint(block, `messages.${at}.content.${k}`)),
    ) ??
    firstOf(turns, (turn, at) => pairComplaint(turns, turn, at)) ??
    systemComplaint(json) ??
    toolsComplaint(json, turns) ??
    settings(asObject(json['inferenceConfig']) ?? {})
  )
}

function rolesComplaint(turns: readonly Turn[]): Complaint {
  if (turns[0]?.role !== 'user')
    return 'A conversation must start with a user message. Try again with a conversation that starts with a user message.'
  const wrong = turns.findIndex(({ role }, at) => role !== (at % 2 === 0 ? 'user' : 'assistant'))
  if (wrong === -1) return undefined
  return `A conversation must alternate between user and assistant roles: messages.${wrong} does not. Make sure the conversation alternates between user and assistant roles and try again.`
}

function blockComplaint(block: JsonObject, where: string): Complaint {
  const set = Object.keys(block)
  const [name = ''] = set
  if (set.length !== 1 || !blockNames.includes(name))
    return `The ContentBlock object at ${where} must set one of the following keys: ${blockNames.join(', ')}.`
  const { text } = block
  if (text !== undefined && (typeof text !== 'string' || text.trim() === ''))
    return `The text field in the ContentBlock object at ${where} is blank. Add text to the text field, and try again.`
  const value = asObject(block[name])
  if (name === 'text') return undefined
  if (value === undefined) return `The ${name} field in the ContentBlock object at ${where} is not an object.`
  return inBlock[name]?.(value, `${where}.${name}`)
}

const inBlock: Readonly<Record<string, (value: JsonObject, where: string) => Complaint>> = {
  image: (value, where) => mediaComplaint(value, where, ['png', 'jpeg', 'gif', 'webp']),
  document(value, where) {
    if (!/^(?!.*\s{2})[a-zA-Z0-9\s\-()[\]]{1,200}$/.test(nameOf(value)))
      return `The name at ${where} may have letters, digits, single spaces, hyphens, parentheses and square brackets.`
    return mediaComplaint(value, where, ['pdf', 'csv', 'doc', 'docx', 'xls', 'xlsx', 'html', 'txt', 'md'])
  },
  toolUse(value, where) {
    if (!namePattern.test(asText(value['toolUseId']) ?? ''))
      return `Value at '${where}.toolUseId' failed to satisfy constraint: ${namePattern.source}`
    if (!namePattern.test(nameOf(value)))
      return `Value at '${where}.name' failed to satisfy constraint: ${namePattern.source}`
    return asObject(value['input']) === undefined
      ? `The format of the value at ${where}.input is invalid. Provide a json object for the field and try again.`
      : undefined
  },
  toolResult(value, where) {
    if (!namePattern.test(asText(value['toolUseId']) ?? ''))
      return `Value at '${where}.toolUseId' failed to satisfy constraint: ${namePattern.source}`
    const { status } = value
    if (status !== undefined && status !== 'success' && status !== 'error')
      return `Value at '${where}.status' must be success or error.`
    const content = filledList(value['content'])
    if (content === undefined) return `The content field at ${where} is empty.`
    return firstOf(content, (entry, at) => {
      const { text } = asObject(entry) ?? {}
      return text === '' ? `The text field at ${where}.content.${at} is blank.` : undefined
    })
  },
  reasoningContent(value, where) {
    const text = asObject(value['reasoningText'])
    if (text === undefined && !isBase64(value['redactedContent']))
      return `The reasoningContent object at ${where} must set one of: reasoningText, redactedContent.`
    const signature = text?.['signature']
    return signature !== undefined && !isBase64(signature)
      ? `${where}.reasoningText.signature: Invalid signature in thinking block`
      : undefined
  },
  cachePoint: (value, where) => (value['type'] === 'default' ? undefined : `Value at '${where}.type' must be default.`),
}

function mediaComplaint(value: JsonObject, where: string, formats: readonly string[]): Complaint {
  if (!formats.includes(asText(value['format']) ?? ''))
    return `Value at '${where}.format' must be one of ${formats.join(', ')}.`
  const source = asObject(value['source']) ?? {}
  if ('bytes' in source && !isBase64(source['bytes'])) return `Value at '${where}.source.bytes' is no base64.`
  return Object.keys(source).length === 1 ? undefined : `The source at ${where} must set one key.`
}

/** The results of a turn of calls are in the next turn, one for each. */
function pairComplaint(turns: readonly Turn[], { blocks }: Turn, at: number): Complaint {
  const asked = idsOf(turns[at - 1]?.blocks ?? [], 'toolUse')
  const answered = idsOf(blocks, 'toolResult')
  if (answered.length > asked.length)
    return `The number of toolResult blocks at messages.${at}.content exceeds the number of toolUse blocks of previous turn.`
  const missing = asked.filter((id) => !answered.includes(id))
  if (missing.length > 0 || (asked.length > 0 && new Set(answered).size < asked.length))
    return `Expected toolResult blocks at messages.${at}.content for the following Ids: ${missing.join(', ')}`
  const isLast = at === turns.length - 1
  const open = idsOf(blocks, 'toolUse')
  return isLast && open.length > 0
    ? `Expected toolResult blocks at messages.${at + 1}.content for the following Ids: ${open.join(', ')}`
    : undefined
}

function idsOf(blocks: readonly JsonObject[], name: string): readonly string[] {
  return blocks.flatMap((block) => {
    const value = asObject(block[name])
    return value === undefined ? [] : [asText(value['toolUseId']) ?? '']
  })
}

function systemComplaint(json: JsonObject): Complaint {
  return firstOf(asList(json['system']), (entry, at) => {
    const { text } = asObject(entry) ?? {}
    return text === '' ? `The text field in the SystemContentBlock object at system.${at} is blank.` : undefined
  })
}

function toolsComplaint(json: JsonObject, turns: readonly Turn[]): Complaint {
  const config = asObject(json['toolConfig'])
  const usesTools = turns.some(({ blocks }) => blocks.some((block) => 'toolUse' in block || 'toolResult' in block))
  if (config === undefined)
    return usesTools
      ? 'The toolConfig field must be defined when using toolUse and toolResult content blocks.'
      : undefined
  const specs = asList(config['tools']).flatMap((tool): readonly JsonObject[] => {
    const spec = asObject(asObject(tool)?.['toolSpec'])
    return spec === undefined ? [] : [spec]
  })
  if (specs.length === 0)
    return "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1"
  const forced = nameOf(asObject(config['toolChoice'])?.['tool'])
  if (forced !== '' && !specs.some((spec) => spec['name'] === forced))
    return `The tool '${forced}' of toolConfig.toolChoice is not in toolConfig.tools.`
  return firstOf(specs, (spec, at) => {
    const where = `toolConfig.tools.${at}.member.toolSpec`
    if (!namePattern.test(nameOf(spec)))
      return `Value at '${where}.name' failed to satisfy constraint: ${namePattern.source}`
    if (spec['description'] === '')
      return `Value at '${where}.description' failed to satisfy constraint: Member must have length greater than or equal to 1`
    const schema = asObject(asObject(spec['inputSchema'])?.['json'])
    return schema?.['type'] === 'object'
      ? undefined
      : `The value at ${where}.inputSchema.json.type must be one of the following: object.`
  })
}

function settings(config: JsonObject): Complaint {
  if (outside(config, 'temperature', 0, 1)) return "Value at 'inferenceConfig.temperature' must be between 0 and 1."
  if (outside(config, 'topP', 0, 1)) return "Value at 'inferenceConfig.topP' must be between 0 and 1."
  const max = config['maxTokens']
  if (max !== undefined && (asNumber(max) ?? 0) < 1) return "Value at 'inferenceConfig.maxTokens' must be at least 1."
  return asList(config['stopSequences']).length > 2500
    ? "Value at 'inferenceConfig.stopSequences' is too long."
    : undefined
}
