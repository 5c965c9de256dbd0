import { asBuffer } from '#kit/bytes.ts'

/**
 * How many tokens of a prompt a provider had in its cache, as an answer or the end of its stream tells; undefined when it
 * does not. What was put into the cache by this very request will be there for the next one, and counts as well.
 */
export function cachedTokensIn(bytes: Uint8Array): number | undefined {
  const all = asBuffer(bytes)
  // Usage stands behind what was said.
  const tail = all.length > tailBytes ? all.subarray(all.length - tailBytes) : all
  let most: number | undefined
  for (const names of namesOfOne) {
    let tokens: number | undefined
    for (const name of names) {
      const found = numberAt(tail, name)
      if (found !== undefined) tokens = (tokens ?? 0) + found
    }
    if (tokens !== undefined) most = Math.max(most ?? 0, tokens)
  }
  return most
}

/** Limit: bytes that are looked at. */
const tailBytes = 16_384

/** OpenAI's both APIs; Anthropic's two, which add up; Gemini's. Some servers say the same in the words of several. */
const namesOfOne = [
  ['"cached_tokens"'],
  ['"cache_read_input_tokens"', '"cache_creation_input_tokens"'],
  ['"cachedContentTokenCount"'],
]

/** The last of its name, since a stream tells it anew until its end. In texts its quotes would be escaped. */
function numberAt(bytes: Buffer, name: string): number | undefined {
  const at = bytes.lastIndexOf(name)
  if (at === -1) return undefined
  const [, digits] = /^\s*:\s*(\d{1,12})/.exec(bytes.toString('latin1', at + name.length, at + name.length + 32)) ?? []
  return digits === undefined ? undefined : Number(digits)
}
