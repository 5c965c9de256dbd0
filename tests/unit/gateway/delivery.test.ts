import { describe, expect, test } from 'bun:test'
import type { ReadableStreamDefaultReader } from 'node:stream/web'
import type { Answer } from '#core/answer.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Call } from '#core/call.ts'
import type { StreamPolicy } from '#core/plan.ts'
import { Delivery } from '#gateway/delivery.ts'
import type { Errand } from '#gateway/errand.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Presence } from '#gateway/presence.ts'
import { Walk } from '#gateway/walk.ts'
import { Roster } from '#kit/roster.ts'
import { HeaderList } from '#kit/header-list.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import { Breakers } from '#upstream/breaker.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { standStill } from '../../support/chat-road.ts'
import { bytesOf, settledExchange } from '../../support/exchange.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import { HandBody } from '../../support/hand-body.ts'
import { plainStreams } from '../../support/plain-streams.ts'
import { patient } from '../../support/outgoing.ts'
import { planOf } from '../../support/upstream.ts'

interface Bench {
  readonly clock: FakeClock
  readonly body: HandBody
  readonly exchange: Exchange
  readonly reader: ReadableStreamDefaultReader<Uint8Array>
  readonly patience: number[]
  leave(): void
}

function pumping(
  form: StreamForm | undefined,
  idleMs = 0,
  held: readonly string[] = [],
  policy: Partial<StreamPolicy> = {},
  durationMs = 0,
): Bench {
  const clock = new FakeClock()
  const body = new HandBody()
  const exchange = settledExchange({
    outcome: undefined,
    endedMs: undefined,
    firstByteMs: undefined,
    bytesOut: 0,
    chunksOut: 0,
  })
  const gateway = {
    clock,
    wheel: new TimerWheel(clock),
    breakers: new Breakers(),
    prefillRefusers: new Set<string>(),
    live: new Roster<Exchange>(),
    sinks: [],
    log: { write() {}, keeps: () => false },
  } as unknown as Gateway
  const client = new AbortController()
  const patience: number[] = []
  const incoming = {
    request: new Request('http://gateway/', { signal: client.signal }),
    endpoint: { path: '/', dialect: 'openai', reads: 'json', stream: 'chat' },
    path: '/',
    query: '',
    client: { address: '127.0.0.1', peer: undefined, note() {} },
    connection: { peer: undefined, patience: (seconds: number) => void patience.push(seconds) },
  } as const
  const presence = new Presence(gateway.wheel, incoming, exchange)
  presence.hasAsked()
  const backend = backendOf('b', { timeouts: { ...patient, idleMs, totalMs: 0 } })
  const answer: Answer = {
    kind: 'answer',
    candidate: candidateOf('b', 'm', { backend, streamClocks: { firstContentMs: 0, idleMs, durationMs } }),
    status: 200,
    headers: new HeaderList(),
    held: held.map(bytesOf),
    rest: body,
    form,
  }
  const plan = { ...planOf(), streaming: { ...planOf().streaming, clientStallMs: 300_000, ...policy } }
  const call = { endpoint: incoming.endpoint, stream: true, body: undefined } as unknown as Call
  const walk = new Walk(gateway, plan, call, exchange)
  const errand: Errand = { gateway, snapshot: {} as never, plan, call, exchange, presence, walk }
  const reader = new Delivery(errand, form).of(answer).getReader()
  return { clock, body, exchange, reader, patience, leave: () => client.abort() }
}

async function textOf(reader: Bench['reader']): Promise<string> {
  const { value } = await reader.read()
  return Buffer.from(value ?? []).toString()
}

/** Everything up to the end, and how it came. */
async function restOf(reader: Bench['reader']): Promise<{ text: string; how: 'end' | 'reset' }> {
  let text = ''
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read())
      text += Buffer.from(step.value).toString()
    return { text, how: 'end' }
  } catch {
    return { text, how: 'reset' }
  }
}

const event = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
const stop = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

const finished = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'

/** More than may wait for a client. */
const flood = 'x'.repeat(70_000)

describe('a body on its way to its client', () => {
  test('B42: hands every piece on in the moment it comes, after what was held', async () => {
    const { body, reader, exchange } = pumping(undefined, 0, ['one', 'two'])
    expect([await textOf(reader), await textOf(reader)]).toEqual(['one', 'two'])
    const next = reader.read()
    body.piece('three')
    expect(Buffer.from((await next).value ?? []).toString()).toBe('three')
    body.end()
    expect((await reader.read()).done).toBe(true)
    expect([exchange.outcome, exchange.bytesOut, exchange.chunksOut]).toEqual(['complete', 11, 3])
  })

  test('pauses the upstream of a client that does not read, once, and resumes it when it does', async () => {
    const { body, reader } = pumping(undefined)
    await settled()
    body.piece('first')
    expect(body.asked).toEqual([])
    body.piece(flood)
    body.piece('on its way')
    expect(body.asked).toEqual(['pause'])
    await textOf(reader)
    expect(body.asked).toEqual(['pause'])
    expect(await textOf(reader)).toBe(flood)
    await settled()
    expect(body.asked).toEqual(['pause', 'resume'])
    expect(await textOf(reader)).toBe('on its way')
  })

  test('wakes a paused upstream when half of what waited is gone', async () => {
    const { body, reader } = pumping(undefined)
    await settled()
    for (let count = 0; count < 8; count += 1) body.piece('x'.repeat(10_000))
    for (let count = 0; count < 4; count += 1) await textOf(reader)
    await settled()
    expect(body.asked).toEqual(['pause'])
    await textOf(reader)
    await settled()
    expect(body.asked).toEqual(['pause', 'resume'])
  })

  test('B111: an upstream that is paused does not count as one that fell silent', async () => {
    const { clock, body, reader, exchange } = pumping('chat', 10_000)
    await settled()
    body.piece(`data: "${flood}"\n\n`)
    await clock.advance(200_000)
    expect(exchange.outcome).toBeUndefined()
    await textOf(reader)
    await settled()
    expect(body.asked).toEqual(['pause', 'resume'])
    // From now on it is its move again.
    await clock.advance(9_999)
    expect(exchange.outcome).toBeUndefined()
    await clock.advance(1)
    expect([exchange.outcome, body.asked.at(-1)]).toEqual(['stalled', 'cancel'])
  })

  test('B111: each piece gives the upstream its whole limit again', async () => {
    const { clock, body, exchange, reader } = pumping('chat', 10_000)
    void restOf(reader)
    for (let count = 0; count < 5; count += 1) {
      await clock.advance(9_999)
      body.piece(event)
    }
    expect(exchange.outcome).toBeUndefined()
    await clock.advance(10_000)
    expect(exchange.outcome).toBe('stalled')
  })

  test('a client that takes nothing for five minutes is given up', async () => {
    const { clock, body, exchange, reader } = pumping('chat', 10_000)
    await settled()
    body.piece(`data: "${flood}"\n\n`)
    await clock.advance(299_999)
    expect(exchange.outcome).toBeUndefined()
    await clock.advance(1)
    expect([exchange.outcome, body.asked]).toEqual(['client_closed', ['pause', 'cancel']])
    expect((await restOf(reader)).how).toBe('reset')
    expect(clock.pending).toBe(0)
  })

  test.each<[string, (body: HandBody) => void, string]>([
    ['breaks', (body) => body.break(), 'upstream_error'],
    ['ends before its terminal marker', (body) => body.end(), 'stream_incomplete'],
    ['is ended by our own clock', (body) => body.break('aborted'), 'upstream_timeout'],
  ])('B44: a stream that %s ends with an error event and a reset', async (_, end, code) => {
    const { clock, body, reader } = pumping('chat', 0, [event])
    const reading = restOf(reader)
    body.piece('data: {"half')
    end(body)
    for (let step = 0; step < 5; step += 1) await clock.advance(20)
    const { text, how } = await reading
    expect(text).toStartWith(`${event}data: {"error":`)
    expect(text).not.toContain('half')
    expect([text.includes(`"code":"${code}"`), how]).toEqual([true, 'reset'])
  })

  test('B44: the reset waits for a slow client, so that it reads the error event', async () => {
    const { clock, body, reader } = pumping('chat')
    await settled()
    const last = `data: "${flood}"\n\n`
    body.piece(last)
    body.break()
    await clock.advance(2000)
    const reading = restOf(reader)
    await settled()
    await clock.advance(200)
    const { text, how } = await reading
    expect(text).toStartWith(`${last}data: {"error":`)
    expect(how).toBe('reset')
  })

  test('a stream that said all it has to say is whole, however its connection ends', async () => {
    const { body, reader, exchange } = pumping('chat')
    body.piece(event)
    body.piece('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    body.break()
    expect(await restOf(reader)).toMatchObject({ how: 'end' })
    expect(exchange.outcome).toBe('complete')
  })

  // An array that is not closed is not complete.
  const mendable = plainStreams.filter(({ form }) => form !== 'gemini_array')
  const endings: readonly { readonly how: string; readonly end: (bench: Bench) => unknown }[] = [
    { how: 'breaks', end: ({ body }) => body.break() },
    { how: 'falls silent', end: async ({ clock }) => await clock.advance(11_000) },
    { how: 'is cut', end: ({ exchange }) => exchange.cut?.cut() },
  ]

  test.each(
    mendable.flatMap(({ name, form, events }) => endings.map(({ how, end }) => ({ name, form, events, how, end }))),
  )(
    'a whole stream ($name) that $how before the line ends of its last event gets them',
    async ({ form, events, end }) => {
      const bench = pumping(form, 60_000)
      const reading = restOf(bench.reader)
      const whole = events(['One', ' two']).join('')
      bench.body.piece(whole.trimEnd())
      await end(bench)
      expect(await reading).toEqual({ text: whole, how: 'end' })
      expect(bench.exchange.outcome).toBe('complete')
    },
  )

  test('an answer that shows up when this process stood still is read before its silence counts', async () => {
    const { clock, body, reader, exchange } = pumping('chat', 10_000, [event])
    const reading = restOf(reader)
    const goOn = standStill(clock)
    await clock.advance(10_000)
    body.piece(event)
    goOn()
    expect(exchange.outcome).toBeUndefined()
    await clock.advance(10_000)
    expect(exchange.outcome).toBeUndefined()
    goOn()
    expect(exchange.outcome).toBe('stalled')
    await clock.advance(1000)
    expect((await reading).text).toStartWith(event + event)
  })

  test('what ends while this process stands still is not told of twice', async () => {
    const { clock, body, reader, exchange } = pumping('chat', 10_000, [event])
    const reading = restOf(reader)
    const goOn = standStill(clock)
    await clock.advance(10_000)
    body.piece(stop)
    body.end()
    goOn()
    expect(await reading).toEqual({ text: event + stop, how: 'end' })
    expect([exchange.outcome, body.asked]).toEqual(['complete', []])
    // And nobody looks any more.
    await clock.advance(5000)
    expect(clock.pending).toBe(0)
  })

  test('the error waits for a slow client as long as it takes something every few seconds', async () => {
    const { clock, body, reader } = pumping('chat')
    await settled()
    const pieces = Array.from({ length: 4 }, (_, index) => `data: "${index}${'x'.repeat(20_000)}"\n\n`)
    for (const piece of pieces) body.piece(piece)
    body.break()
    for (const piece of pieces) {
      expect(await textOf(reader)).toBe(piece)
      await clock.advance(14_000)
    }
    expect(await textOf(reader)).toStartWith('data: {"error":')
    await clock.advance(1000)
    expect((await restOf(reader)).how).toBe('reset')
    expect(clock.pending).toBe(0)
  })

  test('but not for one that takes nothing', async () => {
    const { clock, body, reader } = pumping('chat')
    await settled()
    body.piece(`data: "${flood}"\n\n`)
    body.break()
    await clock.advance(14_000)
    expect(clock.pending).toBeGreaterThan(0)
    await clock.advance(2000)
    expect(clock.pending).toBe(0)
    expect(await restOf(reader)).toEqual({ text: '', how: 'reset' })
  })

  test('a client that leaves lets its upstream go, and what still comes is dropped', async () => {
    const { clock, body, reader, exchange } = pumping('chat', 10_000, [event])
    await textOf(reader)
    await reader.cancel()
    expect([exchange.outcome, body.asked]).toEqual(['client_closed', ['cancel']])
    body.piece(event)
    body.end()
    await clock.advance(1000)
    expect([exchange.outcome, exchange.bytesOut, clock.pending]).toEqual(['client_closed', event.length, 0])
  })

  test('a client that leaves while an error event is on its way breaks nothing', async () => {
    const { clock, body, reader, exchange } = pumping('gemini_sse')
    body.break()
    await reader.cancel()
    await clock.advance(1000)
    expect([exchange.outcome, clock.pending]).toEqual(['upstream_broke', 0])
  })

  test('what breaks because the client left is the client’s doing', () => {
    const bench = pumping('chat')
    const { body, exchange } = bench
    bench.leave()
    body.break('aborted')
    expect(exchange.outcome).toBe('client_closed')
  })

  test('B118: cut, a stream that said all is complete, and any other ends with an error event', async () => {
    const complete = pumping('chat', 0, [event, stop])
    complete.exchange.cut?.cut()
    expect(await restOf(complete.reader)).toEqual({ text: event + stop, how: 'end' })
    expect([complete.exchange.outcome, complete.body.asked]).toEqual(['complete', ['cancel']])

    const open = pumping('chat', 0, [event])
    open.exchange.cut?.cut()
    const reading = restOf(open.reader)
    for (let step = 0; step < 5; step += 1) await open.clock.advance(20)
    const { text, how } = await reading
    expect([text.includes('"code":"shutting_down"'), how]).toEqual([true, 'reset'])
    expect([open.exchange.outcome, open.body.asked]).toEqual(['shut_down', ['cancel']])
  })

  test('an idle connection may be closed again before the body ends', async () => {
    const { clock, body, patience } = pumping('chat', 0, [event])
    await clock.advance(30)
    expect(patience).toEqual([0])
    body.piece(stop)
    body.end()
    expect(patience).toEqual([0, 75])
  })

  test.each<[StreamForm, string]>([
    ['chat', ': keep-alive\n\n'],
    ['messages', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ])('F32: a %s client that hears nothing gets signs of life, between whole events', async (form, sign) => {
    const { clock, body, reader, exchange } = pumping(form, 60_000, [event], { heartbeatMs: 15_000 })
    expect(await textOf(reader)).toBe(event)
    body.piece('data: {"half')
    await clock.advance(14_000)
    body.piece(' of"')
    await clock.advance(1000)
    expect(await textOf(reader)).toBe(sign)
    await clock.advance(15_000)
    expect(await textOf(reader)).toBe(sign)
    body.piece(' an event"}\n\n')
    expect(await textOf(reader)).toBe('data: {"half of" an event"}\n\n')
    expect([exchange.heartbeats, exchange.outcome]).toEqual([2, undefined])
  })

  test('a sign of life never stands inside of an event, nor in front of what waits for a slow client', async () => {
    const huge = `data: "${'x'.repeat(70_000)}`
    const inside = pumping('chat', 0, [], { heartbeatMs: 1000 })
    await settled()
    inside.body.piece(huge)
    expect(await textOf(inside.reader)).toBe(huge)
    await inside.clock.advance(5000)
    expect(inside.exchange.heartbeats).toBe(0)

    const slow = pumping('chat', 0, [], { heartbeatMs: 1000 })
    await settled()
    slow.body.piece(`${huge}"\n\n`)
    await slow.clock.advance(5000)
    expect(slow.exchange.heartbeats).toBe(0)
  })

  test('bodies without a known form get no signs of life', async () => {
    const { clock, body, reader, exchange } = pumping(undefined, 0, ['RIFF'], { heartbeatMs: 1000 })
    expect(await textOf(reader)).toBe('RIFF')
    await clock.advance(10_000)
    body.piece('data')
    expect(await textOf(reader)).toBe('data')
    expect(exchange.heartbeats).toBe(0)
  })

  test.each([
    { last: 'its last word', said: stop, afterMs: 1000 },
    { last: 'a reason to finish, behind which usage may come', said: finished, afterMs: 10_000 },
  ])('a stream that said $last is over after $afterMs ms of silence', async ({ said, afterMs }) => {
    const { clock, body, reader, exchange } = pumping('chat', 60_000, [event])
    const reading = restOf(reader)
    body.piece(said)
    await clock.advance(afterMs - 1)
    expect(exchange.outcome).toBeUndefined()
    await clock.advance(1001)
    expect([exchange.outcome, body.asked]).toEqual(['complete', ['cancel']])
    expect(await reading).toEqual({ text: `${event}${said}`, how: 'end' })
  })

  test('F37: a stream that never ends is cut when its time is over', async () => {
    const { clock, body, reader, exchange } = pumping('chat', 0, [event], {}, 5000)
    const reading = restOf(reader)
    for (let count = 0; count < 6; count += 1) {
      body.piece(event)
      await clock.advance(1000)
    }
    expect([exchange.outcome, body.asked]).toEqual(['stalled', ['cancel']])
    const { text, how } = await reading
    expect(text).toContain('streaming.max_duration')
    expect(how).toBe('reset')
  })

  test('each limit of silence tells its name', async () => {
    const { clock, reader } = pumping('chat', 10_000, [event])
    const reading = restOf(reader)
    await clock.advance(11_000)
    expect((await reading).text).toContain('longer than timeout.idle')
  })

  test('F38: with on_disconnect "finish" a stream is read on without its client, and told as one that it left', async () => {
    const { clock, body, reader, exchange } = pumping('chat', 10_000, [event], { onDisconnect: 'finish' })
    await textOf(reader)
    await reader.cancel()
    expect([exchange.outcome, body.asked.includes('cancel')]).toEqual([undefined, false])
    body.piece(stop)
    body.end()
    expect([exchange.outcome, exchange.bytesOut]).toEqual(['client_closed', event.length])
    await clock.advance(1000)
    expect(clock.pending).toBe(0)
  })

  test('without its client a stream is read on for a minute, no longer', async () => {
    const { clock, body, reader, exchange } = pumping('chat', 10_000, [event], { onDisconnect: 'finish' })
    await textOf(reader)
    await reader.cancel()
    for (let count = 0; count < 59; count += 1) {
      body.piece(event)
      await clock.advance(1000)
    }
    expect(exchange.outcome).toBeUndefined()
    body.piece(event)
    await clock.advance(1000)
    expect([exchange.outcome, body.asked.at(-1)]).toEqual(['client_closed', 'cancel'])
    await clock.advance(1000)
    expect(clock.pending).toBe(0)
  })
})
