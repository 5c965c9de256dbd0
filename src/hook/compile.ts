import type { CompileProblem } from '#core/problem.ts'
import type { Call } from '#core/call.ts'
import { isRefusal } from '#core/refusal.ts'
import { Secret } from '#core/secret.ts'
import { compileGlob } from '#kit/glob.ts'
import { asObject } from '#kit/json-value.ts'
import type { Link } from '#ports/transport.ts'
import { askBefore } from './before-request.ts'
import {
  isHookAnswer,
  type Hook,
  type HookAsker,
  type HookPoint,
  type HookPorts,
  type Hooks,
  type HookTarget,
} from './hook.ts'
import type { HookSettings } from './schema.ts'
import { streamChange } from './stream-chunks.ts'
import { tellLater } from './tell.ts'

/** What hooks are made of beside the configuration. */
export interface HookSources {
  /** What a file exports, once it is loaded; undefined: it could not be, which is told already. */
  moduleOf(file: string): { readonly module: unknown; readonly digest: string } | undefined
  linkTo(url: URL): Link
}

type Entry =
  | HookSettings['before_request'][number]
  | HookSettings['after_request'][number]
  | HookSettings['on_stream_chunk'][number]

/** The export of each point, where an entry names none. */
const exportByPoint: Readonly<Record<HookPoint, string>> = {
  before_request: 'beforeRequest',
  after_request: 'afterRequest',
  on_error: 'onError',
  on_stream_chunk: 'onStreamChunk',
}

/** The `hooks` section, compiled; undefined where there are none. */
export function compileHooks(
  settings: HookSettings,
  sources: HookSources,
  problems: CompileProblem[],
): Hooks | undefined {
  const of = (point: HookPoint): readonly Hook[] =>
    settings[point].flatMap((entry, index) => hookOf(point, index, entry, sources, problems) ?? [])
  const before = of('before_request')
  const told = [...of('after_request'), ...of('on_error')]
  const chunks = of('on_stream_chunk')
  const all = [...before, ...told, ...chunks]
  if (all.length === 0) return undefined
  return {
    onRoad:
      before.length + chunks.length === 0
        ? undefined
        : async (ports, call, asker) => {
            const asked = before.length === 0 ? call : await askBefore(before, ports, call, asker)
            return isRefusal(asked) || isHookAnswer(asked) ? asked : watched(asked, chunks, ports, asker)
          },
    tell: told.length === 0 ? undefined : (ports, exchange) => tellLater(told, ports, exchange),
    ids: new Set(all.map(({ id }) => id)),
  }
}

/** With hooks on its stream, where there are some for it. */
function watched(call: Call, hooks: readonly Hook[], ports: HookPorts, asker: HookAsker): Call {
  const own = hooks.filter(({ isFor }) => isFor?.(call.model) !== false)
  if (own.length === 0) return call
  const { headers: added = [], changeAnswer } = call.rules ?? {}
  const rules = { headers: added, changeAnswer: streamChange(own, ports, asker, changeAnswer) }
  const mayStream = call.stream || call.endpoint.reads === 'nothing'
  if (!mayStream || !call.headers.has('accept-encoding')) return { ...call, rules }
  // What is to be looked at must not come compressed. Of requests that nobody reads, any may be answered by a stream.
  const headers = new Headers(call.headers)
  headers.set('accept-encoding', 'identity')
  return { ...call, headers, rules }
}

function hookOf(
  point: HookPoint,
  index: number,
  entry: Entry,
  sources: HookSources,
  problems: CompileProblem[],
): Hook | undefined {
  const tell = (key: string, message: string): undefined => {
    problems.push({ severity: 'error', path: ['hooks', point, index, key], message })
  }
  const found =
    'url' in entry && entry.url !== undefined
      ? addressOf(index, entry, entry.url, sources, tell)
      : functionOf(point, entry, sources, tell)
  if (found === undefined) return undefined
  const { target, name, key } = found
  const globs = entry.models?.map((model) => compileGlob(model))
  return {
    id: `${point}[${index}] ${key}`,
    point,
    name,
    timeoutMs: entry.timeout,
    refuses: 'on_failure' in entry && entry.on_failure === 'refuse',
    concurrency: 'concurrency' in entry ? entry.concurrency : Number.POSITIVE_INFINITY,
    isFor: globs && ((model) => globs.some((isLike) => isLike(model))),
    target,
  }
}

interface Found {
  readonly target: HookTarget
  readonly name: string
  /** Another one is another hook. */
  readonly key: string
}

type Tell = (key: string, message: string) => undefined

function functionOf(point: HookPoint, entry: Entry, sources: HookSources, tell: Tell): Found | undefined {
  const { file = '', export: wanted } = entry
  for (const key of ['headers', 'secret'] as const) {
    const given = key in entry ? Reflect.get(entry, key) : undefined
    if (given !== undefined && (typeof given === 'string' || Object.keys(asObject(given) ?? {}).length > 0)) {
      tell(key, 'does nothing beside "file", it belongs to a "url"')
    }
  }
  const loaded = sources.moduleOf(file)
  if (loaded === undefined) return undefined
  const name = wanted ?? exportByPoint[point]
  let run: unknown
  try {
    run = asObject(loaded.module)?.[name]
  } catch {
    run = undefined
  }
  if (!isFunction(run))
    return tell(wanted === undefined ? 'file' : 'export', `file "${file}" has no function "${name}" among its exports`)
  return { target: { kind: 'function', run }, name: `${file}#${name}`, key: `${file}#${name} ${loaded.digest}` }
}

function addressOf(
  index: number,
  entry: Extract<Entry, { readonly headers: unknown }>,
  address: string,
  sources: HookSources,
  tell: Tell,
): Found | undefined {
  if (entry.export !== undefined) return tell('export', 'does nothing beside "url", it belongs to a "file"')
  const url = new URL(address)
  const headers = Object.entries(entry.headers)
  if (url.username !== '' || url.password !== '') {
    return tell('url', 'may hold no name and no password: write them into "headers" as an Authorization')
  }
  const secret = entry.secret === undefined ? undefined : new Secret(entry.secret)
  // Its path may be as good as a key.
  const name = `${url.origin} [${index}]`
  return { target: { kind: 'address', url, headers, secret, link: sources.linkTo(url) }, name, key: url.href }
}

function isFunction(value: unknown): value is (context: unknown) => unknown {
  return typeof value === 'function'
}
