import { Hono, type Context } from 'hono'
import type { Dialect } from '#core/dialect.ts'
import type { Endpoint } from '#core/endpoint.ts'
import type { Plan } from '#core/plan.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { handle } from '#gateway/handle.ts'
import type { Connection } from '#gateway/incoming.ts'
import { queryCredential } from '#gateway/query.ts'
import { asksForWebSocket, tunnel } from '#gateway/tunnel.ts'
import { refusalResponse } from '#gateway/turn-away.ts'
import { givenId, requestIdFor } from '#gateway/request-id.ts'
import type { Caller } from '#core/caller.ts'
import { identifyAny } from '#identity/identify.ts'
import { visibleModels } from '#identity/permit.ts'
import { percentDecoded } from '#kit/percent.ts'
import { modelHeader } from '#route/owned-id.ts'
import { serviceOf } from '#route/service-path.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { AdminPages } from './admin.ts'
import { clientAddress, ClientBehind } from './client-ip.ts'
import { isPreflight, objectionToName, objectionToPage, objectionToSite, preflightAnswer, shownTo } from './cors.ts'
import {
  endpoints,
  geminiEndpoint,
  isOfWholeAccount,
  otherEndpoint,
  rawEndpoint,
  resourceEndpoint,
  saysJson,
  tunnelEndpoint,
} from './endpoints.ts'
import { dialectOfPath, envelopeOf, isClientPath } from '#wire/dialect.ts'
import { readModelPath } from '#wire/model-path.ts'
import { idsOfPath, isClosedPath, readResourcePath } from '#wire/resource-path.ts'
import { forwardedTarget } from './forward-proxy.ts'
import { objectionTo, objectionToBody, targetOf, type Pressure, type Target } from './guard.ts'
import { HealthDesk, isStatusPath } from './health-pages.ts'
import type { MetricsPage } from './metrics-page.ts'
import { viewerOfModels } from './model-viewer.ts'
import { modelEntry, modelList, modelListForm, ollamaVersion } from './models.ts'
import type { StatusPage } from './page.ts'

export interface AppState {
  readonly version: string
  /** True from the first stop signal on: new work is refused, running streams finish. */
  isDraining(): boolean
  /** The file has a content that cannot be used. Absent: nobody watches it. */
  isConfigRefused?(): boolean
  /** What is to be kept in a file is not. Absent: nothing is. */
  isStorageFailing?(): boolean
  /** Undefined: nobody watches. */
  readonly pressure?: Pressure
  /** Undefined: they have a listener of their own, or there are none. */
  readonly admin?: AdminPages | undefined
  /** For browsers. Undefined: there is none. */
  readonly page?: StatusPage | undefined
  /** Undefined: they have a listener of their own, or nobody counts. */
  readonly metrics?: MetricsPage | undefined
}

interface Env {
  Bindings: Surroundings
}

interface Surroundings {
  readonly connection: Connection
  readonly target: Target
}

interface Served extends Surroundings {
  readonly plan?: Plan
}

/** The whole public surface: one function from request to response. */
export function createApp(gateway: Gateway, state: AppState): App {
  const app = streetMap(gateway, state)
  const { admin, page, version, metrics } = state
  const isConfigRefused = (): boolean => state.isConfigRefused?.() === true
  const isStorageFailing = (): boolean => state.isStorageFailing?.() === true
  const isDraining = (): boolean => state.isDraining()
  const health = new HealthDesk({ gateway, version, isDraining, isConfigRefused, isStorageFailing, admin })
  const endpointByPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]))
  // Apart from `lead`, where a closure over the request would be paid for with each model request.
  const elsewhere = (request: Request, surroundings: Surroundings): Response | Promise<Response> => {
    const { path } = surroundings.target
    const { services } = gateway.current()
    if (admin?.covers(path) === true) {
      // Whoever may not know of the pages learns of no such path, and nobody else is asked for them.
      const nothing = (): Response => refused(gateway, request, surroundings, unknownPath)
      return showAdmin(gateway, admin, request, surroundings, nothing)
    }
    const others = (): Response | Promise<Response> => app.fetch(request, surroundings)
    if (page?.covers(request, surroundings.target) === true) {
      return showPage(gateway, page, request, surroundings, others)
    }
    if (metrics?.covers(path) === true) {
      return showMetrics(gateway, metrics, request, surroundings, others)
    }
    if (health.covers(path)) return healthFor(gateway, health, request, surroundings)
    if (services.byName.size > 0 && serviceOf(services, path) !== undefined) {
      return serve(gateway, state, rawEndpoint(surroundings.target, request.method, services), request, surroundings)
    }
    return app.fetch(request, surroundings)
  }
  // Nothing between listener and road waits, so nothing there is async.
  const lead = (request: Request, connection: Connection, target: Target): Response | Promise<Response> => {
    const { forwarding } = gateway.current()
    const meant = forwarding && forwardedTarget(request, connection, target, forwarding, health.covers(target.path))
    if (isRefusal(meant)) return closing(refused(gateway, request, { connection, target }, meant, 'raw'))
    const objection = objectionTo(request, target)
    if (objection !== undefined) return closing(refused(gateway, request, { connection, target }, objection))
    if (meant !== undefined) {
      return serve(gateway, state, rawEndpoint(meant.target, request.method), request, { connection, ...meant })
    }
    const strange = objectionToName(request, gateway.current())
    if (strange !== undefined) return closing(refused(gateway, request, { connection, target }, strange))
    if (asksForWebSocket(request)) {
      const leadsToUs =
        admin?.covers(target.path) === true || health.covers(target.path) || metrics?.covers(target.path) === true
      const way = leadsToUs ? undefined : wayOfTunnel(gateway.current(), target)
      if (way !== undefined) return openTunnel(gateway, state, way, request, { connection, target })
    }
    // Nearly all requests are for one of a few paths, and those are found without a router.
    const endpoint = request.method === 'POST' ? endpointByPath.get(target.path) : undefined
    if (endpoint !== undefined) return serve(gateway, state, endpoint, request, { connection, target })
    return elsewhere(request, { connection, target })
  }
  return (request, connection): Response | Promise<Response> => {
    const target = targetOf(request)
    const snapshot = gateway.current()
    const objection = snapshot.keys.isOpen ? objectionToSite(request, snapshot) : undefined
    // Who follows a link to the status page is welcome there.
    if (objection !== undefined && !(target.path === '/' && page?.covers(request, target) === true)) {
      return refused(gateway, request, { connection, target }, objection)
    }
    const origin = request.headers.get('origin')
    // The admin pages are for programs and for the page beside them, and see to it themselves.
    if (origin === null || (admin?.covers(target.path) === true && !isForwarded(request, snapshot, target))) {
      return lead(request, connection, target)
    }
    return leadPage(gateway, origin, request, { connection, target }, lead)
  }
}

type Lead = (request: Request, connection: Connection, target: Target) => Response | Promise<Response>

/** Is it for the host of a backend? */
function isForwarded({ headers }: Request, { forwarding }: Snapshot, { path }: Target): boolean {
  return forwarding?.wayTo(headers.get('host') ?? '', path) !== undefined
}

/** A web page asks. */
function leadPage(
  gateway: Gateway,
  origin: string,
  request: Request,
  { connection, target }: Surroundings,
  lead: Lead,
): Response | Promise<Response> {
  const snapshot = gateway.current()
  const { cors, services } = snapshot
  if (cors !== undefined && isPreflight(request, serviceOf(services, target.path) !== undefined)) {
    return preflightAnswer(request, cors, requestIdFor(request.headers, gateway))
  }
  const objection = objectionToPage(origin, request, snapshot)
  const answer =
    objection === undefined
      ? lead(request, connection, target)
      : refused(gateway, request, { connection, target }, objection)
  if (cors === undefined) return answer
  return answer instanceof Response
    ? shownTo(origin, cors, answer)
    : answer.then((response) => shownTo(origin, cors, response))
}

/** The admin pages at an address of their own, and nothing else but a sign of life. */
export function createAdminApp(gateway: Gateway, admin: AdminPages, page?: StatusPage): App {
  return (request, connection): Response | Promise<Response> => {
    const surroundings = { connection, target: targetOf(request) }
    const objection = objectionTo(request, surroundings.target)
    if (objection !== undefined) return refused(gateway, request, surroundings, objection)
    if (surroundings.target.path === '/health' && isRead(request.method)) return admin.health()
    const nothing = (): Response => refused(gateway, request, surroundings, noSuchPath)
    if (page?.covers(request, surroundings.target) === true) {
      return showPage(gateway, page, request, surroundings, nothing)
    }
    return admin.covers(surroundings.target.path)
      ? showAdmin(gateway, admin, request, surroundings, nothing)
      : nothing()
  }
}

/** Figures at an address of their own, and nothing else but a sign of life. */
export function createMetricsApp(gateway: Gateway, metrics: MetricsPage): App {
  return (request, connection): Response | Promise<Response> => {
    const surroundings = { connection, target: targetOf(request) }
    const { path } = surroundings.target
    const objection = objectionTo(request, surroundings.target)
    if (objection !== undefined) return refused(gateway, request, surroundings, objection)
    if (path === '/health' && isRead(request.method)) return new Response('ok')
    const nothing = (): Response => refused(gateway, request, surroundings, noSuchPath)
    return metrics.covers(path) ? showMetrics(gateway, metrics, request, surroundings, nothing) : nothing()
  }
}

export type App = (request: Request, connection: Connection) => Response | Promise<Response>

/** Path → room, and nothing else. */
function streetMap(gateway: Gateway, state: AppState): Hono<Env> {
  const startedMs = gateway.clock.wallMs()
  // The router must see the very string that everything else uses.
  const app = new Hono<Env>({ getPath: (_request, options) => options?.env?.target.path ?? '/' })
  const here = (c: Context<Env>, refusal: Refusal): Response => refused(gateway, c.req.raw, c.env, refusal)

  const model = (c: Context<Env>, endpoint: Endpoint): Response | Promise<Response> =>
    serve(gateway, state, endpoint, c.req.raw, c.env)

  const raw = (c: Context<Env>): Response | Promise<Response> => model(c, rawEndpoint(c.env.target, c.req.method))

  /** What nobody here can serve is for those who take everything. */
  const otherwise = (c: Context<Env>, refusal: Refusal): Response | Promise<Response> =>
    gateway.current().passthrough === undefined ? here(c, refusal) : raw(c)

  const list = (c: Context<Env>): Response | Promise<Response> => {
    const snapshot = gateway.current()
    const { headers } = c.req.raw
    // Where no alias is, all models are somebody else's.
    if (snapshot.passthrough !== undefined && snapshot.plans.size === 0) return raw(c)
    const { query } = c.env.target
    const client = new ClientBehind(c.env.connection, headers, snapshot.trustedProxies)
    const viewer = viewerOfModels(gateway, snapshot, { headers, query, client })
    return viewer instanceof Promise
      ? viewer.then(async (known) => await listFor(c, snapshot, known))
      : listFor(c, snapshot, viewer)
  }

  const listFor = (
    c: Context<Env>,
    snapshot: Snapshot,
    viewer: Caller | Refusal | undefined,
  ): Response | Promise<Response> => {
    if (isRefusal(viewer)) return here(c, viewer)
    const { headers } = c.req.raw
    const aliases = visibleModels(snapshot.aliases, viewer)
    const { path, query } = c.env.target
    const dialect = dialectOfPath(path)
    const form = dialect === 'gemini' || dialect === 'ollama' ? dialect : modelListForm(headers, query)
    const name = modelNameOf(path)
    if (name === undefined) return told(gateway, c, c.json(modelList(form, aliases, startedMs, query)))
    if (aliases.includes(name)) return told(gateway, c, c.json(modelEntry(form, name, startedMs)))
    return otherwise(
      c,
      refuse('model_not_found', `Cannot show model "${name.slice(0, 64)}": there is no alias of this name`, {
        param: 'model',
      }),
    )
  }

  // One handler per path: what matches once needs no chain of handlers, which would double the cost of a request.
  const get = (path: string, handler: (c: Context<Env>) => Response | Promise<Response>): void => {
    app.all(path, (c): Response | Promise<Response> =>
      isRead(c.req.method) ? handler(c) : otherwise(c, wrongMethod(c, 'GET')),
    )
  }
  // Clients probe the base URL before their first call.
  get('/', (c): Response | Promise<Response> => {
    if (gateway.current().passthrough !== undefined) return raw(c)
    return told(gateway, c, c.json({ service: 'llm-proxy', endpoints: publicPaths }))
  })
  for (const path of ['/v1/models', '/models', '/v1beta/models', '/v1alpha/models', '/api/tags']) get(path, list)
  get('/api/version', (c): Response | Promise<Response> => {
    const { passthrough, plans } = gateway.current()
    return passthrough !== undefined && plans.size === 0 ? raw(c) : told(gateway, c, c.json(ollamaVersion))
  })
  // A POST to one of these does not come here.
  for (const { path } of endpoints)
    app.all(path, (c): Response | Promise<Response> => otherwise(c, wrongMethod(c, 'POST')))
  // What no row matches: a model's name in the path, or any other path that a provider may know.
  app.notFound((c): Response | Promise<Response> => {
    const { path, query } = c.env.target
    const { method } = c.req
    const { ownedIds, passthrough, plans, services } = gateway.current()
    if (/^\/v1(beta|alpha)?\/models\/./.test(path)) {
      if (method === 'POST') {
        // Without a verb it asks no model that we could name.
        const isOurs = passthrough === undefined || readModelPath(path) !== undefined
        return isOurs ? model(c, geminiEndpoint(path, query)) : raw(c)
      }
      return isRead(method) ? list(c) : otherwise(c, wrongMethod(c, 'GET, POST'))
    }
    const { resources } = ownedIds
    const isClosed = isClosedPath(path) || (resources === 'own' && isOfWholeAccount(method, path))
    const isServed = plans.size > 0 && resources !== 'off' && !isClosed
    const resource = isServed ? resourceEndpoint(method, c.env.target, c.req.raw.headers) : undefined
    if (resource !== undefined && (passthrough === undefined || isOfAlias(gateway, c.req.raw, c.env.target))) {
      return model(c, resource)
    }
    const mayNameModel = !isClosed && path.startsWith('/v1/') && ['POST', 'PUT', 'PATCH'].includes(method)
    if (mayNameModel && (passthrough === undefined || (plans.size > 0 && saysJson(c.req.raw.headers)))) {
      return model(c, otherEndpoint(path, passthrough !== undefined))
    }
    // Whoever means a service that there is not, is told so as services tell it.
    if (passthrough !== undefined || (services.byName.size > 0 && !isClientPath(path))) return raw(c)
    return here(c, unknownPath)
  })
  app.onError((error, c) => failed(gateway, error, c.env.target))
  return app
}

/** A model request, on its way down the road. */
function serve(
  gateway: Gateway,
  state: AppState,
  endpoint: Endpoint,
  request: Request,
  { connection, target, plan: forwarded }: Served,
): Response | Promise<Response> {
  const dialect = envelopeOf(endpoint.dialect, target.path)
  if (state.isDraining()) return closing(refused(gateway, request, { connection, target }, stopping, dialect))
  const overload = objectionToBody(request, state.pressure)
  // What flows through takes no memory, unless somebody has to look into it.
  if (overload !== undefined && endpoint.reads !== 'nothing')
    return closing(refused(gateway, request, { connection, target }, overload, dialect))
  const client = new ClientBehind(connection, request.headers, gateway.current().trustedProxies)
  return handle(gateway, {
    request,
    endpoint,
    path: target.path,
    query: target.query,
    client,
    connection,
    forwarded,
    overload,
  })
}

/** What a WebSocket at this path is for; undefined: none can be had there. */
function wayOfTunnel({ services, passthrough, plans }: Snapshot, target: Target): Endpoint | undefined {
  const { path, query } = target
  if (serviceOf(services, path) !== undefined) return rawEndpoint(target, 'GET')
  const mayNameAlias =
    path.startsWith('/v1/') && !isClosedPath(path) && path !== '/v1/models' && !path.startsWith('/v1/models/')
  if (mayNameAlias && (passthrough === undefined || (plans.size > 0 && /(?:^|&)model=./.test(query)))) {
    return tunnelEndpoint(path)
  }
  return passthrough === undefined ? undefined : rawEndpoint(target, 'GET')
}

function openTunnel(
  gateway: Gateway,
  state: AppState,
  endpoint: Endpoint,
  request: Request,
  { connection, target }: Surroundings,
): Response | Promise<Response> {
  if (state.isDraining()) return closing(refused(gateway, request, { connection, target }, stopping))
  const client = new ClientBehind(connection, request.headers, gateway.current().trustedProxies)
  return tunnel(gateway, { request, endpoint, path: target.path, query: target.query, client, connection })
}

/** For those who may not know of the pages, the path is like any other: `others` answers. */
async function showAdmin(
  gateway: Gateway,
  admin: AdminPages,
  request: Request,
  surroundings: Surroundings,
  others: () => Response | Promise<Response>,
): Promise<Response> {
  try {
    const answer = await admin.answer(request, surroundings.connection, surroundings.target)
    if (answer === undefined) return await others()
    if (!isRefusal(answer)) return named(gateway, answer, request)
    const refusal = refused(gateway, request, surroundings, answer)
    refusal.headers.set('cache-control', 'no-store')
    return refusal
  } catch (error) {
    return failed(gateway, error, surroundings.target)
  }
}

/** Figures for programs. `others` answers where none are shown any more. */
async function showMetrics(
  gateway: Gateway,
  metrics: MetricsPage,
  request: Request,
  surroundings: Surroundings,
  others: () => Response | Promise<Response>,
): Promise<Response> {
  try {
    const answer = await metrics.answer(request, surroundings.connection, surroundings.target)
    if (answer === undefined) return await others()
    return isRefusal(answer) ? refused(gateway, request, surroundings, answer) : answer
  } catch (error) {
    return failed(gateway, error, surroundings.target)
  }
}

/** A file that the page does not have is a path like any other. */
async function showPage(
  gateway: Gateway,
  page: StatusPage,
  request: Request,
  surroundings: Surroundings,
  others: () => Response | Promise<Response>,
): Promise<Response> {
  try {
    const answer = await page.answer(request, surroundings.connection, surroundings.target)
    return answer === undefined ? await others() : named(gateway, answer, request)
  } catch (error) {
    return failed(gateway, error, surroundings.target)
  }
}

/** Whose token it is, is found out first: the pages themselves do not wait. */
function healthFor(
  gateway: Gateway,
  health: HealthDesk,
  request: Request,
  surroundings: Surroundings,
): Response | Promise<Response> {
  const { keys } = gateway.current()
  const show = (): Response => showHealth(gateway, health, request, surroundings)
  if (keys.tokens.length === 0) return show()
  const inQuery = queryCredential(surroundings.target.query)
  const caller = identifyAny(request.headers, inQuery, keys, gateway.clock.wallMs(), gateway.tokens)
  return caller instanceof Promise ? caller.then(show) : show()
}

/** How we and our backends are. Programs that ask for the latter take errors as services give them. */
function showHealth(gateway: Gateway, health: HealthDesk, request: Request, surroundings: Surroundings): Response {
  const { connection, target } = surroundings
  const answer = health.answer(request, connection, target)
  if (!isRefusal(answer)) return named(gateway, answer, request)
  return refused(gateway, request, surroundings, answer, isStatusPath(target.path) ? 'raw' : undefined)
}

/** The answer of a page, under the id that its client gave the request, if it gave any. */
function named(gateway: Gateway, answer: Response, { headers }: Request): Response {
  const id = givenId(headers, gateway.current().secrets)
  if (id !== undefined) answer.headers.set('x-request-id', id)
  return answer
}

/** A refusal beside the road. No exchange is opened for it, so its line is written here. */
function refused(
  gateway: Gateway,
  request: Request,
  { connection, target }: Surroundings,
  refusal: Refusal,
  dialect: Dialect = dialectFor(gateway, target.path),
): Response {
  const requestId = requestIdFor(request.headers, gateway)
  gateway.onTurnedAway?.(refusal)
  if (gateway.log.keeps('warn')) {
    gateway.log.write('warn', 'request_refused', {
      requestId,
      status: refusal.status,
      code: refusal.code,
      client: clientAddress(connection.peer, request.headers, gateway.current().trustedProxies),
      method: request.method,
      path: target.path,
      reason: refusal.message,
    })
  }
  return refusalResponse(refusal, dialect, requestId)
}

/** How errors are told where the road has no say; who serves raw requests tells them flat, beside the paths of models. */
function dialectFor(gateway: Gateway, path: string): Dialect {
  const { forwarding, passthrough, services } = gateway.current()
  const isPlain = forwarding === undefined && passthrough === undefined && services.byName.size === 0
  return isPlain ? dialectOfPath(path) : envelopeOf('raw', path)
}

/** Something beside the road threw. */
function failed(gateway: Gateway, error: unknown, { path }: Target): Response {
  const requestId = gateway.ids.requestId()
  gateway.log.write('error', 'internal_error', {
    requestId,
    reason: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
  })
  const refusal = refuse('internal_error', 'Cannot answer the request: the gateway failed, its log tells more')
  return refusalResponse(refusal, dialectFor(gateway, path), requestId)
}

const noSuchPath = refuse('route_not_found', 'Cannot find this path: this address serves none such')

const stopping = refuse('shutting_down', 'Cannot accept the request: the server is shutting down', {
  retryAfterMs: 1000,
})

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function wrongMethod(c: Context<Env>, allow: string): Refusal {
  return refuse('method_not_allowed', `Cannot serve ${c.req.method} on this path: it takes ${allow}`, { allow })
}

const publicPaths = [
  ...endpoints.slice(0, 3).map((endpoint) => endpoint.path),
  '/v1/embeddings',
  '/v1/messages',
  '/v1beta/models/{model}:generateContent',
  '/v1/models',
  '/health',
  '/ready',
]

/** What is said of a path that nobody serves. */
const unknownPath = refuse('route_not_found', `Cannot find this path: use one of ${publicPaths.join(', ')}`)

/** `/v1/models/{id}` → id, decoded; undefined for the list itself. */
function modelNameOf(path: string): string | undefined {
  const name = /^\/v1(?:beta|alpha)?\/models\/(.+)$/.exec(path)?.[1]
  return name === undefined ? undefined : percentDecoded(name)
}

/** Where somebody takes what nothing else takes: is it surely for a route of ours? */
function isOfAlias({ figures, clock }: Gateway, { headers, method }: Request, { path }: Target): boolean {
  if (headers.has(modelHeader)) return true
  if (method !== 'GET' && method !== 'HEAD' && method !== 'DELETE' && saysJson(headers)) return true
  const resource = readResourcePath(path)
  return (
    resource !== undefined &&
    idsOfPath(resource).some((id) => figures.owners.find(id, clock.monotonicMs()) !== undefined)
  )
}

/** Every answer carries a request id, those that did not come down the road as well. */
function told(gateway: Gateway, c: Context<Env>, response: Response): Response {
  response.headers.set('x-request-id', requestIdFor(c.req.raw.headers, gateway))
  return response
}

function closing(response: Response): Response {
  response.headers.set('connection', 'close')
  return response
}
