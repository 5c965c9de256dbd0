import type { MediaSource } from '#gateway/translator.ts'
import type { Http1Client } from '#http1/client.ts'
import type { MockPorts } from '#mock/exchange.ts'
import type { Link, OutgoingRequest, Transport } from '#ports/transport.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { MediaFetcher, MediaPorts } from '#upstream/fetch-media.ts'

/** The ways out: `mock://` backends answer inside the process, all others over the net as their link says. */
export interface Ways {
  readonly mock: Transport
  readonly own: Http1Client
  readonly fetch: Transport
}

/** One transport that takes the right way for each request. */
export function transportOver({ mock, own, fetch }: Ways): Transport {
  const wayOf = ({ url, link }: OutgoingRequest): Transport => {
    if (url.protocol === 'mock:') return mock
    return goesByFetch(link) ? fetch : own
  }
  return {
    // oxlint-disable-next-line typescript/promise-function-async -- the transports never throw, and a layer costs
    send: (request) => wayOf(request).send(request),
    // Plans for WebSockets hold only backends that are reached by our own client.
    upgrade: async (request) => await own.upgrade(request),
  }
}

/** The mock backends, loaded with the first request for one of them: most configurations have none. */
export function lazyMockTransport(ports: MockPorts): Transport {
  let mock: Transport | undefined
  return {
    async send(request) {
      mock ??= (await import('#mock/transport.ts')).mockTransport(ports)
      return await mock.send(request)
    },
  }
}

/** Who fetches the files that clients name by address, loaded with the first one of them. */
export function lazyMediaSource(ports: MediaPorts): MediaSource {
  let fetcher: MediaFetcher | undefined
  return async () => {
    const { MediaFetcher: Fetcher } = await import('#upstream/fetch-media.ts')
    fetcher ??= new Fetcher(ports)
    return fetcher
  }
}

/** Some backend goes by fetch, whose limit of parallel requests has to be lifted. */
export function needsFetch(snapshot: Snapshot): boolean {
  return snapshot.backends.values().some(({ url, link }) => url.protocol !== 'mock:' && goesByFetch(link))
}

/** Opens the connections that backends want before they are needed. A backend that is down is told when it is asked. */
export function warmUp(own: Http1Client, snapshot: Snapshot): void {
  for (const { url, link, timeouts } of snapshot.backends.values()) {
    if (link.pool.prewarm > 0 && url.protocol !== 'mock:' && !goesByFetch(link)) void own.warm(url, link, timeouts)
  }
}

function goesByFetch(link: Link): boolean {
  return link.http2 || link.transport === 'fetch'
}
