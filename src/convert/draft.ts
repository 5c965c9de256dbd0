import { Document, isMap, isScalar, isSeq, type Node } from 'yaml'
import type { ConfigPath } from '#config/problem.ts'
import { isPlainObject, type Tree } from '#config/source.ts'
import { printable } from '#kit/printable.ts'
import { withValues } from './keep-comments.ts'
import { literal } from './values.ts'

/** A configuration in the making: plain values, and comments for some of them. */
export class Draft {
  readonly tree: Tree = {}
  /** What stands above everything. */
  readonly head: string[] = []
  /** A text in whose form, and with whose comments, it is written. */
  original: string | undefined
  readonly #comments: { readonly path: ConfigPath; readonly text: string }[] = []
  readonly #names = new Set<string>()

  /** Puts a value below maps that are made when they are not there. */
  set(path: readonly string[], value: unknown): void {
    let at = this.tree
    for (const key of path.slice(0, -1)) {
      const inner = at[key]
      const next: Tree = isPlainObject(inner) ? inner : {}
      at[key] = next
      at = next
    }
    at[path.at(-1) ?? ''] = value
  }

  /** A comment above the key or the entry of a list. */
  comment(path: ConfigPath, text: string): void {
    this.#comments.push({ path, text })
  }

  /** A name for a backend that no other one has. */
  nameFor(wanted: string): string {
    const clean = literal(printable(wanted).trim().slice(0, 180)) || 'backend'
    let name = clean
    for (let count = 2; this.#names.has(name); count += 1) name = `${clean}-${count}`
    this.#names.add(name)
    return name
  }

  get backends(): Tree[] {
    return this.#listAt(this.tree, 'backends')
  }

  /** Adds a backend and returns its place. */
  addBackend(backend: Tree): ConfigPath {
    return ['backends', this.backends.push(backend) - 1]
  }

  /** The alias, made when it is not there. */
  alias(name: string): Tree {
    const models: Tree = isPlainObject(this.tree['models']) ? this.tree['models'] : {}
    this.tree['models'] = models
    const found = Object.hasOwn(models, name) ? models[name] : undefined
    if (isPlainObject(found)) return found
    const alias: Tree = { routes: [] }
    // An alias may have any name.
    Object.defineProperty(models, name, { value: alias, enumerable: true, writable: true, configurable: true })
    return alias
  }

  addRoute(alias: string, route: Tree): void {
    this.routesOf(alias).push(route)
  }

  routesOf(alias: string): Tree[] {
    return this.#listAt(this.alias(alias), 'routes')
  }

  get aliases(): string[] {
    return isPlainObject(this.tree['models']) ? Object.keys(this.tree['models']) : []
  }

  /** As YAML. Sections stand in the order in which people look for them. */
  render(): string {
    const head = this.head.map((text) => (text === '' ? '#\n' : `# ${text.replaceAll(/\s+/g, ' ')}\n`)).join('')
    const kept = this.original === undefined ? undefined : withValues(this.original, this.tree)
    if (kept !== undefined) return `${head}\n${kept.toString({ lineWidth: 0 })}`
    const isWanted = (key: string): boolean =>
      key !== 'backends' || this.backends.length > 0 || !('services' in this.tree)
    const known = sections.filter((key) => Object.hasOwn(this.tree, key) && isWanted(key))
    const others = Object.keys(this.tree).filter((key) => !sections.includes(key))
    const content = Object.fromEntries([...known, ...others].map((key) => [key, this.tree[key]]))
    const doc = new Document(content, { aliasDuplicateObjects: false })
    for (const { path, text } of this.#comments) commentOn(doc, path, text)
    if (isMap(doc.contents)) for (const pair of doc.contents.items.slice(1)) spaceBefore(pair.key)
    return `${head}\n${doc.toString({ lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' })}`
  }

  #listAt(holder: Tree, key: string): Tree[] {
    const found = holder[key]
    if (isTreeList(found)) return found
    const list: Tree[] = []
    holder[key] = list
    return list
  }
}

const sections: readonly string[] = [
  'listen',
  'proxy_api_key',
  'allow_unauthenticated',
  'upstream_default_key',
  'reuse_gateway_key',
  'admin',
  'trusted_proxies',
  'max_body_size',
  'server',
  'backends',
  'load_balancing',
  'models',
  'services',
  'passthrough',
  'forward_proxy',
  'filters',
  'fallback',
  'retry',
  'circuit_breaker',
  'health_check',
  'detection',
  'timeout',
  'logging',
]

function isTreeList(value: unknown): value is Tree[] {
  return Array.isArray(value) && value.every(isPlainObject)
}

function commentOn(doc: Document, path: ConfigPath, text: string): void {
  const holder: unknown = path.length > 1 ? doc.getIn(path.slice(0, -1), true) : doc.contents
  const step = path.at(-1)
  const node = isMap(holder)
    ? holder.items.find(({ key }) => isScalar(key) && key.value === step)?.key
    : isSeq(holder) && typeof step === 'number'
      ? holder.items[step]
      : undefined
  if (!isCommentable(node)) return
  const line = ` ${text.replaceAll(/\s+/g, ' ')}`
  node.commentBefore = typeof node.commentBefore === 'string' ? `${node.commentBefore}\n${line}` : line
}

function spaceBefore(key: unknown): void {
  if (isScalar(key)) key.spaceBefore = true
}

function isCommentable(node: unknown): node is Node {
  return isScalar(node) || isMap(node)
}
