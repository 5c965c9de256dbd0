import type { CommonRequest, Part } from '#translate/common.ts'

/** Where a part stands in the request, as far as its form can be told: `messages[2].content[1]`. */
export function fieldOf(request: CommonRequest, part: Part): string {
  let known = placesOf.get(request)
  if (known === undefined) placesOf.set(request, (known = placesIn(request)))
  return known.get(part) ?? listOf(request)
}

/** Of all parts at once: a request may ask for each of very many. */
const placesOf = new WeakMap<CommonRequest, ReadonlyMap<Part, string>>()

function placesIn(request: CommonRequest): ReadonlyMap<Part, string> {
  const { form, messages } = request
  const list = listOf(request)
  const [, parts] = wordsOf.get(form) ?? usualWords
  const places = new Map<Part, string>()
  let index = 0
  for (const message of messages) {
    if (message.placement === 'top' && form !== 'chat') continue
    for (const [at, own] of message.parts.entries()) {
      const place = `${list}[${index}].${parts}[${at}]`
      places.set(own, place)
      if (own.kind === 'tool_result') for (const inner of own.parts) places.set(inner, place)
    }
    index += 1
  }
  return places
}

function listOf({ form }: CommonRequest): string {
  const [list] = wordsOf.get(form) ?? usualWords
  return list
}

const usualWords: readonly [list: string, parts: string] = ['messages', 'content']

const wordsOf: ReadonlyMap<string, readonly [list: string, parts: string]> = new Map([
  ['responses', ['input', 'content']],
  ['gemini', ['contents', 'parts']],
])
