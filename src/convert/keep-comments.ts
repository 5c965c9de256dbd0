import { isAlias, isMap, isPair, isScalar, isSeq, parseDocument, visit, type Document } from 'yaml'
import { isPlainObject, type Tree } from '#config/source.ts'

/** The text with other values and its own comments; undefined where its parts are shared, so that none can be changed alone. */
export function withValues(text: string, tree: Tree): Document | undefined {
  const doc = parseDocument(text, { uniqueKeys: false, logLevel: 'silent' })
  let isShared = doc.errors.length > 0
  visit(doc, {
    Node: (_, node) => {
      if (isAlias(node)) isShared = true
    },
  })
  if (isShared || !isMap(doc.contents)) return undefined
  change(doc, doc.contents, tree)
  return doc
}

function change(doc: Document, node: unknown, value: unknown): boolean {
  if (isMap(node) && isPlainObject(value)) {
    node.items = node.items.filter(({ key }) => Object.hasOwn(value, keyOf(key)))
    for (const [key, inner] of Object.entries(value)) {
      const pair = node.items.find((item) => isPair(item) && keyOf(item.key) === key)
      if (pair === undefined) node.add(doc.createPair(key, inner))
      else if (!change(doc, pair.value, inner)) pair.value = doc.createNode(inner)
    }
    return true
  }
  if (isSeq(node) && Array.isArray(value) && node.items.length === value.length) {
    node.items.forEach((item, index) => {
      if (!change(doc, item, value[index])) node.items[index] = doc.createNode(value[index])
    })
    return true
  }
  return isScalar(node) && Object.is(node.value, value)
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key)
}
