import type { App } from '#server/app.ts'
import { createAdminApp, createApp } from '#server/app.ts'
import { AdminPages } from '#server/admin.ts'
import type { LoadReport } from '#server/admin-config.ts'
import { StatusPage } from '#server/page.ts'
import { Masker } from '#telemetry/mask.ts'
import { RecentRequests } from '#telemetry/recent.ts'
import { NewsByRoute } from '#telemetry/route-news.ts'
import { openRoad, type Road, type Upstream } from './road.ts'

/** Who asks for a page: by default a program of this machine. */
export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** null: on a unix socket. */
  readonly peer?: string | null
}

/** A whole gateway in process whose admin pages are open. */
export interface AdminBench {
  readonly road: Road
  readonly recent: RecentRequests
  readonly news: NewsByRoute
  /** What the pages are told of it. */
  isDraining: boolean
  /** How often a page asked for one. */
  reloads: number
  /** The pages at an address of their own. */
  readonly ownApp: App
  report: LoadReport
  /** A chat with this gateway, settled and remembered. */
  chat(
    model: string,
    extra?: Record<string, unknown>,
    clientKey?: string,
    more?: Readonly<Record<string, string>>,
  ): Promise<Response>
  ask(path: string, asking?: Asking): Promise<Response>
  /** A page's JSON. */
  read(path: string, asking?: Asking): Promise<Record<string, unknown>>
}

export const plainReport: LoadReport = { loadedMs: 0, warnings: [], restartKeys: [], refused: undefined }

/** `secret` is what the configuration calls the client's key; pages are asked for with it unless a test says otherwise. */
export async function openAdmin(yaml: string, upstream: Upstream, key = 'sk-client-key-0001'): Promise<AdminBench> {
  const road = await openRoad(yaml, upstream)
  const masker = new Masker(() => road.gateway.current().secrets)
  const recent = new RecentRequests(road.gateway.current().admin.keepRequests, masker)
  const news = new NewsByRoute(masker)
  const gateway = { ...road.gateway, sinks: [recent, news] }
  const pages = new AdminPages({
    gateway,
    recent,
    news,
    masker,
    version: 'test',
    startedMs: 0,
    isDraining: () => bench.isDraining,
    reload: async () => {
      bench.reloads += 1
    },
    pools: () => [],
    loadReport: () => bench.report,
  })
  const app = createApp(gateway, {
    version: 'test',
    isDraining: () => false,
    admin: pages,
    page: new StatusPage(gateway, 'test', pages),
  })
  const bench: AdminBench = {
    road,
    recent,
    news,
    isDraining: false,
    reloads: 0,
    ownApp: createAdminApp(gateway, pages, new StatusPage(gateway, 'test', pages)),
    report: plainReport,
    async chat(model, extra = {}, clientKey = key, more = {}) {
      const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...extra })
      const headers = { 'content-length': String(body.length), authorization: `Bearer ${clientKey}`, ...more }
      const request = new Request('http://gateway/v1/chat/completions', { method: 'POST', body, headers })
      const response = await app(request, { peer: '127.0.0.1', patience: () => {} })
      await response.clone().text()
      return response
    },
    async ask(path, { method = 'GET', headers = { authorization: `Bearer ${key}` }, peer = '127.0.0.1' } = {}) {
      const request = new Request(`http://gateway${path}`, { method, headers: { host: 'gateway', ...headers } })
      return await app(request, { peer: peer ?? undefined, patience: () => {} })
    },
    async read(path, asking) {
      const response = await bench.ask(path, asking)
      const body: unknown = await response.json()
      if (response.status !== 200 || typeof body !== 'object' || body === null) {
        throw new Error(`${path} gave ${response.status}: ${JSON.stringify(body)}`)
      }
      return { ...body }
    },
  }
  return bench
}
