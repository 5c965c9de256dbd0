import { isAlias, isMap, isNode, isScalar, isSeq, visit } from 'yaml'
import type { Document, Node } from 'yaml'
import { isMerge } from './nodes.ts'
import { complaintAbout, lowerFirst } from './syntax-words.ts'

/** Something wrong with a text as YAML. */
export interface SyntaxFault {
  readonly offset: number
  readonly message: string
  /** What the text means cannot be known. */
  readonly fatal: boolean
}

/** Everything wrong with the text of a document that was parsed without a check for keys that are written twice. */
export function findSyntaxFaults(doc: Document.Parsed, text: string): SyntaxFault[] {
  // Behind the first error the parser only stumbles on.
  const faults: SyntaxFault[] = doc.errors.slice(0, 1).map((error) => ({
    offset: behindBlanks(error.pos[0], text),
    message:
      referenceComplaint(error.pos[0], text) ??
      complaintAbout(error, restOfLine(behindBlanks(error.pos[0], text), text)),
    fatal: true,
  }))
  for (const { pos, message } of doc.warnings) {
    const short = lowerFirst(message).replace('tag:yaml.org,2002:', '')
    faults.push({ offset: pos[0], message: `${short}, expected plain YAML`, fatal: false })
  }
  if (doc.directives?.yaml.explicit === true && doc.directives.yaml.version !== '1.2') {
    faults.push({ offset: 0, message: 'the file asks for YAML 1.1, expected YAML 1.2', fatal: false })
  }
  return faults.concat(findNodeFaults(doc))
}

/** Keys written twice, aliases of nothing, merges of what is no map: one walk, whose cost grows with the text alone. */
function findNodeFaults(doc: Document.Parsed): SyntaxFault[] {
  const faults: SyntaxFault[] = []
  const nodeByAnchor = new Map<string, Node>()
  const target = (node: unknown): unknown => (isAlias(node) ? nodeByAnchor.get(node.source) : node)
  visit(doc, {
    Node(_key, node) {
      if ('anchor' in node && typeof node.anchor === 'string' && !isAlias(node)) nodeByAnchor.set(node.anchor, node)
    },
    Alias(_key, alias) {
      if (nodeByAnchor.has(alias.source)) return
      const message = `no value is named "&${alias.source}" above this "*${alias.source}"`
      faults.push({ offset: offsetOfNode(alias), message, fatal: true })
    },
    Map(_key, map) {
      if (map.anchor !== undefined) nodeByAnchor.set(map.anchor, map)
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (isMerge(key)) continue
        const name = isScalar(key) && key.value === null ? '' : String(key)
        if (seen.has(name)) {
          const message = `key ${JSON.stringify(name)} is written twice in this map`
          faults.push({ offset: offsetOfNode(key), message, fatal: false })
        }
        seen.add(name)
      }
    },
    Pair(_key, { key, value }) {
      if (!isMerge(key)) return
      const sources = target(value)
      if ((isSeq(sources) ? sources.items : [sources]).every((source) => isMap(target(source)))) return
      faults.push({ offset: offsetOfNode(key), message: 'expected a map, or a list of maps, behind "<<"', fatal: true })
    },
  })
  return faults
}

function offsetOfNode(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

function behindBlanks(offset: number, text: string): number {
  let at = offset
  while (text[at] === ' ') at += 1
  return at
}

function restOfLine(offset: number, text: string): string {
  const end = text.indexOf('\n', offset)
  return text.slice(offset, end === -1 ? undefined : end)
}

/** `{ key: ${VAR} }` is the slip that people make with references. */
function referenceComplaint(offset: number, text: string): string | undefined {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? ''
  return /[{[,].*[^"'\w]\$\{/.test(line) ? 'between { } or [ ] a reference "${…}" must stand in quotes' : undefined
}
