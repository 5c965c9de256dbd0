import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Outcome } from '#core/exchange.ts'
import type { WorkerPlace } from '#core/status.ts'
import type { Story, StoryAttempt } from '#core/story.ts'
import type { Gateway } from '#gateway/gateway.ts'
import type { Connection } from '#gateway/incoming.ts'
import type { PoolGauges } from '#http1/pool.ts'
import { idsWhenHealthy } from '#route/course.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Masker } from '#telemetry/mask.ts'
import { beginsWith, type RecentRequests } from '#telemetry/recent.ts'
import type { NewsByRoute } from '#telemetry/route-news.ts'
import { concerns, type RunningStory } from '#telemetry/story.ts'
import { talkOfPath } from '#wire/talk.ts'
import { configPage, type LoadReport } from './admin-config.ts'
import { configPages, configStatusPage, isConfigPage, reloadPage, type ConfigPageParts } from './config-pages.ts'
import { clearCache } from './admin-cache.ts'
import { resetCredentials } from './admin-credentials.ts'
import { explainPage } from './admin-explain.ts'
import { AdminGuard } from './admin-guard.ts'
import { probeHeaders, probeStream } from './admin-probe.ts'
import type { UsageBook, UsageStreams } from './usage-pages.ts'
import { readNumber, readQuery, readWord } from './admin-query.ts'
import { routesPage } from './admin-routes.ts'
import { statusPage } from './admin-status.ts'
import type { Target } from './guard.ts'
import { health } from './health.ts'

/** What the pages are made from. */
export interface AdminParts {
  readonly gateway: Pick<
    Gateway,
    | 'current'
    | 'clock'
    | 'breakers'
    | 'budgets'
    | 'cache'
    | 'credentials'
    | 'figures'
    | 'health'
    | 'ids'
    | 'random'
    | 'live'
    | 'log'
  >
  readonly recent: RecentRequests
  readonly news: NewsByRoute
  readonly masker: Masker
  readonly version: string
  /** Wall clock. */
  readonly startedMs: number
  /** Undefined where one process serves alone. */
  readonly worker?: WorkerPlace | undefined
  isDraining(): boolean
  /** Reads the configuration anew; resolves when that is over, whatever came of it. */
  reload(): Promise<void>
  pools(): readonly PoolGauges[]
  loadReport(): LoadReport
  /** What requests took; absent: nobody counts. */
  readonly usage?: UsageBook | undefined
}

/** The pages behind the scenes, as JSON for programs: past requests, routes, the configuration, what would be asked. */
export class AdminPages {
  readonly #parts: AdminParts
  readonly #guard: AdminGuard
  #usageStreams: UsageStreams | undefined

  constructor(parts: AdminParts) {
    this.#parts = parts
    this.#guard = new AdminGuard(parts.gateway.clock)
  }

  /** Is it the path of a page, known or not? A slash at the end of the first one makes it another path. */
  covers(path: string): boolean {
    const { admin } = this.#parts.gateway.current()
    if (isConfigPage(path) || (isUsagePath(path) && this.#parts.usage !== undefined)) return true
    return (
      path.startsWith(admin.path) && (path.length === admin.path.length || /^\/./.test(path.slice(admin.path.length)))
    )
  }

  /** Are there any pages for this client? It may still lack the key. */
  isThereFor(request: Request, connection: Connection): boolean {
    return !this.#guard.hidesFrom(request, connection, this.#parts.gateway.current())
  }

  /** Is it an admin who looks at a page that is not one of these? `hidden`: nobody is one here, whatever key it has. */
  judgeAside(request: Request, connection: Connection): 'welcome' | 'hidden' | Refusal {
    return this.#guard.judgeAside(request, connection, this.#parts.gateway.current())
  }

  /** Undefined: for this client there are no such pages. */
  async answer(request: Request, connection: Connection, target: Target): Promise<Response | Refusal | undefined> {
    const snapshot = this.#parts.gateway.current()
    const name = target.path.slice(snapshot.admin.path.length)
    const isConfig = isConfigPage(target.path)
    const isPosted = isConfig ? target.path === configPages.reload : posted.has(name)
    const { admin } = snapshot
    const door = isConfig ? admin.configDoor : admin
    const allow = isPosted ? ['POST'] : undefined
    const verdict = this.#guard.judge(request, connection, snapshot, { allow, door })
    if (verdict === 'hidden') return undefined
    if (isRefusal(verdict)) return verdict
    if (isConfig) return await this.#configPage(target.path)
    if (isUsagePath(target.path)) return await this.#usage(target, request.method)
    if (name === '/sse-probe') return this.#probe(request)
    const page = await this.#page(name, target.query, snapshot)
    if (typeof page === 'string') return this.#told(page, jsonHeaders)
    if (isRefusal(page)) return { ...page, message: this.#parts.masker.mask(page.message) }
    return this.#told(JSON.stringify(page), jsonHeaders)
  }

  /** Loaded when somebody looks: a start needs no sums. */
  async #usage({ path, query }: Target, method: string): Promise<Response | Refusal> {
    const { usage, recent, gateway, masker } = this.#parts
    if (path === usagePaths.budgets) return await this.#budgets(query)
    if (usage === undefined || gateway.current().usage === undefined) return notCounted
    const { UsageStreams: Streams, usageSummary } = await import('./usage-pages.ts')
    const parts = {
      ledger: usage.ledger,
      refresh: () => usage.refresh(),
      firstDay: (days: number) => usage.firstDay(days),
      clock: gateway.clock,
      recent: () => {
        const stories = recent.newest(recentMax, ({ attempts }) => attempts.length > 0)
        return stories.map(({ story }) => this.#shown(story, gateway.current()))
      },
    }
    if (path === usagePaths.summary) {
      const summary = usageSummary(parts, query)
      return isRefusal(summary) ? summary : this.#told(JSON.stringify(summary), jsonHeaders)
    }
    if (method === 'HEAD') return this.#told(null, probeHeaders)
    this.#usageStreams ??= new Streams(parts)
    const stream = this.#usageStreams.open(query)
    if (isRefusal(stream)) return { ...stream, message: masker.mask(stream.message) }
    return this.#told(stream, probeHeaders)
  }

  async #budgets(query: string): Promise<Response | Refusal> {
    const { gateway } = this.#parts
    const { budgetsPage } = await import('./budgets-page.ts')
    const page = budgetsPage(gateway, query)
    return isRefusal(page) ? page : this.#told(JSON.stringify(page), jsonHeaders)
  }

  async #configPage(path: string): Promise<Response> {
    const { gateway, masker } = this.#parts
    const parts: ConfigPageParts = {
      current: () => gateway.current(),
      reload: async () => await this.#parts.reload(),
      loadReport: () => this.#parts.loadReport(),
      masker,
    }
    const { status, body } = path === configPages.reload ? await reloadPage(parts) : configStatusPage(parts)
    const requestId = gateway.ids.requestId()
    const content = status === 200 ? body : { ...body, request_id: requestId }
    const response = this.#told(JSON.stringify(content), jsonHeaders, status)
    response.headers.set('x-request-id', requestId)
    return response
  }

  /** For those who look whether anybody is at an address of their own. */
  health(): Response {
    const { gateway, version } = this.#parts
    return this.#told(JSON.stringify(health(gateway.current(), version)), jsonHeaders)
  }

  /** A page, or its JSON. Texts of others in it are masked; names of the configuration are what they are. */
  async #page(name: string, query: string, snapshot: Snapshot): Promise<object | string | Refusal> {
    const { gateway, masker } = this.#parts
    if (name === '/requests') return await this.#requests(query, snapshot)
    if (name === '/explain') return explainPage(gateway, snapshot, query, masker)
    if (name === resetPath) return resetCredentials(gateway, query)
    const isKnown = pages.some(({ path }) => path === name) || /^\/requests\/./.test(name)
    if (!isKnown) {
      const paths = pages.map(({ path }) => `${snapshot.admin.path}${path}`)
      return refuse('route_not_found', `Cannot find this page: there are ${paths.join(', ')}`)
    }
    const none = readQuery(query, [])
    if (isRefusal(none)) return none
    if (name === '') return this.#contents(snapshot)
    if (name === '/status') return statusPage(snapshot, this.#parts)
    if (name === reloadPath) return await this.#reload()
    if (name === clearPath) return await clearCache(gateway.cache, snapshot.cache)
    if (name === '/routes') return routesPage(snapshot, gateway, this.#parts.pools())
    if (name === '/warnings') return await warningsPage()
    if (name === '/config') return configPage(snapshot, this.#parts.loadReport(), masker)
    return this.#request(name.slice('/requests/'.length), snapshot)
  }

  /** What serves after the configuration was read anew, and what was wrong with it otherwise. */
  async #reload(): Promise<object> {
    const { gateway, masker } = this.#parts
    const before = gateway.current().version
    await this.#parts.reload()
    const { version } = gateway.current()
    const { refused } = this.#parts.loadReport()
    return {
      version,
      isNew: version !== before,
      problems: refused?.problems.map((problem) => masker.mask(problem)) ?? [],
    }
  }

  #contents({ admin }: Snapshot): object {
    return {
      service: 'llm-proxy',
      version: this.#parts.version,
      pages: pages.map(({ path, shows }) => ({ path: `${admin.path}${path}`, shows })),
    }
  }

  /** The last requests, newest first, as JSON. */
  async #requests(query: string, snapshot: Snapshot): Promise<string | Refusal> {
    const asked = readQuery(query, ['limit', 'before', 'model', 'outcome', 'backend'])
    if (isRefusal(asked)) return asked
    const limit = readNumber('limit', asked.limit, { min: 1, max: limitMax, otherwise: 50 })
    const outcome = readWord('outcome', asked.outcome, outcomes)
    if (isRefusal(limit)) return limit
    if (isRefusal(outcome)) return outcome
    const { recent, gateway } = this.#parts
    const { model, backend } = asked
    const before = asked.before === undefined ? undefined : placeOf(recent, asked.before)
    if (isRefusal(before)) return before
    const stories = recent.newest(
      limit,
      (story) =>
        (model === undefined || story.model === model) &&
        (outcome === undefined || story.outcome === outcome) &&
        (backend === undefined || concerns(story, backend)),
      before,
    )
    const requests: string[] = []
    for (const [at, { story, number }] of stories.entries()) {
      // Requests of clients go on in between.
      if (at % breathEvery === breathEvery - 1) await new Promise<void>((resolve) => gateway.clock.soon(resolve))
      requests.push(JSON.stringify({ ...this.#shown(story, snapshot), number, wouldTry: wouldTry(snapshot, story) }))
    }
    const kept = { kept: recent.size - recent.strangers, keptMax: recent.countMax, keptWithoutKey: recent.strangers }
    return `${JSON.stringify(kept).slice(0, -1)},"requests":[${requests.join(',')}]}`
  }

  /** Masked once more: a secret may be newer than the story. */
  #shown<Told extends Story | RunningStory>(story: Told, { plans }: Snapshot): Told {
    const { masker } = this.#parts
    const { model, path, client, refusal, brokenBy, attempts, repinned } = story
    const masked = (text: string | undefined): string | undefined => (text === undefined ? text : masker.mask(text))
    return {
      ...story,
      model: model !== undefined && plans.has(model) ? model : masked(model),
      path: masker.mask(path),
      client: masked(client),
      refusal: refusal && { ...refusal, message: masker.mask(refusal.message) },
      brokenBy: masked(brokenBy),
      ...(repinned !== undefined && { repinned: { ...repinned, why: masker.mask(repinned.why) } }),
      attempts: attempts.map((attempt) => (attempt.message === undefined ? attempt : withMessage(attempt, masker))),
    }
  }

  #request(id: string, snapshot: Snapshot): object | Refusal {
    const { recent, gateway } = this.#parts
    const isLongEnough = id.length >= idCharactersMin
    const [told, ...others] = isLongEnough ? recent.named(id) : []
    if (told !== undefined && others.length === 0) return this.#shown(told.story, snapshot)
    const running = isLongEnough ? [...gateway.live].filter((exchange) => beginsWith(exchange.id, id)) : []
    const exchange = running.findLast((each) => each.id === id) ?? (running.length === 1 ? running[0] : undefined)
    if (told === undefined && exchange !== undefined) {
      return this.#shown(recent.tellRunning(exchange, gateway.clock.monotonicMs()), snapshot)
    }
    const what = isLongEnough
      ? told === undefined
        ? running.length === 0
          ? `none of the last ${recent.size} has this id`
          : `${running.length} that are under way have an id that begins like this, write more of it`
        : `${others.length + 1} of the last ${recent.size} have an id that begins like this, write more of it`
      : `write at least ${idCharactersMin} characters of its id`
    const kept = `${recent.countMax} are kept`
    return refuse('request_not_found', `Cannot find the request: ${what} (${kept}, see admin.keep_requests)`)
  }

  #probe({ method }: Request): Response {
    return this.#told(method === 'HEAD' ? null : probeStream(this.#parts.gateway.clock), probeHeaders)
  }

  #told(body: string | ReadableStream<Uint8Array> | null, headers: typeof jsonHeaders, status = 200): Response {
    const response = new Response(body, { status })
    for (const [name, value] of [...headers, ...commonHeaders]) response.headers.set(name, value)
    response.headers.set('x-request-id', this.#parts.gateway.ids.requestId())
    return response
  }
}

/** Loaded when somebody asks: a start needs no sentences. */
async function warningsPage(): Promise<object> {
  const { warningCodes } = await import('#translate/warning-codes.ts')
  return { warnings: Object.entries(warningCodes).map(([code, says]) => ({ code, says })) }
}

/** Where proxy-llm has them, whatever `admin.path` is. */
function isUsagePath(path: string): boolean {
  return path === usagePaths.summary || path === usagePaths.stream || path === usagePaths.budgets
}

const usagePaths = { summary: '/api/usage/summary', stream: '/api/usage/stream', budgets: '/api/budgets' } as const

const notCounted = refuse('route_not_found', 'Cannot show usage: nobody counts it, see usage.enabled')

/** Limit: requests that a summary tells by themselves. */
const recentMax = 20

/** The number of a request that is named by its id, or as `id~number` where several have it. */
function placeOf(recent: RecentRequests, asked: string): number | Refusal {
  const [, id = asked, digits] = /^(.*)~(\d+)$/.exec(asked) ?? []
  const found = recent.newest(2, (story) => story.id === id, digits === undefined ? Infinity : Number(digits) + 1)
  const [told] = found
  if (told !== undefined && (digits === undefined ? found.length === 1 : told.number === Number(digits))) {
    return told.number
  }
  const why =
    digits === undefined && told !== undefined
      ? 'several have the id of "before", write "<id>~<number>"'
      : '"before" is none of those that are kept'
  return refuse('request_not_found', `Cannot find older requests: ${why}`, { param: 'before' })
}

function withMessage(attempt: StoryAttempt, masker: Masker): StoryAttempt {
  return { ...attempt, message: masker.mask(attempt.message ?? '') }
}

/** Whom the running configuration would ask for such a request, in order, if everybody were well. */
function wouldTry({ plans }: Snapshot, { model, dialect, path, seed }: Story): readonly string[] {
  const plan = model === undefined ? undefined : plans.get(model)
  return plan === undefined ? [] : idsWhenHealthy(plan, { dialect, talk: talkOfPath(path) }, seed)
}

const jsonHeaders: readonly (readonly [name: string, value: string])[] = [['content-type', 'application/json']]

const commonHeaders: typeof jsonHeaders = [
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
]

/** Limit: requests on one page. */
const limitMax = 10_000

/** Shorter beginnings of an id say little more than its day. */
const idCharactersMin = 6

const breathEvery = 100

const outcomes: readonly Outcome[] = [
  'complete',
  'client_closed',
  'upstream_broke',
  'stalled',
  'shut_down',
  'refused',
  'failed',
]

/** The pages that change something. */
const resetPath = '/credentials/reset'
const reloadPath = '/reload'
const clearPath = '/cache/clear'
const posted: ReadonlySet<string> = new Set([resetPath, reloadPath, clearPath])

const pages: readonly { readonly path: string; readonly shows: string }[] = [
  { path: '', shows: 'this list' },
  { path: '/explain?model=', shows: 'who would be asked for a model now, and why (path, seed, stream, headers)' },
  { path: '/requests', shows: 'the last requests, newest first (limit, before, model, outcome, backend)' },
  { path: '/requests/{id}', shows: 'one request, by its id or by the beginning of it' },
  { path: '/routes', shows: 'every route with how it is doing, and the connections' },
  { path: resetPath, shows: 'by POST: ends the rests of credentials (backend, name)' },
  { path: '/status', shows: 'how everything is doing: what the status page at "/" shows' },
  { path: clearPath, shows: 'by POST: empties the cache of answers' },
  { path: reloadPath, shows: 'by POST: reads the configuration anew' },
  { path: '/config', shows: 'the running configuration, and what was wrong with a newer one' },
  { path: '/warnings', shows: 'what the codes of x-llm-proxy-warnings say' },
  { path: '/sse-probe', shows: 'five events 200 ms apart, to find out what collects streams in between' },
]
