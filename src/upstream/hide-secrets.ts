import type { HeldResponse } from '#core/failure.ts'
import type { Secret } from '#core/secret.ts'
import { encode } from '#kit/bytes.ts'

/**
 * The answer without what only its backend may know: some upstreams repeat the key that they were sent when they say
 * what is wrong with it. `text` is its body, decoded. An answer that holds no secret is the very same.
 */
export function withoutSecrets(held: HeldResponse, text: string, secrets: readonly Secret[]): HeldResponse {
  let hidden = text
  for (const secret of secrets) hidden = hidden.replaceAll(spellingsOf(secret.reveal()), '****')
  if (hidden === text) return held
  const headers = held.headers.filter((name) => name !== 'content-encoding')
  return { status: held.status, headers, body: encode(hidden) }
}

/** As it was sent, in a URL, in JSON, and in JSON within a text of JSON, whatever each writer escapes of it and how. */
function spellingsOf(secret: string): RegExp {
  return new RegExp(Array.from(secret, spellingOf).join(''), 'g')
}

function spellingOf(character: string, index: number): string {
  if (/[A-Za-z0-9]/.test(character)) return character
  // In front of all, so that many backslashes are not tried from each of them on.
  const start = index === 0 ? '(?<!\\\\)' : ''
  const plain = character === '\\' ? '\\\\+' : `\\\\*${character.replace(/[$^.*+?|/()[\]{}]/, '\\$&')}`
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  const unicode = units.map((unit) => `\\\\+u${hexOf(unit, 4)}`).join('')
  const [, letter] = /^\\([a-z])$/.exec(JSON.stringify(character).slice(1, -1)) ?? []
  const named = letter === undefined ? '' : `|${start}\\\\+${letter}`
  const percent = Array.from(encode(character), (byte) => `%${hexOf(byte, 2)}`).join('')
  return `(?:${start}${plain}|${start}${unicode}|${percent}${named})`
}

/** Hexadecimal digits, small or capital. */
function hexOf(value: number, digits: number): string {
  const hex = value.toString(16).padStart(digits, '0')
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
}
