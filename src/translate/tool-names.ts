import type { ToolChoice, Tool } from './common.ts'
import type { WayBack } from './codec.ts'
import type { Notes } from './notes.ts'

export interface NameRules {
  readonly max: number
  /** `openai`: letters, digits, `_`, `-`; `gemini`: begins with a letter or `_`, also `.` and `:`. */
  readonly form: 'openai' | 'gemini'
}

/**
 * The names of a request's tools as a target takes them (formats §5.4): the same name is always rewritten the same way, those
 * of namespaces get theirs in front, and the way back is kept. Two that cannot be told apart are rejected.
 */
export class ToolNames {
  readonly back: Pick<WayBack, 'toolNames'>['toolNames']
  readonly #back = new Map<string, { readonly name: string; readonly namespace?: string | undefined }>()
  readonly #rules: NameRules
  readonly #notes: Notes
  /** By name, and by namespace and name. */
  readonly #sent = new Map<string, string>()
  /** Names in namespaces that stand in one of them only → as sent. */
  readonly #sentOfNamespaced = new Map<string, string | undefined>()
  readonly #taken = new Set<string>()

  constructor(tools: readonly Tool[], rules: NameRules, notes: Notes) {
    this.back = this.#back
    this.#rules = rules
    this.#notes = notes
    const named = tools.filter((tool) => tool.kind !== 'hosted')
    rejectTwins(named, notes)
    // Who has a name that fits keeps it, wherever it stands in the list; then those of no namespace come first.
    for (const tool of named) if (namespaceOf(tool) === undefined && fits(tool.name, rules)) this.sent(tool.name)
    for (const tool of named) if (namespaceOf(tool) === undefined) this.sent(tool.name)
    for (const tool of named) {
      const namespace = namespaceOf(tool)
      if (namespace === undefined) continue
      const sent = this.sent(tool.name, namespace)
      this.#sentOfNamespaced.set(tool.name, this.#sentOfNamespaced.has(tool.name) ? undefined : sent)
    }
  }

  /** Also of tools that stand only in the history, and of choices. */
  sent(name: string, namespace?: string): string {
    const key = keyOf(name, namespace)
    const known = this.#sent.get(key) ?? (namespace === undefined ? this.#knownOf(name) : undefined)
    if (known !== undefined) return known
    const sent = namespace === undefined ? this.#free(name) : this.#freeInNamespace(name, namespace)
    this.#sent.set(key, sent)
    this.#taken.add(sent)
    if (sent !== name) this.#back.set(sent, namespace === undefined ? { name } : { name, namespace })
    if (namespace !== undefined) this.#notes.adapt('adapted:tool_namespace_flattened', 'tools')
    return sent
  }

  /** Results and choices do not always say the namespace, or say a name as it was sent. */
  #knownOf(name: string): string | undefined {
    return this.#sentOfNamespaced.get(name) ?? (this.#back.get(name)?.namespace === undefined ? undefined : name)
  }

  #free(name: string): string {
    const fitting = fittingName(name, this.#rules)
    const free = this.#taken.has(fitting) ? hashedName(name, fitting, this.#rules) : fitting
    if (free !== name) this.#notes.adapt('adapted:tool_names_rewritten', 'tools')
    return free
  }

  #freeInNamespace(name: string, namespace: string): string {
    const flat = `${namespace}__${name}`
    const fitting = fittingName(flat, this.#rules)
    if (fitting !== flat) this.#notes.adapt('adapted:tool_names_rewritten', 'tools')
    let free = fitting
    for (let count = 2; this.#taken.has(free); count += 1) free = fittingName(`${flat}__${count}`, this.#rules)
    return free
  }
}

/** Those of a choice that are declared nowhere; a choice that names one is rejected. */
export function checkChoice(choice: ToolChoice | undefined, tools: readonly Tool[], notes: Notes): void {
  if (choice === undefined) return
  if (choice.mode === 'hosted') {
    if (!tools.some((tool) => isHosted(tool, choice.tool))) rejectChoice(choice.tool, notes)
    return
  }
  const names = choice.mode === 'tool' ? [choice.name] : choice.mode === 'allowed' ? choice.names : []
  const declared = new Set(tools.flatMap(namesOf))
  for (const name of names) if (!declared.has(name)) rejectChoice(name, notes)
}

function rejectChoice(name: string, notes: Notes): void {
  notes.reject('tool_choice', `the tool "${name}" that must be called is not declared`)
}

/** The names by which a choice may mean a tool. */
function namesOf(tool: Tool): readonly string[] {
  if (tool.kind === 'hosted') {
    const name = tool.native['name']
    return typeof name === 'string' ? [tool.tool, name] : [tool.tool]
  }
  const namespace = namespaceOf(tool)
  return namespace === undefined ? [tool.name] : [tool.name, `${namespace}__${tool.name}`, `${namespace}.${tool.name}`]
}

function isHosted(tool: Tool, kind: string): boolean {
  return tool.kind === 'hosted' && (tool.tool === kind || tool.native['type'] === kind)
}

type NamedTool = Exclude<Tool, { readonly kind: 'hosted' }>

function namespaceOf(tool: Tool): string | undefined {
  return tool.kind === 'function' || tool.kind === 'custom' ? tool.namespace : undefined
}

/** No way leads back from two of one name. */
function rejectTwins(tools: readonly NamedTool[], notes: Notes): void {
  const keys = new Set<string>()
  for (const tool of tools) {
    const key = keyOf(tool.name, namespaceOf(tool))
    if (keys.has(key)) notes.reject('tools', `two tools are named "${tool.name}"`)
    keys.add(key)
  }
}

function keyOf(name: string, namespace: string | undefined): string {
  return namespace === undefined ? `:${name}` : `${JSON.stringify(namespace)}:${name}`
}

function fits(name: string, rules: NameRules): boolean {
  if (name.length > rules.max) return false
  return rules.form === 'gemini' ? /^[a-zA-Z_][a-zA-Z0-9_.:-]*$/.test(name) : /^[a-zA-Z0-9_-]+$/.test(name)
}

function fittingName(name: string, rules: NameRules): string {
  if (fits(name, rules)) return name
  const clean = cleanName(name, rules)
  return clean.length <= rules.max ? clean : hashedName(name, clean, rules)
}

function cleanName(name: string, { form }: NameRules): string {
  if (form === 'openai') return name === '' ? '_' : name.replaceAll(/[^a-zA-Z0-9_-]/gu, '_')
  const clean = name.replaceAll(/[^a-zA-Z0-9_.:-]/gu, '_')
  return /^[a-zA-Z_]/.test(clean) ? clean : `_${clean}`
}

/** Told apart from others that look alike by a hash of the whole name. */
function hashedName(name: string, clean: string, rules: NameRules): string {
  const hash = new Bun.CryptoHasher('sha256').update(name).digest('hex').slice(0, 8)
  return `${clean.slice(0, rules.max - 9)}_${hash}`
}
