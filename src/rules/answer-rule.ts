import { asBuffer, concat, encode } from '#kit/bytes.ts'
import { withoutMembers } from '#wire/json-remove.ts'
import { scanJson, type JsonVisitor } from '#wire/json-scan.ts'

/** What one `response_transformer` does. */
export interface AnswerRule {
  /** Paths of members: keys and indices from the outside in, `*` for any. */
  readonly strip: readonly (readonly string[])[]
  readonly add: readonly (readonly [key: string, value: unknown])[]
}

/** Texts in JSON, changed by rules; every byte that no rule means stays. */
export class JsonChange {
  readonly #rules: readonly CompiledRule[]

  /** `holders`: members that hold what is a body of its own elsewhere, such as the `response` of an event. */
  constructor(rules: readonly AnswerRule[], holders: readonly string[] = []) {
    this.#rules = rules.map((rule) => compile(rule, holders))
  }

  /** The same array where nothing is changed, and for what is no JSON. */
  of(json: Uint8Array<ArrayBuffer>, nowWallMs: number): Uint8Array<ArrayBuffer> {
    let changed = json
    for (const rule of this.#rules) changed = applied(rule, changed, nowWallMs)
    return changed
  }
}

interface CompiledRule {
  readonly paths: readonly (readonly string[])[]
  /** The last names of all paths; undefined where one of them may be any. */
  readonly names: readonly string[] | undefined
  /** Each is replaced where it is there already. */
  readonly replaced: readonly (readonly string[])[]
  readonly members: readonly (readonly [key: string, value: string])[]
  readonly tellsTime: boolean
}

function compile({ strip, add }: AnswerRule, holders: readonly string[]): CompiledRule {
  const paths = [...strip, ...holders.flatMap((holder) => strip.map((path) => [holder, ...path]))]
  const last = strip.map((path) => path.at(-1) ?? '')
  const members = add.map(([key, value]): readonly [string, string] => [JSON.stringify(key), JSON.stringify(value)])
  return {
    paths,
    names: last.some((name) => name === '*' || alwaysEscapable.test(name)) ? undefined : last,
    replaced: add.map(([key]) => [key]),
    members,
    tellsTime: members.some(([, value]) => value.includes(now)),
  }
}

/** Letters that are written with a backslash by some, or by all, and not by their code. */
const alwaysEscapable = /["/\\\p{Cc}]/u

const now = '{now}'

function applied(rule: CompiledRule, json: Uint8Array<ArrayBuffer>, nowWallMs: number): Uint8Array<ArrayBuffer> {
  const isList = firstOf(json) === openBracket
  let changed = json
  if (rule.paths.length > 0 && mayHold(json, rule.names)) {
    changed = withoutMembers(json, isList ? rule.paths.map((path) => ['*', ...path]) : rule.paths)
  }
  if (rule.members.length === 0 || isList || firstOf(json) !== openBrace) return changed
  return withMembers(changed, rule, nowWallMs)
}

const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const backslash = 0x5c

/** Names that are written with escapes are not found by their bytes. */
function mayHold(json: Uint8Array, names: readonly string[] | undefined): boolean {
  if (names === undefined) return true
  const bytes = asBuffer(json)
  return names.some((name) => bytes.includes(name)) || bytes.includes(escapeStart)
}

const escapeStart = Buffer.from([backslash, 0x75])

/** Behind all others. */
function withMembers(
  json: Uint8Array<ArrayBuffer>,
  { members, replaced, tellsTime }: CompiledRule,
  nowWallMs: number,
): Uint8Array<ArrayBuffer> {
  const bare = withoutMembers(json, replaced)
  const end = bare.lastIndexOf(closeBrace)
  if (end === -1 || scanJson(bare, nobody) !== undefined) return json
  const time = tellsTime ? new Date(nowWallMs).toISOString() : ''
  const text = members.map(([key, value]) => `${key}:${tellsTime ? value.replaceAll(now, time) : value}`).join(',')
  const isEmpty = bare.subarray(0, end).findLast((byte) => byte > 0x20) === openBrace
  return concat([bare.subarray(0, end), encode(isEmpty ? text : `,${text}`), bare.subarray(end)])
}

const nobody: JsonVisitor = { key: () => false, value() {} }

function firstOf(json: Uint8Array): number {
  return json.find((byte) => byte > 0x20) ?? 0
}
