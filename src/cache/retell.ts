import type { Form } from '#core/talk.ts'
import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { asExactObject, parseExact } from '#translate/exact-json.ts'

/**
 * A whole answer as the stream of the same form, or the other way round, with every member and every digit that it has;
 * undefined where that is not said here, or it is no such answer.
 */
export function retell(form: Form, text: string, asStream: boolean): string | undefined {
  if (!asStream) {
    if (form === 'gemini') return joinedOf(eventsOf(text), joinGemini())
    return form === 'ollama' ? joinedOf(linesOf(text), joinOllama) : undefined
  }
  const body = asExactObject(parseExact(text))
  if (body === undefined) return undefined
  // One event may say all.
  if (form === 'gemini') return `data: ${JSON.stringify(body)}\r\n\r\n`
  if (form === 'ollama') return `${JSON.stringify(body)}\n`
  return form === 'messages' ? messageStream(body) : undefined
}

/** The name of the model as the answer has it. */
export function modelIn(text: string): string | undefined {
  for (const told of [text, ...dataOf(text)]) {
    const said = asObject(parseJson(told))
    const within = asObject(said?.['response']) ?? asObject(said?.['message'])
    const model = asText(said?.['model']) ?? asText(said?.['modelVersion']) ?? asText(within?.['model'])
    if (model !== undefined) return model
  }
  return undefined
}

/** The id of an answer of Chat. */
export function idIn(text: string): string | undefined {
  for (const told of [text, ...dataOf(text)]) {
    const id = asText(asObject(parseJson(told))?.['id'])
    if (id !== undefined) return id
  }
  return undefined
}

/** What the lines of a stream say, of whatever form. */
function* dataOf(text: string): Iterable<string> {
  for (const line of text.split('\n')) {
    const told = line.startsWith('data:') ? line.slice('data:'.length) : line
    if (told.trimStart().startsWith('{')) yield told
  }
}

function eventsOf(text: string): readonly string[] {
  return text.split(/\r?\n\r?\n/).flatMap((event) => {
    const data = event.split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice('data:'.length)] : []))
    return data.length === 0 ? [] : [data.join('\n')]
  })
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

/** An object in the making. It has no prototype that a member could reach. */
type Open = Record<string, unknown>

function openAt(told: JsonObject = {}): Open {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of nothing, anything can be made
  return Object.assign(Object.create(null) as Open, told)
}

/** One out of all; undefined where one of them cannot be read. */
function joinedOf(told: readonly string[], join: (whole: Open, next: JsonObject) => void): string | undefined {
  const whole = openAt()
  for (const text of told) {
    const next = asExactObject(parseExact(text))
    if (next === undefined) return undefined
    join(whole, next)
  }
  return told.length === 0 ? undefined : JSON.stringify(whole)
}

function joinGemini(): (whole: Open, next: JsonObject) => void {
  const byIndex = new Map<unknown, { readonly candidate: Open; readonly parts: unknown[] }>()
  const all: Open[] = []
  return (whole, { candidates, ...rest }) => {
    Object.assign(whole, rest)
    for (const told of asList(candidates)) {
      const { content, ...more } = asObject(told) ?? {}
      const index = more['index'] ?? 0
      let known = byIndex.get(index)
      if (known === undefined) {
        known = { candidate: openAt(), parts: [] }
        byIndex.set(index, known)
        all.push(known.candidate)
        whole['candidates'] = all
      }
      Object.assign(known.candidate, more)
      const added = asObject(content)
      if (added === undefined) continue
      known.candidate['content'] = { ...added, parts: known.parts }
      for (const part of asList(added['parts'])) addPart(known.parts, part)
    }
  }
}

/** Texts are one if nothing but texts, or thoughts: what is signed must stay as it is. */
function addPart(parts: unknown[], part: unknown): void {
  const [last, next] = [asObject(parts.at(-1)), asObject(part)]
  const [before, text] = [asText(last?.['text']), asText(next?.['text'])]
  const isOne =
    last !== undefined &&
    next !== undefined &&
    last['thought'] === next['thought'] &&
    [last, next].every((told) => Object.keys(told).every((name) => name === 'text' || name === 'thought'))
  if (isOne && before !== undefined && text !== undefined) parts[parts.length - 1] = { ...next, text: before + text }
  else parts.push(part)
}

function joinOllama(whole: Open, { message, ...rest }: JsonObject): void {
  Object.assign(whole, rest)
  const [before, next] = [asObject(whole['message']) ?? {}, asObject(message)]
  if (next === undefined) return
  const joined = openAt(before)
  for (const [name, added] of Object.entries(next)) {
    const value = joined[name]
    if (name !== 'role' && typeof value === 'string' && typeof added === 'string') joined[name] = value + added
    else if (Array.isArray(value) && Array.isArray(added)) joined[name] = [...asList(value), ...asList(added)]
    else joined[name] = added
  }
  whole['message'] = joined
}

function messageStream(body: JsonObject): string | undefined {
  const { content, stop_reason: stopReason, stop_sequence: stopSequence, usage, ...message } = body
  if (!Array.isArray(content)) return undefined
  const open = { content: [], stop_reason: null, stop_sequence: null }
  const events: JsonObject[] = [{ type: 'message_start', message: { ...message, ...open, usage } }]
  for (const [index, told] of asList(content).entries()) {
    const block = asObject(told)
    if (block === undefined) return undefined
    const [start, deltas] = unfolded(block)
    events.push({ type: 'content_block_start', index, content_block: start })
    for (const delta of deltas) events.push({ type: 'content_block_delta', index, delta })
    events.push({ type: 'content_block_stop', index })
  }
  const delta = { stop_reason: stopReason, stop_sequence: stopSequence ?? null }
  events.push({ type: 'message_delta', delta, usage }, { type: 'message_stop' })
  return events.map((event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}

/** How a block begins, and what follows; one of an unknown type says everything at its beginning. */
function unfolded(block: JsonObject): readonly [start: JsonObject, deltas: readonly JsonObject[]] {
  switch (block['type']) {
    case 'text': {
      const { citations, ...start } = block
      const cited = asList(citations).map((citation) => ({ type: 'citations_delta', citation }))
      return [{ ...start, text: '' }, [...cited, { type: 'text_delta', text: block['text'] }]]
    }
    case 'thinking': {
      const said = { type: 'thinking_delta', thinking: block['thinking'] }
      const { signature } = block
      const signed = signature === undefined ? [] : [{ type: 'signature_delta', signature }]
      return [{ ...block, thinking: '', signature: '' }, [said, ...signed]]
    }
    case 'tool_use':
      return [
        { ...block, input: {} },
        [{ type: 'input_json_delta', partial_json: JSON.stringify(block['input'] ?? {}) }],
      ]
    default:
      return [block, []]
  }
}
