import { nameLetters } from './octets.ts'

/** Names that came lately, each in the place that its hash gives it. */
const known: (string | undefined)[] = Array.from({ length: 512 })
/** Limit: longer names are rare, and not worth being kept. */
const lengthMax = 48

/**
 * A header name in lower case, from where it stands in a text; `hash` is of its letters in lower case, see `mixName`.
 * The same few names come with every response: handing out the same string is cheaper than making one.
 */
export function nameAt(text: string, start: number, end: number, hash: number): string {
  const place = hash & (known.length - 1)
  const candidate = known[place]
  if (candidate !== undefined && candidate.length === end - start) {
    let at = 0
    while (at < candidate.length && nameLetters[text.charCodeAt(start + at)] === candidate.charCodeAt(at)) at += 1
    if (at === candidate.length) return candidate
  }
  const name = text.slice(start, end).toLowerCase()
  // A part of a text keeps all of it in memory; what is kept here must be a text of its own.
  if (name.length <= lengthMax) known[place] = Buffer.from(name, 'latin1').toString('latin1')
  return name
}

/** The hash with one more letter in it. */
export function mixName(hash: number, letter: number): number {
  return (Math.imul(hash, 31) + letter) | 0
}
