import { describe, expect, test } from 'bun:test'
import type { Connection } from '#gateway/incoming.ts'
import type { TunnelRelay } from '#gateway/tunnel-relay.ts'
import { tunnel } from '#gateway/tunnel.ts'
import { acceptFor } from '#http1/websocket-handshake.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { OutgoingRequest, RawSocket, Upgraded } from '#ports/transport.ts'
import { openRoad, type Road } from '../../support/road.ts'

const config = `proxy_api_key: sk-client
backends:
  - { name: one, url: "http://one/v1" }
models:
  voice: { routes: [{ backend: one, model: m }] }
`

interface Opened {
  readonly road: Road
  readonly response: Response
  /** What was done to the upstream's end. */
  readonly done: readonly string[]
}

/** Opens a WebSocket at an upstream that agrees, for a client for whom the server does this. */
async function open(
  upgrade: (relay: TunnelRelay, road: Road) => boolean,
  meanwhile: (road: Road, leave: () => void) => void = () => {},
): Promise<Opened> {
  const road = await openRoad(config, () => new Response('no', { status: 500 }))
  const done: string[] = []
  const socket: RawSocket = {
    attach: () => void done.push('attach'),
    write: () => true,
    pause() {},
    resume() {},
    end: () => void done.push('end'),
    destroy: () => void done.push('destroy'),
  }
  const leaving = new AbortController()
  const transport = {
    ...road.gateway.transport,
    async upgrade({ headers }: OutgoingRequest): Promise<Upgraded> {
      const key = headers.find(([name]) => name === 'Sec-WebSocket-Key')?.[1] ?? ''
      meanwhile(road, () => leaving.abort())
      const agreed = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': acceptFor(key) }
      return await Promise.resolve({
        kind: 'upgraded',
        status: 101,
        headers: HeaderList.from(new Headers(agreed)),
        socket,
      })
    },
  }
  const opening = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    authorization: 'Bearer sk-client',
  }
  const connection: Connection = { peer: '127.0.0.1', patience() {}, upgrade: (relay) => upgrade(relay, road) }
  const response = await tunnel(
    { ...road.gateway, transport },
    {
      request: new Request('http://gateway/v1/realtime', { headers: opening, signal: leaving.signal }),
      endpoint: { path: '/v1/realtime', dialect: 'openai', reads: 'json', stream: undefined },
      path: '/v1/realtime',
      query: 'model=voice',
      client: { address: '127.0.0.1', peer: '127.0.0.1', note() {} },
      connection,
    },
  )
  return { road, response, done }
}

const client = {
  sendText: () => 1,
  sendBinary: () => 1,
  getBufferedAmount: () => 0,
  pause() {},
  resume() {},
  close() {},
}

describe('a WebSocket whose upstream has agreed', () => {
  test('is joined with its client', async () => {
    const { road, done } = await open((relay) => {
      relay.opened(client)
      return true
    })
    expect(done).toEqual(['attach'])
    expect(road.settled).toHaveLength(0)
  })

  test.each<{
    name: string
    upgrade?: (relay: TunnelRelay) => boolean
    meanwhile?: (road: Road, leave: () => void) => void
    status: number
    done?: string[]
  }>([
    { name: 'a client that the server cannot find any more', upgrade: () => false, status: 499 },
    {
      name: 'a server that fails',
      upgrade() {
        throw new Error('a header is not to its taste')
      },
      status: 500,
    },
    {
      name: 'a server that fails when it has begun',
      upgrade(relay) {
        relay.opened(client)
        throw new Error('too late')
      },
      status: 500,
      done: ['attach', 'destroy'],
    },
    { name: 'a client that left', meanwhile: (_, leave) => leave(), status: 499 },
    {
      name: 'a gateway that stops',
      meanwhile: ({ gateway }) => {
        for (const exchange of gateway.live) exchange.cut?.cut()
      },
      status: 503,
    },
  ])('is closed for $name', async ({ upgrade = () => true, meanwhile, status, done = ['destroy'] }) => {
    const opened = await open(upgrade, meanwhile)
    expect(opened.done).toEqual(done)
    expect(opened.response.status).toBe(status)
    expect(opened.road.settled.map((exchange) => exchange.status)).toEqual([status])
    expect(opened.road.gateway.live.size).toBe(0)
  })
})
