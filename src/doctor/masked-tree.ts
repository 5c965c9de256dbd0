import { elementOf, entriesOf, isSecret, schemaAt } from '#config/keys.ts'
import type { ConfigPath } from '#config/problem.ts'
import { ConfigSchema } from '#config/schema.ts'
import { isPlainObject, readYaml } from '#config/source.ts'
import { respell } from '#config/spellings.ts'

/** A configuration that may be shown. */
export interface MaskedTree {
  /** Undefined when the text is no YAML. */
  readonly tree: unknown
  /** The credentials among what was taken out of it. */
  readonly hidden: readonly string[]
}

/**
 * The values of a file before references are replaced, without those that are secret. What the schema does not know may
 * be anything, and so is taken out, too: a key under a wrong name is still a key.
 */
export function maskedTree(file: string, text: string): MaskedTree {
  const { tree } = readYaml(file, text)
  if (tree === undefined) return { tree: undefined, hidden: [] }
  respell(tree)
  const hidden = new Set<string>()
  return { tree: masked(tree, [], hidden), hidden: [...hidden].filter(isTelling) }
}

/** A shorter text would be found everywhere, except for one with marks of an address around it. */
function isTelling(text: string): boolean {
  return text.length >= hiddenLengthMin || text.startsWith('://')
}

const hiddenLengthMin = 8

function masked(value: unknown, path: ConfigPath, hidden: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((element: unknown, index) => masked(element, [...path, index], hidden))
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner, [...path, key], hidden)]))
  }
  const isText = typeof value === 'string' || typeof value === 'number'
  if (!isText) return value
  if (mayBeShown(String(value), path))
    return isAddress(String(value), path) ? bareAddress(String(value), hidden) : value
  if (credentialName.test(nameOf(path)) || isOutOfPlace(path))
    for (const part of partsOf(String(value))) hidden.add(part)
  return '****'
}

function isAddress(text: string, path: ConfigPath): boolean {
  return !reference.test(text) && (text.includes('://') || nameOf(path) === 'url')
}

/**
 * An address without user and query, whatever is wrong with it: what stands before the last `@` may be a password that
 * should have been encoded.
 */
function bareAddress(text: string, hidden: Set<string>): string {
  const [, scheme = '', rest = ''] = /^([a-z][\w+.-]*:\/\/)?(.*)$/is.exec(text) ?? []
  const end = rest.lastIndexOf('@')
  const user = end === -1 ? '' : rest.slice(0, end)
  const [place = '', ...query] = rest.slice(end + 1).split(/[?#]/)
  if (user !== '')
    hidden
      .add(`://${user}@`)
      .add(user)
      .add(user.slice(user.indexOf(':') + 1))
  for (const pair of query.flatMap((part) => part.split('&'))) hidden.add(pair).add(pair.slice(pair.indexOf('=') + 1))
  return `${scheme}${user === '' ? '' : '****@'}${place}${query.length === 0 ? '' : '?****'}`
}

/** The last key of a path; elements of lists have the name of their list. */
function nameOf(path: ConfigPath): string {
  return path.findLast((step) => typeof step === 'string') ?? ''
}

const credentialName = /key|token|secret|passw|auth|cookie|credential/i

/** A text, its last word (behind "Bearer"), and the default of a reference in it. */
function partsOf(text: string): readonly string[] {
  return [text, text.split(/\s+/).at(-1) ?? '', /:?-([^{}]*)\}/.exec(text)?.[1] ?? '']
}

function mayBeShown(text: string, path: ConfigPath): boolean {
  if (text === '' || reference.test(text)) return true
  return schemaAt(ConfigSchema, path) !== undefined && !isSecret(ConfigSchema, path) && !isOutOfPlace(path)
}

/** Keys or elements are expected there, and no text: what it is, nobody can tell. */
function isOutOfPlace(path: ConfigPath): boolean {
  const schema = schemaAt(ConfigSchema, path)
  return schema !== undefined && (entriesOf(schema) ?? elementOf(schema)) !== undefined
}

/** Nothing but the place where the value is: no default, which may be a secret itself. */
const reference = /^(?:\$\{[A-Za-z_]\w*\}|\$\{(?:file|cred):[^{}]*\}|os\.environ\/[A-Za-z_]\w*)$/
