import { isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import { nodeAt, offsetOf, resolved } from './nodes.ts'
import { pathText, type ConfigPath, type Place, type Problem } from './problem.ts'
import { lowerFirst } from './syntax-words.ts'
import { findSyntaxFaults } from './syntax.ts'

/** A source text, read: plain values, and the way back from each value to its place. */
export interface Source {
  /** Undefined when the text is no YAML. */
  readonly tree: Tree | undefined
  readonly problems: readonly Problem[]
  /** Where the value at `path`, or its key, stands; of what is not there, the innermost part that is. */
  locate(path: ConfigPath, part?: 'value' | 'key'): Place
  /** The text of a value as it was written, without quotes; undefined for maps, lists and what is not there. */
  written(path: ConfigPath): string | undefined
}

/** Maps of the source, with values that may be changed. */
export interface Tree {
  [key: string]: unknown
}

// Limit: a larger file is refused before it is parsed; four megabytes hold some 50,000 routes.
const textLengthMax = 1024 * 1024
// Limit: aliases (`*name`) may multiply a text; more values than this are refused.
const valuesMax = 1_000_000
const depthMax = 64

/** Reads YAML 1.2 (and so JSON). Tells everything that is wrong with the text itself. */
export function readYaml(file: string, text: string): Source {
  const lines = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const start: Place = { file, line: 1, column: 1 }
  const nowhere = (message: string): Source => ({
    tree: undefined,
    problems: [{ severity: 'error', ...start, path: '', message }],
    locate: () => start,
    written: () => undefined,
  })
  if (text.length > textLengthMax) return nowhere('the file is larger than 1mb')
  if (isUtf16(text)) return nowhere('the file is UTF-16, save it as UTF-8')
  if (text.trim() === '') return nowhere('the file is empty, expected keys and values')

  // The parser compares each key with all before it, which takes minutes for a large file: `findSyntaxFaults` looks itself.
  const options = {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: false,
    logLevel: 'error',
  } as const
  const doc = parseDocument(text, options)
  const locate = (path: ConfigPath, part: 'value' | 'key' = 'value'): Place => placeAt(offsetOf(doc, path, part))
  const problems: Problem[] = []
  const tell = (offset: number, message: string): void => {
    problems.push({ severity: 'error', ...placeAt(offset), path: '', message })
  }
  const faults = findSyntaxFaults(doc, text)
  for (const { offset, message } of faults) tell(offset, message)
  const readable = faults.every(({ fatal }) => !fatal)
  const tree = readable
    ? plainTree(doc, (path, message) => {
        problems.push({ severity: 'error', ...locate(path), path: pathText(path), message })
      })
    : undefined
  return {
    tree,
    problems,
    locate,
    written(path) {
      const node = resolved(doc, nodeAt(doc, path).node)
      return isScalar(node) ? (node.source ?? String(node.value)) : undefined
    },
  }
}

/** Every other byte of such a file is zero, and its byte order mark is no UTF-8. */
function isUtf16(text: string): boolean {
  return text.startsWith('\uFFFD\uFFFD') || text.slice(0, 2).includes('\0')
}

/** Copies the values out of the document, so that aliases share nothing; undefined when there is too much of them. */
function plainTree(doc: Document.Parsed, tell: (path: ConfigPath, message: string) => void): Tree | undefined {
  let count = 0
  let failed = false
  const fail = (path: ConfigPath, message: string): undefined => {
    if (!failed) tell(path, message)
    failed = true
    return undefined
  }
  const copy = (value: unknown, path: ConfigPath): unknown => {
    count += 1
    if (failed || typeof value !== 'object' || value === null) return value
    if (path.length > depthMax) return fail(path.slice(0, 2), 'values are nested deeper than 64 levels')
    if (count > valuesMax)
      return fail(path.slice(0, 2), 'the aliases ("*name") of this file multiply to over a million values')
    if (Array.isArray(value)) return value.map((element: unknown, index) => copy(element, [...path, index]))
    if (!isPlainObject(value))
      return fail(path, 'this kind of value is not read, expected text, numbers, lists and maps')
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner, [...path, key])]))
  }
  let raw: unknown
  try {
    // The count of aliases says little about size, which `copy` watches.
    raw = doc.toJS({ maxAliasCount: -1 })
  } catch (error) {
    return fail([], lowerFirst(error instanceof Error ? error.message : String(error)))
  }
  if (!isPlainObject(raw)) return fail([], 'expected keys and values at the top of the file')
  const tree = copy(raw, [])
  return failed || !isPlainObject(tree) ? undefined : tree
}

/** A map of a tree, as opposed to lists, scalars and values of special tags. */
export function isPlainObject(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
