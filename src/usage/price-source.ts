import { concat } from '#kit/bytes.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { parseJson } from '#kit/json-value.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { Files } from '#ports/files.ts'
import type { Log } from '#ports/log.ts'
import type { IncomingBody, Link, Transport, TransportClocks } from '#ports/transport.ts'
import type { PriceSourcePolicy } from './compile.ts'
import type { PriceBook } from './price-book.ts'
import { readPriceList } from './price-list.ts'

export interface PriceSourcePorts {
  readonly clock: Clock
  readonly transport: Transport
  readonly files: Pick<Files, 'read'>
  readonly log: Log
  readonly book: PriceBook
}

/** Limit: the list of all models that LiteLLM knows has about two megabytes. */
const bytesMax = 32 * 1_048_576

/** Limit: a server that is slower is asked again later. */
const wholeMsMax = 30_000

/** What failed is tried again so soon, and then ever later. */
const retryMsMin = 10_000
const retryMsMax = 600_000

/** Reads prices from elsewhere, again and again, while everything else goes on. A failure leaves the last prices in use. */
export class PriceSource {
  readonly #ports: PriceSourcePorts
  readonly #policy: PriceSourcePolicy
  #cancel: (() => void) | undefined
  #isStopped = false
  #failures = 0
  /** Models of the last list that was told. */
  #told = -1

  constructor(policy: PriceSourcePolicy, ports: PriceSourcePorts) {
    this.#policy = policy
    this.#ports = ports
  }

  start(): void {
    void this.#look()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  async #look(): Promise<void> {
    const { clock, log, book } = this.#ports
    const { everyMs } = this.#policy
    const source = withoutCredentials(this.#policy.location)
    const text = await this.#read()
    if (this.#isStopped) return
    const prices = typeof text === 'string' ? readPriceList(parseJson(text)) : undefined
    if (prices === undefined) {
      this.#failures++
      const reason = typeof text === 'string' ? 'it holds no prices of models' : text.reason
      if (this.#failures === 1) log.write('warn', 'prices_failed', { source, reason })
      const waitMs = Math.min(retryMsMin * 2 ** Math.min(this.#failures - 1, 10), retryMsMax)
      this.#cancel = clock.after(waitMs, () => void this.#look())
      return
    }
    book.adopt(prices)
    if (this.#failures > 0 || prices.size !== this.#told)
      log.write('info', 'prices_read', { source, models: prices.size })
    this.#failures = 0
    this.#told = prices.size
    if (everyMs > 0) this.#cancel = clock.after(everyMs, () => void this.#look())
  }

  async #read(): Promise<string | { readonly reason: string }> {
    const { location } = this.#policy
    try {
      if (/^https?:\/\//i.test(location)) return await this.#fetch(new URL(location))
      return await this.#ports.files.read(location.replace(/^file:(?:\/\/)?/, ''))
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) }
    }
  }

  async #fetch(url: URL): Promise<string | { readonly reason: string }> {
    const { clock, transport } = this.#ports
    const { key } = this.#policy
    const headers: HeaderPair[] = [
      ['accept', 'application/json'],
      ['accept-encoding', 'identity'],
    ]
    if (key !== undefined) headers.push(['authorization', `Bearer ${key.reveal()}`])
    const stop = new Stop()
    const cancelLimit = clock.after(wholeMsMax, () => stop.ask())
    try {
      const response = await transport.send({ method: 'GET', url, headers, body: undefined, clocks, link, stop })
      if (response.kind !== 'response') return { reason: response.message }
      if (response.status !== 200) {
        response.body.cancel()
        return { reason: `it answered with status ${response.status}` }
      }
      return (await readAll(response.body)) ?? { reason: 'its answer broke off or is larger than 32mb' }
    } finally {
      cancelLimit()
    }
  }
}

async function readAll(body: IncomingBody): Promise<string | undefined> {
  const pieces: Uint8Array[] = body.whole === undefined ? [] : [body.whole]
  let length = body.whole?.byteLength ?? 0
  while (body.whole === undefined && length <= bytesMax) {
    const step = await body.read()
    if (step === 'end') break
    if (!(step instanceof Uint8Array)) return undefined
    pieces.push(step)
    length += step.byteLength
  }
  if (length <= bytesMax) return new TextDecoder().decode(concat(pieces))
  body.cancel()
  return undefined
}

function withoutCredentials(location: string): string {
  return location.replace(/^(https?:\/\/)[^/?#]*@/i, '$1').replace(/\?.*$/s, '')
}

const clocks: TransportClocks = {
  queueMs: 10_000,
  dnsMs: 5000,
  connectMs: 10_000,
  tlsMs: 10_000,
  writeMs: 10_000,
  firstByteMs: 20_000,
  idleMs: 10_000,
}

/** Straight there, through no proxy. */
const link: Link = {
  owner: 'prices',
  tls: { verify: true, ca: undefined, cert: undefined, key: undefined, serverName: undefined, minVersion: '1.2' },
  unixPath: undefined,
  proxy: undefined,
  pool: { connectionsMax: 1, idleMax: 0, idleMs: 1000, ageMs: 0, waitingMax: 1, prewarm: 0 },
  http2: false,
  transport: 'own',
}
