import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { MainForm } from './dialect-asking.ts'

/** What clients of each form make of a stream: the answer as a body, as far as it goes on in the next request. */
export function folded(form: MainForm, text: string): JsonObject {
  const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => asObject(parseJson(data ?? '')) ?? {})
  switch (form) {
    case 'chat':
      return chatMessage(events)
    case 'responses':
      return asObject(events.at(-1)?.['response']) ?? {}
    case 'messages':
      return { content: messagesContent(events) }
    case 'gemini':
      return { candidates: [{ content: { role: 'model', parts: geminiParts(events) } }] }
  }
}

function chatMessage(events: readonly JsonObject[]): JsonObject {
  let content = ''
  let reasoning = ''
  const details: unknown[] = []
  const calls: {
    id: unknown
    type: unknown
    function: { name: unknown; arguments: string }
    extra_content?: unknown
  }[] = []
  for (const event of events) {
    const delta = asObject(asObject(asList(event['choices'])[0])?.['delta']) ?? {}
    content += asText(delta['content']) ?? ''
    reasoning += asText(delta['reasoning_content']) ?? ''
    details.push(...asList(delta['reasoning_details']))
    for (const raw of asList(delta['tool_calls'])) {
      const call = asObject(raw) ?? {}
      const told = asObject(call['function']) ?? {}
      const at = Number(call['index'])
      const known = (calls[at] ??= {
        id: call['id'],
        type: call['type'],
        function: { name: told['name'], arguments: '' },
      })
      known.function.arguments += asText(told['arguments']) ?? ''
      if (call['extra_content'] !== undefined) known.extra_content = call['extra_content']
    }
  }
  const message = {
    role: 'assistant',
    content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(details.length > 0 && { reasoning_details: details }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  return { choices: [{ index: 0, message }] }
}

function messagesContent(events: readonly JsonObject[]): readonly JsonObject[] {
  const blocks: Record<string, unknown>[] = []
  for (const event of events) {
    const begun = asObject(event['content_block'])
    if (begun !== undefined) blocks.push({ ...begun, ...(begun['type'] === 'tool_use' && { input: '' }) })
    const block = blocks.at(-1)
    const delta = asObject(event['delta'])
    if (block === undefined || event['type'] !== 'content_block_delta' || delta === undefined) continue
    for (const [from, to] of grown) {
      const more = asText(delta[from])
      if (more !== undefined) block[to] = (asText(block[to]) ?? '') + more
    }
  }
  return blocks.map((block) => {
    if (block['type'] === 'tool_use') block['input'] = parseJson((asText(block['input']) ?? '') || '{}')
    return block
  })
}

/** Members of deltas, and which member of the block they make longer. */
const grown = [
  ['text', 'text'],
  ['thinking', 'thinking'],
  ['signature', 'signature'],
  ['partial_json', 'input'],
] as const

function geminiParts(events: readonly JsonObject[]): readonly unknown[] {
  return events.flatMap((event) => asList(asObject(asObject(asList(event['candidates'])[0])?.['content'])?.['parts']))
}
