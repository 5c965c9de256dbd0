import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Connection } from '#gateway/incoming.ts'
import { requestIdFor } from '#gateway/request-id.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { identify } from '#identity/identify.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Reading } from '#telemetry/metric.ts'
import type { Tally } from '#telemetry/tally.ts'
import type { AdminPages } from './admin.ts'
import type { Target } from './guard.ts'
import type { GaugeParts } from './metrics-gauges.ts'

/** What the page is made from. */
export interface MetricsParts extends Omit<GaugeParts, 'gateway'> {
  readonly gateway: GaugeParts['gateway'] & Pick<Gateway, 'current' | 'ids'>
  readonly tally: Tally
  /** Who knows an admin when they see one. Undefined: nobody is taken for one here. */
  readonly admin: AdminPages | undefined
  /** What all processes that serve together counted; absent where one serves alone. */
  allOf?(own: Reading): Promise<Reading>
}

/** The page of figures for Prometheus and others that ask from time to time. */
export class MetricsPage {
  readonly #parts: MetricsParts

  constructor(parts: MetricsParts) {
    this.#parts = parts
  }

  covers(path: string): boolean {
    return this.#parts.gateway.current().metrics?.path === path
  }

  async answer(request: Request, connection: Connection, { path }: Target): Promise<Response | Refusal | undefined> {
    const { gateway } = this.#parts
    const { method, headers } = request
    const snapshot = gateway.current()
    const { metrics } = snapshot
    if (metrics?.path !== path) return undefined
    if (method !== 'GET' && method !== 'HEAD') {
      return refuse('method_not_allowed', `Cannot serve ${method} on this path: it takes GET`, { allow: 'GET' })
    }
    const objection = metrics.requiresKey ? this.#objectionTo(request, connection, snapshot) : undefined
    if (objection !== undefined) return objection
    // Few ask, and not before something was done.
    const { contentTypes, expositionFor } = await import('#telemetry/prometheus.ts')
    const exposition = expositionFor(headers.get('accept'))
    const text = method === 'HEAD' ? null : await this.#text(snapshot, exposition)
    const response = new Response(text)
    response.headers.set('content-type', contentTypes[exposition])
    response.headers.set('cache-control', 'no-store')
    response.headers.set('x-content-type-options', 'nosniff')
    response.headers.set('x-request-id', requestIdFor(headers, gateway))
    return response
  }

  /** What this process counted, and how it is now. */
  async reading(): Promise<Reading> {
    const { gateway, tally } = this.#parts
    const { gaugesOf } = await import('./metrics-gauges.ts')
    return { ...tally.reading(), ...gaugesOf(gateway.current(), this.#parts) }
  }

  async #text({ metrics }: Snapshot, exposition: 'text' | 'openmetrics'): Promise<string> {
    const { gateway } = this.#parts
    const own = await this.reading()
    const reading = (await this.#parts.allOf?.(own)) ?? own
    const { exposed, familiesOf } = await import('#telemetry/prometheus.ts')
    const families = familiesOf(reading)
    if (metrics?.hasSeedNames === true) {
      const { oldFamilies } = await import('#telemetry/seed-names.ts')
      families.push(...oldFamilies(reading))
    }
    let text = ''
    let pieces = 0
    for (const piece of exposed(families, exposition)) {
      text += piece
      pieces += 1
      // Requests of clients go on in between.
      if (pieces % breathEvery === 0) await new Promise<void>((resolve) => gateway.clock.soon(resolve))
    }
    return text
  }

  /** Keys of clients open the page, and the one of the admin pages. No key in the query: it would stand in logs. */
  #objectionTo(request: Request, connection: Connection, snapshot: Snapshot): Refusal | undefined {
    const client = identify(request.headers, undefined, snapshot.keys, this.#parts.gateway.clock.wallMs())
    const isClient = !isRefusal(client)
    if (isClient && !snapshot.keys.isOpen) return undefined
    const verdict = this.#parts.admin?.judgeAside(request, connection) ?? 'hidden'
    if (verdict === 'welcome') return undefined
    if (isRefusal(verdict)) return verdict
    return isClient ? undefined : client
  }
}

const breathEvery = 20
