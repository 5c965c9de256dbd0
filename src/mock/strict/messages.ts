import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { filledList, firstOf, isBase64, nameOf, outside, unanswered, unknownName, type Complaint } from './rules.ts'

const known: ReadonlySet<string> = new Set(
  (
    'model messages max_tokens system tools tool_choice temperature top_p top_k stop_sequences stream metadata thinking ' +
    'output_config output_format service_tier container context_management mcp_servers cache_control inference_geo speed ' +
    'betas anthropic_beta anthropic_version fallbacks'
  ).split(' '),
)

const toolName = /^[a-zA-Z0-9_-]{1,128}$/

/** What Messages says against a request; a count of tokens needs no limit. */
export function messagesComplaint(json: JsonObject, isCount = false): Complaint {
  const extra = unknownName(json, known)
  if (extra !== undefined) return `${extra}: Extra inputs are not permitted`
  const messages = filledList(json['messages'])?.map((message) => asObject(message) ?? {})
  if (messages === undefined) return 'messages: at least one message is required'
  if (!isCount && (asNumber(json['max_tokens']) ?? 0) < 1) return 'max_tokens: Field required'
  if (messages[0]?.['role'] !== 'user') return 'messages: first message must use the "user" role'
  return firstOf(messages, messageComplaint) ?? pairsComplaint(messages) ?? toolsComplaint(json) ?? settings(json)
}

function messageComplaint(message: JsonObject, at: number): Complaint {
  const { role, content } = message
  // Newer models take words of the system among the others, and coding agents send them.
  if (role === 'system' && at > 0) return undefined
  if (role !== 'user' && role !== 'assistant')
    return `messages: Unexpected role ${JSON.stringify(role)}. Allowed roles are "user" or "assistant"`
  if (content === '') return `messages.${at}: text content blocks must be non-empty`
  if (typeof content === 'string') return undefined
  const blocks = filledList(content)
  if (blocks === undefined) return `messages.${at}: all messages must have non-empty content`
  return firstOf(blocks, (block, k) => blockComplaint(asObject(block) ?? {}, role, `messages.${at}.content.${k}`))
}

function blockComplaint(block: JsonObject, role: string, where: string): Complaint {
  const { type } = block
  if (typeof type !== 'string') return `${where}.type: Field required`
  if (type === 'text' && (asText(block['text']) ?? '').trim() === '')
    return `${where}: text content blocks must contain non-whitespace text`
  if ((type === 'thinking' || type === 'tool_use') && role === 'user')
    return `${where}: ${type} blocks are for the assistant`
  if (type === 'tool_result' && role === 'assistant') return `${where}: tool_result blocks can only be in user messages`
  if (type === 'thinking' && typeof block['thinking'] !== 'string') return `${where}.thinking.thinking: Field required`
  if (type === 'thinking' && !isBase64(block['signature']))
    return `${where}: Invalid \`signature\` in \`thinking\` block`
  if (type === 'redacted_thinking' && !isBase64(block['data']))
    return `${where}: Invalid \`data\` in \`redacted_thinking\` block`
  if (type !== 'tool_use') return undefined
  if (!/^[a-zA-Z0-9_-]+$/.test(asText(block['id']) ?? ''))
    return `${where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`
  if (!toolName.test(nameOf(block))) return `${where}.tool_use.name: String should match pattern '${toolName.source}'`
  return asObject(block['input']) === undefined
    ? `${where}.tool_use.input: Input should be a valid dictionary`
    : undefined
}

/** Messages of one role in a row count as one; the results of a turn's calls open the next. */
function pairsComplaint(messages: readonly JsonObject[]): Complaint {
  const turns: { readonly role: unknown; readonly blocks: JsonObject[] }[] = []
  for (const { role, content } of messages) {
    const blocks = Array.isArray(content) ? content.map((block) => asObject(block) ?? {}) : [{ type: 'text' }]
    const last = turns.at(-1)
    if (last !== undefined && last.role === role) last.blocks.push(...blocks)
    else turns.push({ role, blocks })
  }
  return firstOf(turns, ({ blocks }, at) => {
    const asked = idsOf(turns[at - 1]?.blocks ?? [], 'tool_use', 'id')
    const answered = idsOf(blocks, 'tool_result', 'tool_use_id')
    const orphan = answered.find((id) => !asked.includes(id))
    if (orphan !== undefined)
      return `messages.${at}.content: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${orphan}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
    const calls = idsOf(blocks, 'tool_use', 'id')
    if (new Set(calls).size < calls.length) return `messages.${at}: \`tool_use\` ids must be unique`
    const next = turns[at + 1]?.blocks ?? []
    const first = next.findIndex((block) => block['type'] !== 'tool_result')
    const leading = idsOf(first === -1 ? next : next.slice(0, first), 'tool_result', 'tool_use_id')
    const open = unanswered(calls, leading)
    if (open.length === 0) return undefined
    return `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
  })
}

function idsOf(blocks: readonly JsonObject[], type: string, name: string): readonly string[] {
  return blocks.filter((block) => block['type'] === type).map((block) => asText(block[name]) ?? '')
}

function toolsComplaint(json: JsonObject): Complaint {
  const tools = asList(json['tools']).map((tool) => asObject(tool) ?? {})
  const choice = asObject(json['tool_choice'])
  if (choice !== undefined && tools.length === 0) return 'tool_choice may only be specified while providing tools'
  const forced = nameOf(choice)
  if (forced !== '' && !tools.some((tool) => tool['name'] === forced))
    return `Tool '${forced}' not found in provided tools`
  return firstOf(tools, (tool, at) => {
    if (!toolName.test(nameOf(tool))) return `tools.${at}.custom.name: String should match pattern '${toolName.source}'`
    // Tools with a type of their own bring their schema along.
    if (typeof tool['type'] === 'string' && tool['type'] !== 'custom') return undefined
    const schema = asObject(tool['input_schema'])
    return schema?.['type'] === 'object' ? undefined : `tools.${at}.custom.input_schema.type: Input should be 'object'`
  })
}

function settings(json: JsonObject): Complaint {
  if (outside(json, 'temperature', 0, 1)) return 'temperature: range: 0..1'
  if (outside(json, 'top_p', 0, 1)) return 'top_p: range: 0..1'
  const thinking = asObject(json['thinking'])
  if (thinking?.['type'] === undefined || thinking['type'] === 'disabled') return undefined
  const temperature = asNumber(json['temperature']) ?? 1
  if (temperature !== 1) return '`temperature` may only be set to 1 when thinking is enabled.'
  if (thinking['type'] !== 'enabled') return undefined
  const budget = asNumber(thinking['budget_tokens']) ?? 0
  if (budget < 1024) return 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024'
  if (budget >= (asNumber(json['max_tokens']) ?? Infinity))
    return '`max_tokens` must be greater than `thinking.budget_tokens`.'
  const choice = asObject(json['tool_choice'])?.['type']
  if (choice === 'any' || choice === 'tool') return 'Thinking may not be enabled when tool_choice forces tool use.'
  return undefined
}

/** Bedrock and Vertex say by a version what they want, and the model and the stream by the path. */
export function hostedMessagesComplaint(json: JsonObject, version: string): Complaint {
  if (json['anthropic_version'] !== version) return `anthropic_version: "${version}" is required`
  const extra = ['model', 'stream'].find((name) => name in json)
  // Vertex lets the wish for a stream pass.
  if (extra !== undefined && !(extra === 'stream' && version.startsWith('vertex')))
    return `${extra}: Extra inputs are not permitted`
  return messagesComplaint(json)
}
