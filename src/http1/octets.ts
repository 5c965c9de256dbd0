/** Characters that HTTP's grammar is made of, and the classes of characters it names. All codes are below 256. */
export const tab = 0x09
export const lineFeed = 0x0a
export const carriageReturn = 0x0d
export const space = 0x20
export const colon = 0x3a
export const semicolon = 0x3b

/** For what a header name may be made of (RFC 9110 §5.6.2), the same in lower case; 0 for all else. */
export const nameLetters = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  nameLetters[character.charCodeAt(0)] = character.charCodeAt(0)
  nameLetters[character.toUpperCase().charCodeAt(0)] = character.charCodeAt(0)
}

/** What a header value or a reason may hold: 1 for all but control characters, of which only the tab is allowed. */
export const valueKinds = new Uint8Array(256).fill(1, space)
valueKinds[tab] = 1
valueKinds[0x7f] = 0

/** Value of a hexadecimal digit, −1 for all else. */
export const hexValues = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value += 1) {
  const digit = value.toString(16)
  hexValues[digit.charCodeAt(0)] = value
  hexValues[digit.toUpperCase().charCodeAt(0)] = value
}
