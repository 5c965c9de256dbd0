import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { objectionToOpening, protocolsOf } from '#http1/websocket-handshake.ts'
import { identifyAny } from '#identity/identify.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { parametersOf } from '#kit/query-string.ts'
import { findService } from '#route/service-path.ts'
import { isWelcome } from '#snapshot/cors.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { carriesTunnels } from '#upstream/open-tunnel.ts'
import type { Gateway } from './gateway.ts'
import type { Incoming } from './incoming.ts'
import { offeredInQuery, oneKey, queryToSend } from './query.ts'

/** The subprotocols that a client offers. */
export interface Offer {
  /** Those that are none of our business. */
  readonly protocols: readonly string[]
  /** The client's key: browsers can send no other header with a WebSocket. */
  readonly key: string | undefined
}

/** As OpenAI's clients for browsers begin the subprotocol that carries their key. */
const keyPrefix = 'openai-insecure-api-key.'

export function offerOf(headers: Headers): Offer {
  const offered = protocolsOf(headers.get(protocolHeader))
  const keys = offered.filter((name) => name.startsWith(keyPrefix)).map((name) => name.slice(keyPrefix.length))
  return { protocols: offered.filter((name) => !name.startsWith(keyPrefix)), key: oneKey(keys) }
}

const protocolHeader = 'sec-websocket-protocol'

/** What the log may see of a request whose key stands among its subprotocols. */
export function hideKey(exchange: Exchange): void {
  const { seen } = exchange
  if (seen === undefined) return
  const headers = seen.headers.map(([name, value]): HeaderPair => [
    name,
    name === protocolHeader ? masked(value) : value,
  ])
  exchange.seen = { ...seen, headers }
}

function masked(offered: string): string {
  return offered
    .split(',')
    .map((name) => (name.trim().startsWith(keyPrefix) ? `${keyPrefix}****` : name.trim()))
    .join(', ')
}

/** The request's facts, or why it cannot be served. */
export function readOpening(
  incoming: Incoming,
  { services, keys }: Pick<Snapshot, 'services' | 'keys'>,
): Call | Refusal {
  const { request, endpoint, path, client } = incoming
  const objection = objectionToOpening(request.headers)
  if (objection !== undefined) {
    return refuse('invalid_parameter', `Cannot open the WebSocket: ${objection}`)
  }
  const query = queryToSend(incoming, keys)
  const { method, headers } = request
  const modelAt = { start: 0, end: 0 }
  const facts = { endpoint, method, query, headers, stream: false, body: undefined, modelAt, client }
  if (endpoint.reads === 'nothing') {
    const found = findService(services, path)
    return { ...facts, path: found?.rest ?? path, model: found?.key ?? '' }
  }
  const [model, another] = parametersOf(query, 'model')
  if (model === undefined || model === '') {
    // Clients that would rather have a WebSocket, and do not say for which model, go back to HTTP at this status.
    const status = endpoint.path === path ? 400 : 426
    return refuse('missing_model', 'Cannot open the WebSocket: its query names no model, add "?model=<alias>"', {
      param: 'model',
      status,
    })
  }
  if (another !== undefined) {
    return refuse('duplicate_key', 'Cannot open the WebSocket: its query names two models, name one', {
      param: 'model',
    })
  }
  return { ...facts, path, model }
}

/** Who opens it. WebSockets are exempt from what browsers forbid pages, so where nobody is asked for a key it is asked here. */
export function identifyOpener(
  incoming: Pick<Incoming, 'request' | 'endpoint' | 'path' | 'query'>,
  key: string | undefined,
  { keys, cors }: Pick<Snapshot, 'keys' | 'cors'>,
  { clock, tokens }: Pick<Gateway, 'clock' | 'tokens'>,
): Caller | Refusal | Promise<Caller | Refusal> {
  const { headers } = incoming.request
  const inQuery = offeredInQuery(incoming, key, keys.headers)
  if (key !== undefined && inQuery !== undefined && key !== inQuery) {
    return refuse('ambiguous_credentials', 'Cannot accept the request: it carries two different API keys, send one')
  }
  const origin = headers.get('origin')
  if (keys.isOpen && origin !== null && !isWelcome(origin, cors)) {
    return refuse(
      'missing_api_key',
      'Cannot open the WebSocket for a page that is not from this machine: set proxy_api_key, and let the page send it',
    )
  }
  return identifyAny(headers, inQuery ?? key, keys, clock.wallMs(), tokens)
}

/** The plan with those routes only that a WebSocket can be opened on. */
export function tunnelPlan(plan: Plan): Plan | Refusal {
  const tiers = plan.tiers
    .map((tier) => ({ ...tier, candidates: tier.candidates.filter(({ backend }) => carriesTunnels(backend)) }))
    .filter(({ candidates }) => candidates.length > 0)
  if (tiers.length > 0 || plan.tiers.length === 0) return { ...plan, tiers }
  return refuse(
    'unsupported_by_backend',
    `Cannot open a WebSocket to model "${plan.alias.slice(0, 64)}": none of its backends takes WebSockets`,
  )
}
