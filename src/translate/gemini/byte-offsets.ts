/**
 * Gemini counts places of a text in UTF-8 bytes, the common form in code points. All places are looked up in one walk over
 * the text; a place within a character is that of the character, one behind the end is the end.
 */
export function bytesToCodePoints(text: string, places: readonly number[]): ReadonlyMap<number, number> {
  return walk(text, places, false)
}

export function codePointsToBytes(text: string, places: readonly number[]): ReadonlyMap<number, number> {
  return walk(text, places, true)
}

function walk(text: string, places: readonly number[], toBytes: boolean): ReadonlyMap<number, number> {
  const wanted = [...new Set(places)].toSorted((one, other) => one - other)
  const found = new Map<number, number>()
  let at = 0
  let from = 0
  let to = 0
  for (const character of text) {
    if (at === wanted.length) return found
    const bytes = bytesOf(character.codePointAt(0) ?? 0)
    from += toBytes ? 1 : bytes
    for (let place = wanted[at]; place !== undefined && place < from; place = wanted[at]) {
      found.set(place, to)
      at += 1
    }
    to += toBytes ? bytes : 1
  }
  for (const place of wanted.slice(at)) found.set(place, to)
  return found
}

function bytesOf(codePoint: number): number {
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  return codePoint < 0x10000 ? 3 : 4
}
