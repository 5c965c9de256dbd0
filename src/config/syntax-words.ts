/** What an error of the parser means for whoever wrote the file, and what to do; `rest` is the line from there on. */
export function complaintAbout(error: { readonly code: string; readonly message: string }, rest: string): string {
  if (error.message.startsWith('Missing closing')) {
    return `a text in ${error.message.includes('"') ? 'double' : 'single'} quotes is not closed`
  }
  switch (error.code) {
    case 'MULTIPLE_DOCS':
      return 'a second document begins here ("---"), expected only one'
    case 'TAB_AS_INDENT':
      return 'a tab indents this line, expected spaces'
    case 'MULTILINE_IMPLICIT_KEY':
      return keyComplaint(rest)
    case 'MISSING_CHAR':
      return error.message.startsWith('Implicit map keys') ? keyComplaint(rest) : indentComplaint(error.message)
    case 'BAD_INDENT':
      return indentComplaint(error.message)
    case 'BLOCK_AS_IMPLICIT_KEY':
      return error.message.startsWith('A block sequence')
        ? 'this list entry does not begin at the same column as those above it'
        : 'this line has a second ": ": put the value in quotes, or begin a new line'
    case 'BAD_SCALAR_START':
      return `a text cannot begin with "${rest.charAt(0)}": put it in quotes`
    case 'BAD_DQ_ESCAPE':
      return String.raw`between double quotes "\" has a meaning of its own: use single quotes, or write "\\"`
    default:
      return lowerFirst(error.message)
  }
}

/** Messages of the parser, as part of a sentence. */
export function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function keyComplaint(rest: string): string {
  if (/^[^\s"':]*：/.test(rest)) return 'write an ASCII colon and a blank (": ") instead of "："'
  const key = /^([\w.-]+):\S/.exec(rest)?.[1]
  if (key !== undefined) return `a blank is missing after "${key}:"`
  return 'this line is no "key: value", expected a key, a colon and a blank'
}

function indentComplaint(message: string): string {
  if (message.startsWith('Flow')) {
    const isMap = message.startsWith('Flow map')
    return `a ${isMap ? 'map in { }' : 'list in [ ]'} is not closed above this line, expected "${isMap ? '}' : ']'}"`
  }
  if (message.startsWith('All mapping items') || message.startsWith('Sequence item')) {
    return 'this line does not begin at the same column as those above it: indent it like them, or begin a list entry with "- "'
  }
  return lowerFirst(message)
}
