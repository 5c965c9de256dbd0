import { refuse, type Refusal } from '#core/refusal.ts'
import { nearest } from '#kit/nearest.ts'
import { parametersOf } from '#kit/query-string.ts'

/** The parameters of a page's query by name. One that the page does not know is refused: it would do nothing, unnoticed. */
export function readQuery<Name extends string>(
  query: string,
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> | Refusal {
  for (const pair of query === '' ? [] : query.split('&')) {
    const [name = ''] = pair.split('=', 1)
    if (names.some((known) => known === name)) continue
    const takes = names.length === 0 ? 'the page takes none' : `the page takes ${names.join(', ')}`
    const meant = nearest(name, names)
    const hint = meant === undefined ? takes : `did you mean "${meant}"?`
    return refuse('invalid_parameter', `Cannot read the query: there is no parameter "${echo(name)}", ${hint}`)
  }
  const found: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const [value, ...others] = parametersOf(query, name)
    if (others.length > 0) return wrongValue(name, 'is given more than once')
    if (value !== undefined) found[name] = value
  }
  return found
}

/** A whole number within bounds, `otherwise` when it is not given. */
export function readNumber(
  name: string,
  text: string | undefined,
  { min, max, otherwise }: { readonly min: number; readonly max: number; readonly otherwise: number },
): number | Refusal {
  if (text === undefined) return otherwise
  const number = /^\d{1,10}$/.test(text) ? Number(text) : -1
  return number >= min && number <= max ? number : wrongValue(name, `must be a whole number from ${min} to ${max}`)
}

/** One of the words, or undefined when it is not given. */
export function readWord<Word extends string>(
  name: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined | Refusal {
  if (text === undefined) return undefined
  return words.find((word) => word === text) ?? wrongValue(name, `must be one of ${words.join(', ')}`)
}

function wrongValue(name: string, says: string): Refusal {
  return refuse('invalid_parameter', `Cannot read the query: "${name}" ${says}`, { param: name })
}

/** Limit: characters of a client's text that are sent back and logged. */
function echo(text: string): string {
  return text
    .slice(0, 64)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, ' ')
}
