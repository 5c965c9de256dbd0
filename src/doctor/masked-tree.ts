import { isSecret, schemaAt } from '#config/keys.ts'
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
  return { tree: masked(tree, [], hidden), hidden: [...hidden].filter(({ length }) => length >= hiddenLengthMin) }
}

/** A shorter text would be found everywhere. */
const hiddenLengthMin = 8

function masked(value: unknown, path: ConfigPath, hidden: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((element: unknown, index) => masked(element, [...path, index], hidden))
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner, [...path, key], hidden)]))
  }
  const isText = typeof value === 'string' || typeof value === 'number'
  if (!isText || mayBeShown(String(value), path)) return value
  if (credentialName.test(nameOf(path))) for (const part of partsOf(String(value))) hidden.add(part)
  return '****'
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
  return schemaAt(ConfigSchema, path) !== undefined && !isSecret(ConfigSchema, path)
}

/** Nothing but the place where the value is: no default, which may be a secret itself. */
const reference = /^(?:\$\{[A-Za-z_]\w*\}|\$\{(?:file|cred):[^{}]*\}|os\.environ\/[A-Za-z_]\w*)$/
