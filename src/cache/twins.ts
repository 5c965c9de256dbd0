/**
 * Has one of its objects two members of one name? Which of them counts, each reader decides for itself, so that it says
 * one thing to us and may say another to a backend. `text`: what `value` was read from.
 */
export function hasTwins(text: string, value: unknown): boolean {
  return membersIn(text) !== membersOf(value)
}

/** Every member has one colon that is in no string. */
function membersIn(text: string): number {
  let count = 0
  let colon = text.indexOf(':')
  for (let at = 0; colon !== -1;) {
    const quote = text.indexOf('"', at)
    for (const end = quote === -1 ? text.length : quote; colon !== -1 && colon < end;) {
      count += 1
      colon = text.indexOf(':', colon + 1)
    }
    if (quote === -1) return count
    at = endOfString(text, quote)
    if (colon !== -1 && colon < at) colon = text.indexOf(':', at)
  }
  return count
}

function endOfString(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text[end - 1 - slashes] === '\\') slashes += 1
    if (slashes % 2 === 0) return end + 1
  }
  return text.length
}

function membersOf(value: unknown): number {
  let count = 0
  const left = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next !== 'object' || next === null || JSON.isRawJSON(next)) continue
    const inner: unknown[] = Object.values(next)
    if (!Array.isArray(next)) count += inner.length
    for (const element of inner) if (typeof element === 'object') left.push(element)
  }
  return count
}
