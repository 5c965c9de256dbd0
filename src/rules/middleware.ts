import { compileReplacement } from '#kit/glob.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { AnswerRule } from './answer-rule.ts'
import type { MiddlewareSettings } from './middleware-schema.ts'

/** What the `middleware` section does, in its order. */
export interface Middleware {
  /** The alias that is meant by one that was asked for; the same one where no rule says otherwise. */
  readonly meant: ((model: string) => string) | undefined
  readonly headers: readonly HeaderPair[]
  /** Members of requests that have none of that name. */
  readonly members: readonly (readonly [name: string, value: unknown])[]
  readonly answers: readonly AnswerRule[]
}

type Settings = MiddlewareSettings['config']

/** Keys of `config`, by the name that they belong to. */
const keysByName: Readonly<Record<MiddlewareSettings['name'], readonly (keyof Settings)[]>> = {
  request_modifier: ['add_headers', 'modify_model', 'add_fields'],
  response_transformer: ['strip_fields', 'add_fields'],
}

export function compileMiddleware(entries: readonly MiddlewareSettings[], problems: CompileProblem[]): Middleware {
  const renamings: ((model: string) => string)[] = []
  const headers = new Map<string, HeaderPair>()
  const answers: AnswerRule[] = []
  const members = new Map<string, unknown>()
  for (const [index, { name, enabled, config }] of entries.entries()) {
    tellMisplaced(config, name, index, problems)
    tellReserved(config, index, problems)
    if (!enabled) continue
    const { add_headers: added = {}, modify_model: modify, strip_fields: strip = [], add_fields: fields = {} } = config
    for (const [header, value] of Object.entries(added)) headers.set(header.toLowerCase(), [header, value])
    if (modify !== undefined && modify.rules.length > 0) renamings.push(renamingOf(modify.rules))
    if (name === 'request_modifier') for (const [member, value] of Object.entries(fields)) members.set(member, value)
    else if (strip.length > 0 || Object.keys(fields).length > 0) {
      answers.push({ strip: strip.map((path) => path.split('.')), add: Object.entries(fields) })
    }
  }
  return {
    meant: renamings.length === 0 ? undefined : (model) => renamings.reduce((name, rename) => rename(name), model),
    headers: [...headers.values()],
    members: [...members],
    answers,
  }
}

function renamingOf(rules: NonNullable<Settings['modify_model']>['rules']): (model: string) => string {
  const compiled = rules.map(({ pattern, replace }) => compileReplacement(pattern, replace))
  return (model) => {
    for (const renamed of compiled) {
      const name = renamed(model)
      if (name !== undefined && name !== '') return name
    }
    return model
  }
}

function tellMisplaced(
  config: Settings,
  name: MiddlewareSettings['name'],
  index: number,
  problems: CompileProblem[],
): void {
  for (const [owner, keys] of Object.entries(keysByName)) {
    if (owner === name) continue
    for (const key of keys) {
      if (config[key] === undefined || keysByName[name].includes(key)) continue
      const message = `does nothing in "${name}", it belongs into "${owner}"`
      problems.push({ severity: 'error', path: ['middleware', index, 'config', key], message })
    }
  }
}

function tellReserved({ add_headers: headers = {} }: Settings, index: number, problems: CompileProblem[]): void {
  for (const header of Object.keys(headers)) {
    const name = header.toLowerCase()
    const path = ['middleware', index, 'config', 'add_headers', header]
    if (ofConnection.has(name)) {
      problems.push({ severity: 'error', path, message: `"${header}" belongs to the connection and cannot be set` })
    } else if (ofCredentials.has(name)) {
      const message = `"${header}" is what proves a request to its backend: set it in "backends[].headers" or by "api_key"`
      problems.push({ severity: 'error', path, message })
    }
  }
}

const ofConnection: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const ofCredentials: ReadonlySet<string> = new Set([
  'api-key',
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-amz-security-token',
  'x-api-key',
  'x-goog-api-key',
])
