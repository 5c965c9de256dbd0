import { Cache, type CacheParts } from '#cache/cache.ts'
import { HealthTask } from '#boot/health-task.ts'
import { loadConfig } from '#config/load.ts'
import { formatProblem } from '#config/problem.ts'
import type { Exchange } from '#core/exchange.ts'
import type { CompileProblem } from '#core/problem.ts'
import { Credentials } from '#credential/credentials.ts'
import { Repeats } from '#idempotency/repeats.ts'
import { Tokens } from '#identity/tokens.ts'
import { HookBook } from '#hook/book.ts'
import { compileHooks, type HookSources } from '#hook/compile.ts'
import { Roster } from '#kit/roster.ts'
import { Budgets } from '#limit/budget.ts'
import { Limits, type LimitParts } from '#limit/limits.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Translator, type MediaSource } from '#gateway/translator.ts'
import type { Level, Log, LogFields } from '#ports/log.ts'
import { HeaderList } from '#kit/header-list.ts'
import { seededRandom } from '#ports/random.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { Figures } from '#route/figures.ts'
import { createApp } from '#server/app.ts'
import { LinkTable } from '#snapshot/links.ts'
import { compileSnapshot, movedKeysOf, planNamesOf, stateKeysOf } from '#snapshot/compile.ts'
import { checkedBackends } from '#snapshot/health.ts'
import { Holder } from '#snapshot/holder.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { Breakers } from '#upstream/breaker.ts'
import { Health } from '#upstream/health.ts'
import { PriceBook } from '#usage/price-book.ts'
import { fakeSecretFiles, type Surroundings } from './config.ts'
import { FakeClock } from './fake-clock.ts'
import { bodyFrom, sentBy } from './upstream.ts'

export interface LogLine {
  readonly level: Level
  readonly event: string
  readonly fields: LogFields
}

/** A whole gateway in process: real config, real app, real road; fake time, chance by seed, and upstreams by script. */
export interface Road {
  readonly gateway: Gateway
  readonly clock: FakeClock
  readonly settled: Exchange[]
  /** Every request that reached an upstream. */
  readonly sent: OutgoingRequest[]
  readonly lines: LogLine[]
  /** Sends a request as a client would. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** POST /v1/chat/completions for an alias. */
  chat(model: string, extra?: Record<string, unknown>, init?: RequestInit): Promise<Response>
  /** Swaps the configuration, as a reload does. */
  reload(yaml: string): Promise<void>
  /** Has backends checked from now on, as the program does from its start; what it gives ends that. */
  startChecks(): () => void
  /** Backends that were asked, as `backend/model`, in order. */
  tried(): string[]
  setDraining(): void
  /** What each request set its connection's patience to, in seconds, in order. */
  readonly patience: number[]
}

export type Upstream = (request: OutgoingRequest, road: { readonly clock: FakeClock }) => Arrival | Promise<Arrival>

type Arrival = Response | IncomingResponse | TransportFailure

/** `around`: variables and files that the configuration may name, and what stands at addresses that clients name. */
export async function openRoad(
  yaml: string,
  upstream: Upstream,
  seed = 1,
  around: Pick<Surroundings, 'env' | 'files'> & {
    readonly media?: MediaSource
    /** What the files of `hooks` export, by path. */
    readonly hookModules?: Readonly<Record<string, unknown>>
    readonly openRedis?: LimitParts['openRedis']
    readonly openStore?: CacheParts['openStore']
  } = {},
): Promise<Road> {
  const clock = new FakeClock()
  const sent: OutgoingRequest[] = []
  const settled: Exchange[] = []
  const lines: LogLine[] = []
  const holder = new Holder(await snapshotOf(yaml, 1, around))
  const draining = { now: false }
  const patience: number[] = []
  let ids = 0
  const transport: Transport = {
    async send(request) {
      sent.push(request)
      const answer = await upstream(request, { clock })
      return answer instanceof Response ? await arriving(answer) : answer
    },
  }
  const log: Log = {
    write: (level, event, fields = {}) => void lines.push({ level, event, fields }),
    keeps: () => true,
  }
  const credentials = new Credentials({ clock, transport, files: fakeSecretFiles(around.files), log })
  credentials.adopt(holder.current().credentials)
  const tokens = new Tokens({ clock, transport, log })
  tokens.adopt(holder.current().keys.tokens)
  const health = new Health()
  const checks = new HealthTask({ clock, random: seededRandom(seed + 1), transport, credentials, log, health })
  checks.adopt(checkedBackends(holder.current()))
  const wheel = new TimerWheel(clock)
  const gateway: Gateway = {
    current: () => holder.current(),
    breakers: new Breakers(),
    credentials,
    tokens,
    health,
    figures: new Figures(),
    limits: new Limits({ clock, wheel, log, ...(around.openRedis && { openRedis: around.openRedis }) }),
    cache: new Cache({ clock, log, ...(around.openStore && { openStore: around.openStore }) }),
    hooks: new HookBook(),
    prefillRefusers: new Set(),
    translator: new Translator(clock, around.media),
    live: new Roster(),
    sinks: [
      { settled: (exchange) => void settled.push(exchange) },
      { settled: (exchange) => holder.current().hooks?.tell?.(gateway, exchange) },
      checks,
    ],
    clock,
    wheel,
    random: seededRandom(seed),
    ids: { requestId: () => `req_${String((ids += 1)).padStart(24, '0')}` },
    transport,
    log,
    prices: new PriceBook(),
    repeats: new Repeats(clock),
    budgets: new Budgets({ clock, log }),
  }
  gateway.limits.adopt(holder.current().limits)
  gateway.cache?.adopt(holder.current().cache)
  const app = createApp(gateway, { version: 'test', isDraining: () => draining.now })
  const fetch: Road['fetch'] = async (path, init = {}) => {
    const body = init.body
    const headers = new Headers(init.headers)
    if (typeof body === 'string') headers.set('content-length', String(Buffer.byteLength(body)))
    const request = new Request(`http://gateway${path}`, { ...init, headers })
    return await app(request, { peer: '127.0.0.1', patience: (seconds) => void patience.push(seconds) })
  }
  return {
    gateway,
    clock,
    settled,
    sent,
    lines,
    fetch,
    chat: async (model, extra = {}, init = {}) =>
      await fetch('/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...extra }),
        ...init,
      }),
    async reload(next) {
      const snapshot = await snapshotOf(next, holder.current().version + 1, around)
      credentials.adopt(snapshot.credentials)
      tokens.adopt(snapshot.keys.tokens)
      const moved = movedKeysOf(holder.swap(snapshot), snapshot)
      gateway.breakers.retain(stateKeysOf(snapshot))
      gateway.figures.retain(stateKeysOf(snapshot), planNamesOf(snapshot))
      gateway.breakers.forget(moved)
      gateway.figures.forget(moved)
      gateway.limits.adopt(snapshot.limits)
      gateway.cache?.adopt(snapshot.cache)
      gateway.repeats?.adopt(snapshot.idempotency)
      gateway.budgets?.retain(snapshot.budgets)
      checks.adopt(checkedBackends(snapshot))
    },
    startChecks() {
      const end = new AbortController()
      checks.start(end.signal)
      return () => end.abort()
    },
    tried: () => sent.map((request) => `${request.url.hostname}/${modelOf(request)}`),
    patience,
    setDraining: () => void (draining.now = true),
  }
}

/** A good answer of a chat backend. */
export function chatAnswer(text = 'hello'): Response {
  return Response.json({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'upstream',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  })
}

/** A server-sent event stream of the given parts, each a chunk of its own; `how` it ends. */
export function eventStream(parts: readonly string[], how: 'clean' | 'cut' | 'open' = 'clean'): Response {
  const encoder = new TextEncoder()
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const part = parts[at]
      at += 1
      if (part !== undefined) return controller.enqueue(encoder.encode(part))
      if (how === 'clean') return controller.close()
      if (how === 'cut') return controller.error(broken('body'))
      await new Promise(() => {})
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

export function broken(phase: TransportFailure['phase'], cause: TransportFailure['cause'] = 'reset'): TransportFailure {
  return { kind: 'transport_failure', phase, cause, message: `the connection broke in ${phase}` }
}

/** The model that a JSON request names; empty when there is none. */
export function modelOf(request: OutgoingRequest): string {
  const body: unknown = JSON.parse(sentBy(request).toString() || '{}')
  return typeof body === 'object' && body !== null && 'model' in body ? String(body.model) : ''
}

async function snapshotOf(
  yaml: string,
  version: number,
  {
    env = {},
    files,
    hookModules = {},
  }: Pick<Surroundings, 'env' | 'files'> & { readonly hookModules?: Readonly<Record<string, unknown>> },
): Promise<Snapshot> {
  const loaded = await loadConfig({ file: 'config.yaml', text: yaml, env, files: fakeSecretFiles(files) })
  const { config } = loaded
  if (config === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const ofHooks: CompileProblem[] = []
  const links = new LinkTable(config)
  const sources: HookSources = {
    // Other functions are another file.
    moduleOf: (file) => ({ module: hookModules[file], digest: Object.values(hookModules[file] ?? {}).join('\n') }),
    linkTo: (url) => links.plainLinkTo(url),
  }
  const hooks = config.hooks && compileHooks(config.hooks, sources, ofHooks)
  const { snapshot, problems } = compileSnapshot(config, {
    version,
    digest: loaded.digest,
    file: 'config.yaml',
    offBackends: new Set(),
    secrets: [],
    outside: loaded.outside,
    prompts: loaded.prompts,
    hooks: { hooks, problems: ofHooks },
  })
  if (snapshot === undefined) throw new Error(problems.map((problem) => problem.message).join('\n'))
  return snapshot
}

/** Streams come in pieces, and what says to be chunked; everything else together with its head. */
async function arriving(answer: Response): Promise<IncomingResponse> {
  const isStream =
    answer.headers.get('content-type')?.startsWith('text/event-stream') === true ||
    answer.headers.get('transfer-encoding') === 'chunked'
  const body = isStream && answer.body !== null ? bodyFrom(answer.body) : new WholeBody(await answer.bytes())
  const headers = HeaderList.from(answer.headers)
  return { kind: 'response', status: answer.status, headers, sentMs: undefined, body }
}
