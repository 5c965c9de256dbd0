import * as v from 'valibot'
import { loadSnapshot, sourceName, type Source } from '#boot/load.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem } from '#config/problem.ts'
import { secretStandIn } from '#config/stand-in.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { noBooks } from '#core/rest.ts'
import { Secret } from '#core/secret.ts'
import { credentialHeaders } from '#identity/credential-headers.ts'
import { identify } from '#identity/identify.ts'
import { mayBeToken } from '#identity/key-ring.ts'
import { objectionToKind, objectionToModel } from '#identity/permit.ts'
import { permissionOf } from '#identity/permission-of.ts'
import { systemClock } from '#ports/clock.ts'
import { explainCourse, explanationSchema, type Explanation } from '#route/explain.ts'
import { resolveNamed } from '#route/resolve.ts'
import { isModelPath } from '#server/admin-explain.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { dialectOfPath } from '#wire/dialect.ts'
import { talkOfPath } from '#wire/talk.ts'
import { AdminClient } from './admin-client.ts'
import { exit } from './exit.ts'
import { renderExplained } from './explanation-text.ts'
import type { Io } from './io.ts'
import { chooseSource, type SourceFlags } from './source.ts'
import { switchedOff, type SwitchedOff } from './switched-off.ts'

/** Values of the command's flags as they were typed. */
export interface ExplainOptions extends SourceFlags {
  readonly model: string | undefined
  readonly path: string | undefined
  readonly stream: boolean
  /** Of a client. */
  readonly key: string | undefined
  /** `Name: value` each. */
  readonly headers: readonly string[]
  readonly seed: string | undefined
  /** Address of the process to ask; empty: as the configuration says; undefined: the file is read. */
  readonly running: string | undefined
  readonly adminKey: string | undefined
  readonly json: boolean
}

/** All that there is to tell. */
export interface Explained {
  /** The file, or the address of the process. */
  readonly from: string
  /** null: nobody asked. */
  readonly key: KeyVerdict | null
  /** null: the request is refused before anybody could be asked. */
  readonly choice: Explanation | null
  readonly refusal: { readonly status: number; readonly code: string; readonly message: string } | null
  /** null: a running process does not know what is written and switched off. */
  readonly switchedOff: readonly SwitchedOff[] | null
}

export interface KeyVerdict {
  /** null: it cannot be told. */
  readonly accepted: boolean | null
  readonly says: string
}

/**
 * `llm-proxy explain`: decides on a request without sending it. Resolves with 0 when somebody would be asked, with 1 when
 * it would be refused, with 2 for wrong usage or a configuration that cannot be used.
 */
export async function explain(options: ExplainOptions, io: Pick<Io, 'env' | 'stdout' | 'stderr'>): Promise<number> {
  const request = requestOf(options)
  if (typeof request === 'string') return failed(io, request, exit.usage)
  const explained =
    options.running === undefined
      ? await explainFile(request, chooseSource(options, io.env).source, io)
      : await explainRunning(request, options, io)
  if (typeof explained === 'number') return explained
  io.stdout(options.json ? `${JSON.stringify(explained, null, 2)}\n` : renderExplained(explained))
  const isServed = explained.choice !== null && explained.choice.verdict !== 'refuses'
  return isServed && explained.key?.accepted !== false ? exit.done : exit.failed
}

interface ExplainedRequest {
  readonly model: string
  readonly path: string
  readonly stream: boolean
  readonly seed: number
  readonly headers: Headers
}

function requestOf(options: ExplainOptions): ExplainedRequest | string {
  const { model, path = '/v1/chat/completions', stream, key, seed = '1' } = options
  if (model === undefined || model === '') return 'name the model, as in "--model gpt-5"'
  if (!isModelPath(path)) {
    return `--path: models are asked for below "/v1/", as in "/v1/messages", not at ${JSON.stringify(path)}`
  }
  if (!/^\d{1,10}$/.test(seed) || Number(seed) > seedMax) return `--seed: a seed is a whole number from 0 to ${seedMax}`
  const headers = new Headers()
  for (const header of options.headers) {
    const [, name, value] = /^([\w-]+):\s*(.*)$/s.exec(header) ?? []
    if (name === undefined || value === undefined) return '--header: write it as "Name: value"'
    try {
      headers.append(name, value)
    } catch {
      return `--header: "${name}" cannot have this value`
    }
  }
  if (key !== undefined) {
    if (headers.has('authorization')) return '--key: the header "Authorization" is given too, keep one of them'
    if (!/^[\x21-\x7e]+$/.test(key)) return '--key: it holds characters that no key may have'
    headers.set('authorization', `Bearer ${key}`)
  }
  return { model, path, stream, seed: Number(seed), headers }
}

/** Seeds are 32 bits wide. */
const seedMax = 4_294_967_295

async function explainFile(
  request: ExplainedRequest,
  source: Source,
  io: Pick<Io, 'env' | 'stderr'>,
): Promise<Explained | number> {
  const from = source.kind === 'environment' ? 'the environment' : sourceName(source)
  try {
    const { snapshot, problems } = await loadSnapshot(source, {
      env: io.env,
      version: 1,
      listen: {},
      standIns: true,
    })
    if (snapshot === undefined) {
      for (const problem of problems) if (problem.severity === 'error') io.stderr(`${formatProblem(problem)}\n`)
      return failed(io, `the configuration has errors, see above`, exit.usage)
    }
    const plan = resolveNamed(snapshot, request.model)
    const { path, stream, headers } = request
    const call = {
      path,
      dialect: dialectOfPath(path),
      talk: talkOfPath(path),
      stream,
      headers: telling(headers),
      caller: callerOf(headers, snapshot),
    }
    const alias = isRefusal(plan) ? request.model : plan.alias
    return {
      from,
      key: keyVerdict(request, snapshot),
      choice: isRefusal(plan) ? null : explainCourse(plan, call, noBooks, request.seed, 0),
      refusal: isRefusal(plan) ? factsOf(plan) : null,
      switchedOff: await switchedOff(source, alias, io.env),
    }
  } catch (error) {
    return failed(io, `Cannot read "${from}": ${whyUnreadable(error)}`, exit.usage)
  }
}

/** The headers by which a request may belong to others; undefined: none was given, so of those nothing is to be told. */
function telling(headers: Headers): Headers | undefined {
  const kept = new Headers(headers)
  for (const name of credentialHeaders) kept.delete(name)
  return [...kept].length === 0 ? undefined : kept
}

function callerOf(headers: Headers, { keys }: Snapshot): string | undefined {
  const caller = keys.tellsApart ? identify(headers, undefined, keys, systemClock.wallMs()) : undefined
  return caller === undefined || isRefusal(caller) ? undefined : caller.id
}

function keyVerdict({ headers, path, model }: ExplainedRequest, snapshot: Snapshot): KeyVerdict {
  const { keys, settings } = snapshot
  if (keys.isOpen) return { accepted: true, says: 'none is asked for' }
  if (!credentialHeaders.some((name) => headers.has(name))) {
    return { accepted: true, says: 'one is asked for; give it with --key to see whether it is accepted' }
  }
  const key = settings.get('proxy_api_key')
  if (key instanceof Secret && key.reveal().includes(secretStandIn)) {
    return { accepted: null, says: 'not checked, since what "proxy_api_key" refers to is not to be had here' }
  }
  const caller = identify(headers, undefined, keys, systemClock.wallMs())
  if (isRefusal(caller)) {
    const offered = headers.get('authorization')?.replace(/^bearer\s+/i, '') ?? ''
    if (keys.tokens.length > 0 && mayBeToken(offered)) {
      return { accepted: null, says: 'not checked, since only a running process checks tokens' }
    }
    return { accepted: false, says: `refused with ${caller.status}: ${caller.message}` }
  }
  const { access } = caller
  const objection =
    access === undefined
      ? undefined
      : (objectionToKind(access, permissionOf({ dialect: dialectOfPath(path), talk: talkOfPath(path) }, path)) ??
        objectionToModel(
          access,
          {
            endpoint: { path, dialect: dialectOfPath(path), reads: 'json', stream: undefined },
            method: 'POST',
            path,
            model,
          },
          { isHidden: keys.hidesForbidden, unknownModelStatus: snapshot.unknownModelStatus },
        ))
  if (objection !== undefined) {
    return { accepted: false, says: `of "${caller.id}", refused with ${objection.status}: ${objection.message}` }
  }
  return { accepted: true, says: `accepted, the caller is "${caller.id}"` }
}

function factsOf({ status, code, message }: Refusal): Explained['refusal'] {
  return { status, code, message }
}

async function explainRunning(
  { model, path, stream, seed, headers }: ExplainedRequest,
  { running, adminKey, ...source }: ExplainOptions,
  io: Pick<Io, 'env' | 'stderr'>,
): Promise<Explained | number> {
  const client = await AdminClient.from({ ...source, url: running === '' ? undefined : running, key: adminKey }, io)
  if (typeof client === 'string') return failed(io, client, exit.failed)
  const query = new URLSearchParams({ model, path, seed: String(seed), stream: String(stream) })
  const lines = Array.from(telling(headers) ?? [], ([name, value]) => `${name}: ${value}`)
  if (lines.length > 0) query.set('headers', lines.join('\n'))
  const page = await client.get(`/explain?${query.toString()}`)
  if (typeof page === 'string') return failed(io, page, exit.failed)
  const read = v.safeParse(explanationSchema(), page)
  if (!read.success) {
    return failed(io, `Cannot read what ${client.address} told: is it of another version?`, exit.failed)
  }
  const hasKey = credentialHeaders.some((name) => headers.has(name))
  const key = hasKey
    ? { accepted: null, says: 'not checked: the keys of clients are not sent to a running process' }
    : null
  return { from: client.address, key, choice: read.output, refusal: null, switchedOff: null }
}

function failed(io: Pick<Io, 'stderr'>, why: string, code: number): number {
  io.stderr(`llm-proxy explain: ${why}\n`)
  return code
}
