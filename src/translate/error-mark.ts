/** What the result of a failed call begins with, in forms that have no flag for it. */
export const errorMark = 'Error: '

/** Only this very mark is taken off again: a text that speaks of an error in words of its own gets it, too. */
export function withErrorMark(text: string): string {
  return text.startsWith(errorMark) ? text : errorMark + text
}
