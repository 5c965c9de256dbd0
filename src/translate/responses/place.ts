import type { CommonRequest, Part } from '#translate/common.ts'

/** Where a part stands in the client's body, as far as that can be told. */
export function placeOf(part: Part, request: CommonRequest): string {
  const root = rootOf(request.form)
  if (request.form === 'responses') return root
  let known = placesOf.get(request)
  if (known === undefined) placesOf.set(request, (known = placesIn(request)))
  return known.get(part) ?? root
}

/** Of all parts at once: a request may ask for each of very many. */
const placesOf = new WeakMap<CommonRequest, ReadonlyMap<Part, string>>()

/** What stands in a result is where the result is. */
function placesIn({ form, messages }: CommonRequest): ReadonlyMap<Part, string> {
  const places = new Map<Part, string>()
  const said = messages.filter(({ placement }) => placement !== 'top')
  for (const [index, { parts }] of said.entries()) {
    for (const [inner, part] of parts.entries()) {
      const place = `${rootOf(form)}[${index}].${form === 'gemini' ? 'parts' : 'content'}[${inner}]`
      for (const one of part.kind === 'tool_result' ? [part, ...part.parts] : [part]) {
        if (!places.has(one)) places.set(one, place)
      }
    }
  }
  return places
}

/** The field that holds what was said. Items of Responses were put together, so that their numbers are no longer known. */
export function rootOf(form: string): string {
  if (form === 'responses') return 'input'
  if (form === 'gemini') return 'contents'
  return form === 'completions' ? 'prompt' : 'messages'
}
