import { Hono, type Context } from 'hono'
import type { Endpoint } from '#core/endpoint.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { handle } from '#gateway/handle.ts'
import type { Connection } from '#gateway/incoming.ts'
import { queryCredential } from '#gateway/query.ts'
import { asksForWebSocket, tunnel } from '#gateway/tunnel.ts'
import { refusalResponse } from '#gateway/turn-away.ts'
import { identify } from '#identity/identify.ts'
import type { AdminPages } from './admin.ts'
import { clientAddress, ClientBehind } from './client-ip.ts'
import { endpoints, geminiEndpoint, otherEndpoint, tunnelEndpoint } from './endpoints.ts'
import { dialectOfPath } from '#wire/dialect.ts'
import { objectionTo, targetOf, type Pressure, type Target } from './guard.ts'
import { health, readiness } from './health.ts'
import { modelEntry, modelList, modelListForm, ollamaVersion } from './models.ts'

export interface AppState {
  readonly version: string
  /** True from the first stop signal on: new work is refused, running streams finish. */
  isDraining(): boolean
  /** The file has a content that cannot be used. Absent: nobody watches it. */
  isConfigRefused?(): boolean
  /** Undefined: nobody watches. */
  readonly pressure?: Pressure
  /** Undefined: they have a listener of their own, or there are none. */
  readonly admin?: AdminPages | undefined
}

interface Env {
  Bindings: Surroundings
}

interface Surroundings {
  readonly connection: Connection
  readonly target: Target
}

/** The whole public surface: one function from request to response. */
export function createApp(gateway: Gateway, state: AppState): App {
  const app = streetMap(gateway, state)
  const { admin } = state
  const endpointByPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]))
  // Nothing between listener and road waits, so nothing there is async.
  return (request, connection): Response | Promise<Response> => {
    const target = targetOf(request)
    const objection = objectionTo(request, target, state.pressure)
    if (objection !== undefined) return closing(refused(gateway, request, { connection, target }, objection))
    if (asksForWebSocket(request) && mayBeTunnel(target)) return openTunnel(gateway, state, request, connection, target)
    // Nearly all requests are for one of a few paths, and those are found without a router.
    const endpoint = request.method === 'POST' ? endpointByPath.get(target.path) : undefined
    if (endpoint !== undefined) return serve(gateway, state, endpoint, request, { connection, target })
    if (admin?.covers(target.path) === true) {
      const others = (): Response | Promise<Response> => app.fetch(request, { connection, target })
      return showAdmin(gateway, admin, request, { connection, target }, others)
    }
    return app.fetch(request, { connection, target })
  }
}

/** The admin pages at an address of their own, and nothing else but a sign of life. */
export function createAdminApp(gateway: Gateway, admin: AdminPages): App {
  return (request, connection): Response | Promise<Response> => {
    const surroundings = { connection, target: targetOf(request) }
    const objection = objectionTo(request, surroundings.target)
    if (objection !== undefined) return refused(gateway, request, surroundings, objection)
    if (surroundings.target.path === '/health' && isRead(request.method)) return admin.health()
    const nothing = (): Response => refused(gateway, request, surroundings, noSuchPath)
    return admin.covers(surroundings.target.path)
      ? showAdmin(gateway, admin, request, surroundings, nothing)
      : nothing()
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

  const list = (c: Context<Env>): Response => {
    const snapshot = gateway.current()
    const { headers } = c.req.raw
    if (snapshot.modelsRequireAuth) {
      const caller = identify(headers, queryCredential(c.env.target.query), snapshot.keys)
      if (isRefusal(caller)) return here(c, caller)
    }
    const { path, query } = c.env.target
    const dialect = dialectOfPath(path)
    const form = dialect === 'gemini' || dialect === 'ollama' ? dialect : modelListForm(headers, query)
    const name = modelNameOf(path)
    if (name === undefined) return told(gateway, c.json(modelList(form, snapshot.aliases, startedMs)))
    if (snapshot.aliases.includes(name)) return told(gateway, c.json(modelEntry(form, name, startedMs)))
    return here(
      c,
      refuse('model_not_found', `Cannot show model "${name.slice(0, 64)}": there is no alias of this name`, {
        param: 'model',
      }),
    )
  }

  // One handler per path: what matches once needs no chain of handlers, which would double the cost of a request.
  const get = (path: string, handler: (c: Context<Env>) => Response): void => {
    app.all(path, (c) => (isRead(c.req.method) ? handler(c) : here(c, wrongMethod(c, 'GET'))))
  }
  get('/health', (c) => told(gateway, c.json(health(gateway.current(), state.version))))
  for (const path of ['/healthz', '/livez']) get(path, (c) => told(gateway, c.text('ok')))
  for (const path of ['/ready', '/readyz']) {
    get(path, (c) => {
      const { ready, body } = readiness(gateway.current(), state.isDraining(), state.isConfigRefused?.() === true)
      return told(gateway, c.json(body, ready ? 200 : 503))
    })
  }
  // Clients probe the base URL before their first call.
  get('/', (c) => told(gateway, c.json({ service: 'llm-proxy', endpoints: publicPaths })))
  for (const path of ['/v1/models', '/models', '/v1beta/models', '/v1alpha/models', '/api/tags']) get(path, list)
  get('/api/version', (c) => told(gateway, c.json(ollamaVersion)))
  // A POST to one of these does not come here.
  for (const { path } of endpoints) app.all(path, (c) => here(c, wrongMethod(c, 'POST')))
  // What no row matches: a model's name in the path, or any other path that a provider may know.
  app.notFound((c): Response | Promise<Response> => {
    const { path, query } = c.env.target
    const { method } = c.req
    if (/^\/v1(beta|alpha)?\/models\/./.test(path)) {
      if (method === 'POST') return model(c, geminiEndpoint(path, query))
      return isRead(method) ? list(c) : here(c, wrongMethod(c, 'GET, POST'))
    }
    if (path.startsWith('/v1/') && ['POST', 'PUT', 'PATCH'].includes(method)) return model(c, otherEndpoint(path))
    return here(c, refuse('route_not_found', `Cannot find this path: use one of ${publicPaths.join(', ')}`))
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
  { connection, target }: Surroundings,
): Response | Promise<Response> {
  if (state.isDraining()) return closing(refused(gateway, request, { connection, target }, stopping))
  const client = new ClientBehind(connection, request.headers, gateway.current().trustedProxies)
  return handle(gateway, { request, endpoint, path: target.path, query: target.query, client, connection })
}

function mayBeTunnel({ path }: Target): boolean {
  return path.startsWith('/v1/') && path !== '/v1/models' && !path.startsWith('/v1/models/')
}

function openTunnel(
  gateway: Gateway,
  state: AppState,
  request: Request,
  connection: Connection,
  target: Target,
): Response | Promise<Response> {
  if (state.isDraining()) return closing(refused(gateway, request, { connection, target }, stopping))
  const client = new ClientBehind(connection, request.headers, gateway.current().trustedProxies)
  const endpoint = tunnelEndpoint(target.path)
  return tunnel(gateway, { request, endpoint, path: target.path, query: target.query, client, connection })
}

/** For those who may not know of the pages, the path is like any other: `others` answer. */
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
    if (!isRefusal(answer)) return answer
    const refusal = refused(gateway, request, surroundings, answer)
    refusal.headers.set('cache-control', 'no-store')
    return refusal
  } catch (error) {
    return failed(gateway, error, surroundings.target)
  }
}

/** A refusal beside the road. No exchange is opened for it, so its line is written here. */
function refused(gateway: Gateway, request: Request, { connection, target }: Surroundings, refusal: Refusal): Response {
  const requestId = gateway.ids.requestId()
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
  return refusalResponse(refusal, dialectOfPath(target.path), requestId)
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
  return refusalResponse(refusal, dialectOfPath(path), requestId)
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

/** `/v1/models/{id}` → id, decoded; undefined for the list itself. */
function modelNameOf(path: string): string | undefined {
  const name = /^\/v1(?:beta|alpha)?\/models\/(.+)$/.exec(path)?.[1]
  if (name === undefined) return undefined
  try {
    return decodeURIComponent(name)
  } catch {
    // Bad percent-encoding names no alias.
    return name
  }
}

/** Every answer carries a request id, those that did not come down the road as well. */
function told(gateway: Gateway, response: Response): Response {
  response.headers.set('x-request-id', gateway.ids.requestId())
  return response
}

function closing(response: Response): Response {
  response.headers.set('connection', 'close')
  return response
}
