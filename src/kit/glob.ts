/** Is a text like the pattern? `*` stands for any characters. Takes no longer for many of them than for few. */
export function compileGlob(glob: string): (text: string) => boolean {
  const [first = '', ...others] = glob.split('*')
  const last = others.pop()
  if (last === undefined) return (text) => text === first
  return (text) => {
    if (!text.startsWith(first)) return false
    let at = first.length
    for (const part of others) {
      at = text.indexOf(part, at)
      if (at === -1) return false
      at += part.length
    }
    return text.length - last.length >= at && text.endsWith(last)
  }
}

/**
 * Texts like the pattern, written anew: each `*` of the replacement stands for what the same one of the pattern stood for,
 * the shortest that fits. Undefined for texts that are not like it.
 */
export function compileReplacement(glob: string, replacement: string): (text: string) => string | undefined {
  const [first = '', ...others] = glob.split('*')
  const last = others.pop()
  const [beginning = '', ...pieces] = replacement.split('*')
  const isLike = compileGlob(glob)
  return (text) => {
    if (!isLike(text)) return undefined
    if (last === undefined) return replacement
    const stars: string[] = []
    let at = first.length
    for (const part of others) {
      const found = text.indexOf(part, at)
      stars.push(text.slice(at, found))
      at = found + part.length
    }
    stars.push(text.slice(at, text.length - last.length))
    return pieces.reduce((made, piece, index) => made + (stars[index] ?? '') + piece, beginning)
  }
}
