/** JSON without the characters that some clients take for line ends. */
export function oneLine(value: object): string {
  return JSON.stringify(value).replaceAll(/[\u0085\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
