/**
 * A text of JSON that was cut, completed as far as it goes: an open string and open brackets are closed, a last member that
 * has no whole value is left out. The result is JSON where the text was the beginning of some; undefined where nothing of
 * it can be kept.
 */
export function completedJson(text: string): string | undefined {
  const open: ('}' | ']')[] = []
  /** Everything before it is whole, but for the brackets that are open. */
  let wholeUntil = 0
  let isKeyNext = false
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    switch (char) {
      case '{':
      case '[':
        open.push(char === '{' ? '}' : ']')
        isKeyNext = char === '{'
        at += 1
        wholeUntil = at
        break
      case '}':
      case ']':
        if (open.pop() !== char) return undefined
        at += 1
        wholeUntil = at
        if (open.length === 0) return text.slice(0, at)
        break
      case '"': {
        const end = endOfString(text, at)
        if (end === -1) return isKeyNext ? closed(text.slice(0, wholeUntil), open) : closedInString(text, at, open)
        at = end
        if (!isKeyNext) wholeUntil = end
        break
      }
      case ',':
        isKeyNext = open.at(-1) === '}'
        at += 1
        break
      case ':':
        isKeyNext = false
        at += 1
        break
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        at += 1
        break
      default: {
        const end = endOfWord(text, at)
        // More digits might have followed; a word of JSON is whole when all its letters are there.
        if (end === text.length && !words.has(text.slice(at))) return closed(text.slice(0, wholeUntil), open)
        at = end
        wholeUntil = end
      }
    }
  }
  return closed(text.slice(0, wholeUntil), open)
}

const words: ReadonlySet<string> = new Set(['true', 'false', 'null'])

function closed(whole: string, open: readonly string[]): string | undefined {
  return whole === '' ? undefined : whole + open.toReversed().join('')
}

/** Without an escape that was cut, nor the first half of a pair. */
function closedInString(text: string, from: number, open: readonly string[]): string | undefined {
  let end = text.length
  const escape = lastEscape(text, from + 1)
  if (escape !== -1) {
    const isUnicode = text[escape + 1] === 'u'
    const isCut = escape + (isUnicode ? 6 : 2) > end
    if (isCut) {
      end = escape
      // The first half may stand before the second that was cut.
      if (isUnicode && isHighHalf(text.slice(end - 6, end)) && end - 6 > from) end -= 6
    } else if (escape + 6 === end && isHighHalf(text.slice(escape))) {
      end = escape
    }
  }
  return closed(`${text.slice(0, end)}"`, open)
}

/** Where the last escape of an open string begins; -1 when it has none. */
function lastEscape(text: string, from: number): number {
  let last = -1
  for (let at = text.indexOf('\\', from); at !== -1; at = text.indexOf('\\', at + 2)) last = at
  return last
}

function isHighHalf(escape: string): boolean {
  return /^\\ud[89ab][0-9a-f]{2}$/i.test(escape)
}

/** Behind the quote that ends it; -1 where there is none. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text[at]
    if (char === '"') return at + 1
    if (char === '\\') at += 1
  }
  return -1
}

function endOfWord(text: string, from: number): number {
  let at = from + 1
  while (at < text.length && !'{}[]",: \n\r\t'.includes(text.charAt(at))) at += 1
  return at
}
