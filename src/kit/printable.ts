/** Text that cannot end a line, move the cursor, recolour a terminal or turn the reading direction around. */
export function printable(text: string): string {
  return unsafe.test(text) ? text.replace(unsafeAll, escaped) : text
}

/** As {@link printable}, for text of several lines: line feeds and tabs stay, CRLF becomes a line feed. */
export function printableBlock(text: string): string {
  return unsafe.test(text) ? text.replaceAll('\r\n', '\n').replace(unsafeInBlock, escaped) : text
}

// C0 and C1 controls, line and paragraph separator, and the characters that change the writing direction.
const controls = String.raw`\u0080-\u009f\u007f\u2028\u2029\u202a-\u202e\u2066-\u2069`
const unsafe = new RegExp(String.raw`[\u0000-\u001f${controls}]`)
const unsafeAll = new RegExp(unsafe, 'g')
const unsafeInBlock = new RegExp(String.raw`[\u0000-\u0008\u000b-\u001f${controls}]`, 'g')

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  const code = character.charCodeAt(0)
  const hex = code.toString(16)
  return short[character] ?? (code < 256 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
}
