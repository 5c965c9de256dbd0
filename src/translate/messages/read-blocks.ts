import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Annotation, NativePart, Part, ReasoningPart, TextPart, ToolCallPart } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { unsealed } from '#translate/opaque.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { blockMember } from './block-member.ts'
import { cacheHintOf } from './cache-hint.ts'
import { annotationOf } from './citations.ts'
import { readDocument, readImage, readSearchResult } from './read-documents.ts'

/** What blocks must know of the request around them. */
export interface BlockFacts {
  /** Name of a tool → `bash`, `text_editor`, … of those that the client carries out itself. */
  readonly tools: ReadonlyMap<string, string>
  /** Filled while calls are read, for their results. */
  readonly nameOfCall: Map<string, string>
}

/** `content` of a message or a result: a text, or blocks. */
export function readBlocks(content: unknown, field: string, facts: BlockFacts, notes: Notes): readonly Part[] {
  if (typeof content === 'string') return [{ kind: 'text', text: content }]
  const parts: Part[] = []
  asList(content).forEach((value, index) => {
    if (typeof value === 'string') parts.push({ kind: 'text', text: value })
    else for (const part of readBlock(asObject(value) ?? {}, `${field}[${index}]`, facts, notes)) parts.push(part)
  })
  return parts
}

function readBlock(block: JsonObject, field: string, facts: BlockFacts, notes: Notes): readonly Part[] {
  const known = membersByType.get(asText(block['type']) ?? '')
  if (known !== undefined) tellUnknown(block, known, field, notes)
  switch (block['type']) {
    case 'text':
      return [readText(block)]
    case 'image':
      return [readImage(block, field, notes)]
    case 'document':
      return readDocument(block, field, notes)
    case 'search_result':
      return readSearchResult(block, field, notes)
    case 'thinking':
      return [readThinking(block)]
    case 'redacted_thinking':
      return [readRedacted(block)]
    case 'tool_use':
      if (callerOf(block) !== undefined) notes.drop('dropped:server_tool_blocks', `${field}.caller`)
      return [readToolUse(block, facts)]
    case 'tool_result':
      return [readToolResult(block, field, facts, notes)]
    default:
      return readOther(block, field, notes)
  }
}

/** Blocks of other types are read, or left out, as a whole. */
const membersByType: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['text', membersOf('type text citations cache_control')],
  ['image', membersOf('type source cache_control')],
  ['document', membersOf('type source title context citations cache_control')],
  ['search_result', membersOf('type source title content citations cache_control')],
  ['thinking', membersOf('type thinking signature')],
  ['redacted_thinking', membersOf('type data')],
  ['tool_use', membersOf('type id name input caller cache_control')],
  ['tool_result', membersOf('type tool_use_id content is_error cache_control')],
])

/** Server tools and their results, `tool_reference`, `compaction`, …: whatever only Anthropic can read again. */
function readOther(block: JsonObject, field: string, notes: Notes): readonly Part[] {
  const type = asText(block['type'])
  if (type === undefined) {
    notes.reject(field, 'a block needs a type')
    return []
  }
  if (type === 'compaction') return readCompaction(block, field, notes)
  const native: NativePart = { kind: 'native', form: 'messages', type, value: block }
  return [native]
}

/** A summary in plain text may be read by everybody; an encrypted one stands for a history that would vanish. */
function readCompaction(block: JsonObject, field: string, notes: Notes): readonly Part[] {
  const text = asText(block['content'])
  if (text === undefined || text === '') {
    notes.reject(field, 'an encrypted summary of the history is not supported')
    return []
  }
  return [{ kind: 'text', text, cache: cacheHintOf(block['cache_control']), rest: { [blockMember]: block } }]
}

function readText(block: JsonObject): TextPart {
  const text = asText(block['text']) ?? ''
  const annotations: Annotation[] = []
  for (const value of asList(block['citations'])) {
    const citation = asObject(value)
    if (citation !== undefined) annotations.push(annotationOf(citation, text))
  }
  return {
    kind: 'text',
    text,
    annotations: annotations.length === 0 ? undefined : annotations,
    cache: cacheHintOf(block['cache_control']),
  }
}

function readThinking(block: JsonObject): ReasoningPart {
  const signature = asText(block['signature']) ?? ''
  const opaque = signature === '' ? undefined : unsealed(signature, 'messages', 'signature', 'claude')
  const text = asText(block['thinking']) ?? ''
  return {
    kind: 'reasoning',
    // Thoughts that were not to be shown travelled in the envelope.
    text: text === '' && opaque?.kind === 'text' ? opaque.payload : text,
    style: 'summary',
    isRedacted: false,
    opaque,
    itemId: opaque?.form === 'responses' ? opaque.id : undefined,
  }
}

function readRedacted(block: JsonObject): ReasoningPart {
  const opaque = unsealed(asText(block['data']) ?? '', 'messages', 'redacted', 'claude')
  return {
    kind: 'reasoning',
    text: '',
    style: 'summary',
    isRedacted: opaque === undefined || opaque.kind === 'redacted',
    opaque,
    itemId: opaque?.form === 'responses' ? opaque.id : undefined,
  }
}

function readToolUse(block: JsonObject, facts: BlockFacts): ToolCallPart {
  const id = asText(block['id']) ?? ''
  const name = asText(block['name']) ?? ''
  if (id !== '') facts.nameOfCall.set(id, name)
  const input = block['input']
  return {
    kind: 'tool_call',
    id,
    name,
    args: typeof input === 'string' ? { raw: input } : { value: input ?? {} },
    isCustom: false,
    tool: facts.tools.get(name) ?? 'function',
    caller: callerOf(block),
    cache: cacheHintOf(block['cache_control']),
    rest: keptMembers(block, ['caller', 'toolset_name']),
  }
}

/** Undefined where the client carries it out. */
export function callerOf(block: JsonObject): string | undefined {
  const type = asText(asObject(block['caller'])?.['type'])
  return type === 'direct' ? undefined : type
}

function readToolResult(block: JsonObject, field: string, facts: BlockFacts, notes: Notes): Part {
  const callId = asText(block['tool_use_id']) ?? ''
  return {
    kind: 'tool_result',
    callId,
    name: facts.nameOfCall.get(callId),
    parts: readBlocks(block['content'], `${field}.content`, facts, notes),
    isError: block['is_error'] === true,
    isCustom: false,
    cache: cacheHintOf(block['cache_control']),
    rest: keptMembers(block, ['toolset_name']),
  }
}

function keptMembers(block: JsonObject, names: readonly string[]): JsonObject | undefined {
  let rest: Record<string, unknown> | undefined
  for (const name of names) {
    const value = block[name]
    if (value === undefined || value === null) continue
    rest ??= {}
    rest[name] = value
  }
  return rest
}
