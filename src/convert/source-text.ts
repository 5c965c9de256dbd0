import { LineCounter, isNode, parseDocument } from 'yaml'
import { formatProblem, type ConfigPath } from '#config/problem.ts'
import { readYaml } from '#config/source.ts'
import { findJson5Fault } from '#credential/json5-fault.ts'

/** A file to be converted, read. */
export interface SourceText {
  readonly file: string
  readonly text: string
  /** Lists, maps and scalars. */
  readonly value: unknown
  /** Where a value stands, counted from 1; undefined when that is not known. */
  lineOf(path: ConfigPath): number | undefined
}

// Limit: exports of thousands of channels are below it.
const textLengthMax = 16 * 1024 * 1024

/** Reads JSON, JSON5 or YAML. Returns a sentence when the text is none of them. */
export function readSourceText(file: string, text: string): SourceText | string {
  if (text.length > textLengthMax) return 'the file is larger than 16mb'
  if (!/^[\s\uFEFF]*(?:[[{]|\/[/*])/.test(text)) return readYamlText(file, text)
  const fault = findJson5Fault(text)
  if (fault !== undefined) {
    // A map of YAML may begin with a brace as well.
    const yaml = readYamlText(file, text)
    return typeof yaml === 'string' ? `no JSON: line ${fault.line}, column ${fault.column}` : yaml
  }
  return { file, text, value: Bun.JSON5.parse(text), lineOf: lineFinder(text) }
}

function readYamlText(file: string, text: string): SourceText | string {
  const source = readYaml(file, text)
  const { tree } = source
  if (tree !== undefined && source.problems.length === 0) {
    return { file, text, value: tree, lineOf: (path) => source.locate(path, 'key').line }
  }
  const [problem] = source.problems
  return problem === undefined ? 'no YAML' : formatProblem(problem)
}

/** JSON is YAML too, as long as it has no comments. */
function lineFinder(text: string): (path: ConfigPath) => number | undefined {
  const lines = new LineCounter()
  const doc = parseDocument(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' })
  if (doc.errors.length > 0) return () => undefined
  return (path) => {
    // What is not there stands where the innermost part of it does that is.
    for (let length = path.length; length > 0; length -= 1) {
      const node = doc.getIn(path.slice(0, length), true)
      if (isNode(node) && node.range != null) return lines.linePos(node.range[0]).line
    }
    return undefined
  }
}
