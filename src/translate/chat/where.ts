import type { CommonRequest, Message, Part } from '#translate/common.ts'

/** Where a part of a request stands, as the client's form calls it: `messages[2].content[1]`; looked for when it is refused. */
export function fieldOf(request: CommonRequest, part: Part): string {
  let known = placesOf.get(request)
  if (known === undefined) placesOf.set(request, (known = placesIn(request)))
  return known.get(part) ?? wordsOf.get(request.form)?.messages ?? 'messages'
}

/** Of all parts at once: a request may ask for each of very many. */
const placesOf = new WeakMap<CommonRequest, ReadonlyMap<Part, string>>()

function placesIn({ form, messages }: CommonRequest): ReadonlyMap<Part, string> {
  const words = wordsOf.get(form) ?? { messages: 'messages', parts: 'content' }
  const places = new Map<Part, string>()
  const told = form === 'chat' ? messages : messages.filter(isInline)
  for (const [at, { parts }] of told.entries()) add(parts, `${words.messages}[${at}]`, words.parts, places)
  return places
}

const wordsOf: ReadonlyMap<string, { readonly messages: string; readonly parts: string }> = new Map([
  ['chat', { messages: 'messages', parts: 'content' }],
  ['messages', { messages: 'messages', parts: 'content' }],
  ['responses', { messages: 'input', parts: 'content' }],
  ['gemini', { messages: 'contents', parts: 'parts' }],
  ['ollama', { messages: 'messages', parts: 'images' }],
])

function isInline({ placement }: Message): boolean {
  return placement === 'inline'
}

/** Those within results too. */
function add(parts: readonly Part[], before: string, name: string, places: Map<Part, string>): void {
  for (const [at, part] of parts.entries()) {
    const place = `${before}.${name}[${at}]`
    if (!places.has(part)) places.set(part, place)
    if (part.kind === 'tool_result') add(part.parts, place, name, places)
  }
}
