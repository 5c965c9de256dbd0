import { describe, expect, test } from 'bun:test'
import type { Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import { Roster } from '#kit/roster.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { TunnelRelay, type ClientSocket } from '#gateway/tunnel-relay.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { RawSocketOwner } from '#ports/transport.ts'
import { Breakers } from '#upstream/breaker.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { settledExchange } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { planOf } from '../../support/upstream.ts'

/** A relay between an upstream and a client that only note what they are told. */
function join(
  timeouts: Partial<Candidate['backend']['timeouts']> = {},
  given: { startedMs?: number; early?: string } = {},
) {
  const clock = new FakeClock()
  const told: string[] = []
  const settled: Exchange[] = []
  const breakers = new Breakers()
  const gateway = {
    clock,
    breakers,
    live: new Roster<Exchange>(),
    sinks: [{ settled: (exchange: Exchange) => void settled.push(exchange) }],
    log: { write() {}, keeps: () => false },
  } as unknown as Gateway
  const upstream = { takes: true, owner: undefined as RawSocketOwner | undefined }
  const socket = {
    attach(owner: RawSocketOwner) {
      upstream.owner = owner
      if (given.early !== undefined) owner.onPiece(Uint8Array.fromHex(given.early))
    },
    write(bytes: Uint8Array) {
      // The frame without its mask; only its kind is of interest.
      told.push(`up ${['more', 'text', 'binary', '', '', '', '', '', 'close', 'ping', 'pong'][(bytes[0] ?? 0) & 15]}`)
      return upstream.takes
    },
    pause: () => void told.push('up pause'),
    resume: () => void told.push('up resume'),
    end: () => void told.push('up end'),
    destroy: () => void told.push('up destroy'),
  }
  const candidate = candidateOf('b', 'm')
  const backend = backendOf('b', { timeouts: { ...candidate.backend.timeouts, ...timeouts } })
  const tunnel = {
    kind: 'answer',
    candidate: { ...candidate, backend },
    status: 101,
    headers: new HeaderList(),
    held: [],
    rest: undefined,
    form: undefined,
    socket,
    protocol: undefined,
    startedMs: given.startedMs ?? 0,
  } as const
  const exchange = settledExchange({
    startedMs: 0,
    status: 101,
    outcome: undefined,
    endedMs: undefined,
    firstByteMs: undefined,
    bytesOut: 0,
    chunksOut: 0,
  })
  const client = { status: 1, lying: 0 }
  const relay = new TunnelRelay(gateway, planOf(), tunnel, exchange)
  const socketOfClient: ClientSocket = {
    sendText: (text) => (told.push(`down ${text}`), client.status),
    sendBinary: (payload) => (told.push(`down ${payload.toHex()}`), client.status),
    getBufferedAmount: () => client.lying,
    pause: () => void told.push('down pause'),
    resume: () => void told.push('down resume'),
    close: (code, reason) => void told.push(`down close ${code} ${reason}`.trim()),
  }
  const open = (): void => relay.opened(socketOfClient)
  const says = (hex: string): void => upstream.owner?.onPiece(Uint8Array.fromHex(hex.replaceAll(' ', '')))
  const rests = (): boolean => breakers.restsUntil(candidate.stateKey, clock.monotonicMs(), undefined) !== undefined
  return { clock, told, settled, exchange, relay, client, upstream, says, rests, open }
}

function joined(...given: Parameters<typeof join>): ReturnType<typeof join> {
  const both = join(...given)
  both.open()
  return both
}

describe('a relay', () => {
  test('hands on in both directions and counts what the client gets', () => {
    const { relay, says, told, exchange } = joined()
    relay.fromClient('a')
    relay.fromClient(Buffer.of(1))
    says('8102 c3a9 8203 010203')
    expect(told).toEqual(['up text', 'up binary', 'down é', 'down 010203'])
    expect(exchange).toMatchObject({ bytesOut: 5, chunksOut: 2, firstByteMs: 0, endedMs: undefined })
  })

  test('lets the upstream wait for the client, until little is left lying', () => {
    const { relay, says, told, client } = joined()
    client.status = -1
    client.lying = 5_000_000
    says('8101 61 8101 62')
    expect(told).toEqual(['down a', 'up pause'])
    relay.clientDrained()
    expect(told).toHaveLength(2)
    client.status = 1
    client.lying = 0
    relay.clientDrained()
    expect(told).toEqual(['down a', 'up pause', 'down b', 'up resume'])
  })

  test('lets the client wait for the upstream', () => {
    const { relay, told, upstream } = joined()
    upstream.takes = false
    relay.fromClient('a')
    expect(told).toEqual(['up text', 'down pause'])
    upstream.takes = true
    upstream.owner?.onDrain()
    expect(told).toEqual(['up text', 'down pause', 'down resume'])
  })

  test.each<{
    name: string
    how: (joined: ReturnType<typeof join>) => void | Promise<void>
    told: string[]
    outcome: Exchange['outcome']
    brokenBy?: string
    rests?: boolean
  }>([
    {
      name: 'a client that closes',
      how: ({ relay }) => relay.clientClosed(1000, ''),
      told: ['up close'],
      outcome: 'complete',
    },
    {
      name: 'a client that is gone',
      how: ({ relay }) => relay.clientClosed(1006, ''),
      told: ['up close'],
      outcome: 'client_closed',
    },
    {
      name: 'a client that the server gives up',
      how: ({ relay }) => relay.clientClosed(1006, 'Received too big message'),
      told: ['up close'],
      outcome: 'client_closed',
      brokenBy: 'Received too big message',
    },
    {
      name: 'a client that is not satisfied',
      how: ({ relay }) => relay.clientClosed(1009, 'too big'),
      told: ['up close'],
      outcome: 'client_closed',
      brokenBy: 'the client closed with 1009: too big',
    },
    {
      name: 'a client that leaves its page',
      how: ({ relay }) => relay.clientClosed(1001, ''),
      told: ['up close'],
      outcome: 'complete',
    },
    {
      name: 'a client with a reason of its own',
      how: ({ relay }) => relay.clientClosed(4001, 'hung up'),
      told: ['up close'],
      outcome: 'complete',
    },
    {
      name: 'an upstream that closes',
      how: ({ says }) => says('8804 0fa06869'),
      told: ['up close', 'down close 4000 hi'],
      outcome: 'complete',
    },
    {
      name: 'an upstream that closes with an error',
      how: ({ says }) => says('8804 03f36869'),
      told: ['up close', 'down close 1011 hi'],
      outcome: 'upstream_broke',
      brokenBy: 'the upstream closed with 1011: hi',
    },
    {
      name: 'an upstream that breaks off',
      how: ({ upstream }) => upstream.owner?.onClose(),
      told: ['down close 1011 the upstream connection broke'],
      outcome: 'upstream_broke',
      brokenBy: 'the upstream broke: the connection ended without a close frame',
      rests: true,
    },
    {
      name: 'an upstream that breaks off after it said something',
      how({ says, upstream }) {
        says('8101 61')
        upstream.owner?.onClose()
      },
      told: ['down a', 'down close 1011 the upstream connection broke'],
      outcome: 'upstream_broke',
      brokenBy: 'the upstream broke: the connection ended without a close frame',
    },
    {
      name: 'an upstream whose second message is too large',
      how: ({ says }) => says('8101 61 827f 0000000001000001'),
      told: [
        'down a',
        'up close',
        'up end',
        'down close 1009 the upstream failed: a message is larger than 16777216 bytes',
      ],
      outcome: 'upstream_broke',
      brokenBy: 'the upstream failed: a message is larger than 16777216 bytes',
    },
    {
      name: 'an upstream that breaks the rules',
      how: ({ says }) => says('8300'),
      told: ['up close', 'up end', 'down close 1011 the upstream failed: the opcode 3 is unknown'],
      outcome: 'upstream_broke',
      brokenBy: 'the upstream failed: the opcode 3 is unknown',
      rests: true,
    },
    {
      name: 'an upstream whose message is too large',
      how: ({ says }) => says('827f 0000000001000001'),
      told: ['up close', 'up end', 'down close 1009 the upstream failed: a message is larger than 16777216 bytes'],
      outcome: 'upstream_broke',
      brokenBy: 'the upstream failed: a message is larger than 16777216 bytes',
      rests: true,
    },
    {
      name: 'an upstream that is silent',
      how: async ({ clock }) => await clock.advance(60_000),
      told: ['up ping', 'up destroy', 'down close 1011 the upstream fell silent for longer than timeout.idle'],
      outcome: 'stalled',
      brokenBy: 'the upstream fell silent for longer than timeout.idle',
      rests: true,
    },
    {
      name: 'an upstream that takes nothing',
      async how({ clock, relay, upstream }) {
        upstream.takes = false
        relay.fromClient('a')
        await clock.advance(5000)
      },
      told: [
        'up text',
        'down pause',
        'up destroy',
        'down close 1011 the upstream took nothing for longer than timeout.write',
      ],
      outcome: 'stalled',
      brokenBy: 'the upstream took nothing for longer than timeout.write',
      rests: true,
    },
    {
      name: 'a session that takes too long',
      async how({ clock, says }) {
        for (let at = 0; at < 90; at += 1) {
          says('8a00')
          await clock.advance(1000)
        }
      },
      told: ['up close', 'down close 1011 it took longer than timeout.total'],
      outcome: 'stalled',
      brokenBy: 'it took longer than timeout.total',
    },
    {
      name: 'a gateway that shuts down',
      how: ({ exchange }) => exchange.cut?.cut(),
      told: ['up close', 'down close 1012 the server is shutting down'],
      outcome: 'shut_down',
      brokenBy: 'the server is shutting down',
    },
    {
      name: 'a client to which nothing can be sent',
      how({ client, says }) {
        client.status = 0
        says('8101 61')
      },
      told: ['down a', 'up close', 'down close 1011 a message could not be sent'],
      outcome: 'client_closed',
      brokenBy: 'a message could not be sent to the client',
    },
  ])('settles once at the end: $name', async ({ how, told, outcome, brokenBy, rests = false }) => {
    const both = joined({ idleMs: 40_000, writeMs: 5000, totalMs: 90_000 })
    await how(both)
    expect(both.told).toEqual(told)
    expect(both.settled.map((exchange) => [exchange.outcome, exchange.brokenBy])).toEqual([[outcome, brokenBy]])
    expect(both.rests()).toBe(rests)
    // Whatever else is told afterwards changes nothing.
    both.relay.clientClosed(1005, '')
    both.relay.fromClient('late')
    both.relay.clientDrained()
    both.upstream.owner?.onClose()
    expect(both.told).toEqual(told)
    expect(both.settled).toHaveLength(1)
    expect(both.clock.pending).toBe(0)
  })

  test('timeout.total counts from the attempt, not from those that failed before it', async () => {
    const { clock, open, settled, told } = join({ totalMs: 90_000 }, { startedMs: 80_000 })
    await clock.advance(81_000)
    open()
    await clock.advance(88_999)
    expect(settled).toHaveLength(0)
    await clock.advance(1)
    expect(settled.map(({ outcome }) => outcome)).toEqual(['stalled'])
    expect(told.at(-1)).toBe('down close 1011 it took longer than timeout.total')
  })

  test('an upstream whose first message came with the opening is left when it cannot be handed on', () => {
    const { open, client, told, settled, clock } = join({ idleMs: 40_000, totalMs: 90_000 }, { early: '810161' })
    client.status = 0
    open()
    expect(told).toEqual(['down a', 'up close', 'down close 1011 a message could not be sent'])
    expect(settled.map(({ outcome }) => outcome)).toEqual(['client_closed'])
    // Only the upstream's goodbye is waited for.
    expect(clock.pending).toBe(1)
  })

  test('a client that is gone before it was there leaves no upstream behind', () => {
    const { open, relay, told, settled, clock } = join({ idleMs: 40_000, totalMs: 90_000 })
    relay.clientClosed(1006, '')
    expect(told).toEqual(['up destroy'])
    open()
    expect(told).toEqual(['up destroy', 'down close 1001'])
    expect(settled.map(({ outcome }) => outcome)).toEqual(['client_closed'])
    expect(clock.pending).toBe(0)
  })

  test.each([{ isOpen: false }, { isOpen: true }])('abandoned, it ends both sides: $isOpen', ({ isOpen }) => {
    const { open, relay, told, settled } = join()
    if (isOpen) open()
    relay.abandon()
    relay.clientClosed(1006, '')
    expect(told).toEqual(isOpen ? ['up destroy', 'down close 1011'] : ['up destroy'])
    expect(settled).toHaveLength(0)
  })

  test('an empty message is nothing lost', () => {
    const { says, client, settled } = joined()
    client.status = 0
    says('8100 8200')
    expect(settled).toEqual([])
  })
})
