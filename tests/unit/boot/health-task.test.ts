import { describe, expect, test } from 'bun:test'
import { HealthTask } from '#boot/health-task.ts'
import type { Backend } from '#core/candidate.ts'
import type { HealthPolicy, HealthState } from '#core/health.ts'
import type { Attempt } from '#core/exchange.ts'
import type { CredentialBook } from '#core/credential.ts'
import { Secret } from '#core/secret.ts'
import type { SharedFact } from '#core/shared.ts'
import type { Log } from '#ports/log.ts'
import { seededRandom } from '#ports/random.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
import { Health } from '#upstream/health.ts'
import { backendOf } from '../../support/candidate.ts'
import { attemptOf, settledExchange } from '../../support/exchange.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import { broken } from '../../support/road.ts'
import { untilStopped } from '../../support/scripted.ts'
import { wholeResponse } from '../../support/upstream.ts'

type Behaviour = 'up' | 'down' | 'hangs' | number

interface Bench {
  readonly clock: FakeClock
  readonly health: Health
  readonly task: HealthTask
  /** Backends that were asked, with the time. */
  readonly asked: { readonly name: string; readonly atMs: number }[]
  readonly lines: string[]
  /** How each behaves from now on; `up` unless told. */
  readonly behaves: Map<string, Behaviour>
  readonly underWay: { now: number; most: number }
  readonly start: (...backends: Backend[]) => () => void
}

function bench(clock = new FakeClock()): Bench {
  const health = new Health()
  const asked: Bench['asked'] = []
  const lines: string[] = []
  const behaves = new Map<string, Behaviour>()
  const underWay = { now: 0, most: 0 }
  const transport: Transport = {
    async send(request) {
      const name = request.url.hostname
      asked.push({ name, atMs: Math.round(clock.monotonicMs()) })
      underWay.now += 1
      underWay.most = Math.max(underWay.most, underWay.now)
      try {
        return await answerOf(behaves.get(name) ?? 'up', request)
      } finally {
        underWay.now -= 1
      }
    },
  }
  const log: Log = {
    write: (level, event, fields = {}) =>
      void lines.push(`${level} ${event} ${fields['backend']} ${fields['reason'] ?? ''}`),
    keeps: () => true,
  }
  const credentials: CredentialBook = { ringOf: () => undefined }
  const task = new HealthTask({ clock, random: seededRandom(1), transport, credentials, log, health })
  const start = (...backends: Backend[]): (() => void) => {
    const end = new AbortController()
    task.adopt(new Map(backends.map((one) => [one.name, one])))
    task.start(end.signal)
    return () => end.abort()
  }
  return { clock, health, task, asked, lines, behaves, underWay, start }
}

async function answerOf(behaviour: Behaviour, { stop }: OutgoingRequest): Promise<IncomingResponse | TransportFailure> {
  if (behaviour === 'hangs') return await untilStopped(stop)
  if (behaviour === 'down') return broken('connect', 'refused')
  return wholeResponse(behaviour === 'up' ? 200 : behaviour, {})
}

function backend(
  name: string,
  policy: Partial<HealthPolicy> = {},
  address = name,
  overrides: Partial<Backend> = {},
): Backend {
  return backendOf(name, {
    ...overrides,
    url: new URL(`http://${address}/v1`),
    health: {
      method: 'GET',
      url: new URL(`http://${address}/health`),
      protocol: 'openai',
      dialect: 'openai',
      headers: [],
      expects: (status) => status === 200,
      intervalMs: 30_000,
      timeoutMs: 5000,
      failureThreshold: 3,
      successThreshold: 2,
      ...policy,
    },
  })
}

describe('HealthTask', () => {
  test('D35: the first checks come 100 ms after the start, all at once, and decide', async () => {
    const { clock, health, asked, behaves, lines, start } = bench()
    behaves.set('b', 500)
    start(backend('a'), backend('b'))
    await clock.advance(99)
    expect(asked).toEqual([])
    await clock.advance(1)
    expect(asked).toEqual([
      { name: 'a', atMs: 100 },
      { name: 'b', atMs: 100 },
    ])
    expect([health.recordOf('a')?.state, health.recordOf('b')?.state]).toEqual(['healthy', 'unhealthy'])
    expect(lines).toEqual(['warn backend_down b it answered with status 500'])
  })

  test('D33: the next ones come after the interval, a tenth more or less, and not in step', async () => {
    const { clock, asked, start } = bench()
    start(backend('a'), backend('b', { intervalMs: 10_000 }))
    await clock.advance(600_000)
    for (const [name, intervalMs] of [
      ['a', 30_000],
      ['b', 10_000],
    ] as const) {
      const times = asked.filter((one) => one.name === name).map(({ atMs }) => atMs)
      const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(intervalMs * 0.9 - 1)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(intervalMs * 1.1 + 1)
      expect(new Set(pauses).size).toBeGreaterThan(10)
    }
  })

  test('C536 C107: a backend that dies is out after three checks, of which the second and third come soon', async () => {
    const { clock, health, asked, behaves, lines, start } = bench()
    start(backend('a'))
    await clock.advance(1000)
    behaves.set('a', 'down')
    await clock.advance(40_000)
    const atMs = asked.slice(1, 4).map((one) => one.atMs)
    expect(lines).toEqual(['warn backend_down a the connection broke in connect'])
    expect((atMs[2] ?? NaN) - (atMs[0] ?? NaN)).toBeLessThan(7000)
    expect(atMs[2]).toBeLessThan(40_000)
    expect(health.downUntil('a')).toBeGreaterThan(clock.monotonicMs())
  })

  test('C109: it comes back by itself after two good checks', async () => {
    const { clock, health, behaves, lines, start } = bench()
    behaves.set('a', 'down')
    start(backend('a'))
    await clock.advance(100)
    expect(health.downUntil('a')).toBeDefined()
    behaves.set('a', 'up')
    await clock.advance(40_000)
    expect(health.downUntil('a')).toBeUndefined()
    expect(lines.at(-1)).toStartWith('info backend_up a')
  })

  test('D38: 50 backends that do not answer are all known to be down within the timeout and a second', async () => {
    const { clock, health, behaves, start } = bench()
    const names = Array.from({ length: 50 }, (_, index) => `b${index}`)
    for (const name of names) behaves.set(name, 'hangs')
    start(...names.map((name) => backend(name)))
    await clock.advance(6000)
    expect(names.filter((name) => health.recordOf(name)?.state === 'unhealthy')).toEqual(names)
  })

  test('no more than 500 checks are under way, and everybody has their turn', async () => {
    const { clock, health, behaves, underWay, start } = bench()
    const names = Array.from({ length: 1250 }, (_, index) => `b${index}`)
    for (const name of names) behaves.set(name, 'hangs')
    start(...names.map((name) => backend(name, { timeoutMs: 1000, intervalMs: 60_000 })))
    await clock.advance(4000)
    expect(underWay.most).toBe(500)
    expect(names.every((name) => health.recordOf(name)?.state === 'unhealthy')).toBe(true)
  })

  test('D66: a reload checks at once what is new, has moved or is not well, and leaves the others at their pace', async () => {
    const { clock, task, health, asked, behaves, start } = bench()
    behaves.set('down', 'down')
    start(backend('well'), backend('down'), backend('moves'), backend('gone'), backend('asked-else'))
    await clock.advance(1000)
    asked.length = 0
    const next = [
      backend('well'),
      backend('down'),
      backend('moves', {}, 'elsewhere'),
      backend('new'),
      backend('asked-else', { timeoutMs: 4000 }),
    ]
    task.adopt(new Map(next.map((one) => [one.name, one])))
    expect(health.recordOf('moves')?.state).toBe('unknown')
    await clock.advance(1)
    expect(asked.map(({ name }) => name).toSorted()).toEqual(['asked-else', 'down', 'elsewhere', 'new'])
    expect(health.recordOf('gone')).toBeUndefined()
    await clock.advance(120_000)
    expect(asked.some(({ name }) => name === 'gone')).toBe(false)
  })

  test('a check of the former address says nothing about the new one', async () => {
    const { clock, task, health, behaves, start } = bench()
    behaves.set('a', 'hangs')
    start(backend('a'))
    await clock.advance(100)
    const moved = backend('a', {}, 'elsewhere')
    task.adopt(new Map([['a', moved]]))
    await clock.advance(10_000)
    expect(health.recordOf('a')).toMatchObject({ state: 'healthy', fault: undefined })
  })

  test('a reload that asks differently takes effect although a check is under way, whose finding counts for nothing', async () => {
    const { clock, task, health, asked, behaves, lines, start } = bench()
    behaves.set('a', 'hangs')
    start(backend('a', { failureThreshold: 1, intervalMs: 60_000 }))
    await clock.advance(1000)
    asked.length = 0
    behaves.set('a', 'up')
    task.adopt(new Map([['a', backend('a', { failureThreshold: 1, intervalMs: 60_000, headers: [['x', 'y']] })]]))
    await clock.advance(10)
    expect([asked.map(({ name }) => name), health.recordOf('a')?.state]).toEqual([['a'], 'healthy'])
    await clock.advance(10_000)
    expect([lines, health.recordOf('a')?.state]).toEqual([[], 'healthy'])
  })

  const onSocket = { ...backendOf('a').link, unixPath: '/one.sock' }
  test.each<{ name: string; after: Partial<Backend>; state: HealthState }>([
    { name: 'another key', after: { apiKey: new Secret('new') }, state: 'healthy' },
    { name: 'other headers', after: { headers: [['x', 'y']] }, state: 'healthy' },
    { name: 'another link', after: { link: { ...onSocket, transport: 'fetch' } }, state: 'healthy' },
    { name: 'another unix socket', after: { link: { ...onSocket, unixPath: '/two.sock' } }, state: 'unknown' },
  ])('D66: $name is checked at once after a reload', async ({ after, state }) => {
    const { clock, task, health, asked, start } = bench()
    const before = { apiKey: new Secret('old'), link: onSocket }
    start(backend('a', {}, 'a', before))
    await clock.advance(1000)
    asked.length = 0
    task.adopt(new Map([['a', backend('a', {}, 'a', { ...before, link: { ...onSocket } })]]))
    await clock.advance(1)
    expect(asked).toEqual([])
    task.adopt(new Map([['a', backend('a', {}, 'a', { ...before, ...after })]]))
    expect(health.recordOf('a')?.state).toBe(state)
    await clock.advance(1)
    expect(asked).toHaveLength(1)
  })

  test('N314: a process that starts after a probe was lost is told that the backend is well', async () => {
    const one = bench()
    const facts: SharedFact[] = []
    one.task.learned = (fact) => facts.push(fact)
    one.start(backend('a'))
    await one.clock.advance(100)
    one.behaves.set('a', 'down')
    await one.clock.advance(31_000)
    const late = bench()
    late.task.adopt(new Map([['a', backend('a')]]))
    const last = facts.at(-1)
    expect(last).toMatchObject({ kind: 'health', state: 'healthy', finding: { kind: 'fault' } })
    if (last?.kind === 'health') late.task.hear(last)
    expect(late.health.recordOf('a')).toMatchObject({ state: 'healthy', fault: 'the connection broke in connect' })
    await one.clock.advance(30_000)
    for (const fact of facts) if (fact.kind === 'health') late.task.hear(fact)
    expect([late.health.recordOf('a')?.state, late.health.downCount]).toEqual(['unhealthy', 1])
  })

  test('what others are told holds for some time, also when checks take longer than their interval', async () => {
    const { clock, task, behaves, start } = bench()
    const times: number[] = []
    task.learned = ({ forMs }) => times.push(forMs)
    behaves.set('a', 'hangs')
    start(backend('a', { intervalMs: 1000 }))
    await clock.advance(20_000)
    expect(times.length).toBeGreaterThan(2)
    expect(Math.min(...times)).toBeGreaterThan(0)
  })

  test('F79: after the machine slept everybody is checked at once', async () => {
    const clock = new SleepyClock()
    const { asked, start } = bench(clock)
    start(backend('a'), backend('b'))
    await clock.advance(2000)
    asked.length = 0
    clock.sleepFor(4000)
    await clock.advance(1500)
    expect(asked).toEqual([])
    clock.sleepFor(30 * 60_000)
    await clock.advance(1500)
    expect(asked.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  test('a backend that is down and answers requests is looked at again, now and then', async () => {
    const { clock, task, asked, behaves, start } = bench()
    behaves.set('a', 'down')
    start(backend('a'), backend('b'))
    await clock.advance(1000)
    asked.length = 0
    const tell = (changes: Partial<Attempt>): void =>
      task.settled(settledExchange({ attempts: [attemptOf({ status: 200, ...changes })] }))
    tell({ backend: 'b' })
    tell({ backend: 'a', status: undefined })
    await clock.advance(1)
    expect(asked).toEqual([])
    for (let count = 0; count < 500; count += 1) {
      tell({ backend: 'a' })
      await clock.advance(10)
    }
    // Within five seconds, by an interval of thirty: at once, and after a tenth of it.
    expect(asked.map(({ name }) => name)).toEqual(['a', 'a'])
  })

  test('at the end nothing is left: no timer, no check', async () => {
    const { clock, behaves, underWay, start } = bench()
    behaves.set('b', 'hangs')
    const end = start(backend('a'), backend('b'))
    await clock.advance(200)
    expect(underWay.now).toBe(1)
    end()
    await settled()
    expect([underWay.now, clock.pending]).toEqual([0, 0])
  })

  test('with nobody to check nothing runs', async () => {
    const { clock, task, start } = bench()
    start()
    expect(clock.pending).toBe(0)
    task.adopt(new Map([['a', backend('a')]]))
    expect(clock.pending).toBe(2)
    task.adopt(new Map())
    expect(clock.pending).toBe(0)
  })
})

/** Its wall clock goes on while the machine sleeps. */
class SleepyClock extends FakeClock {
  #sleptMs = 0

  sleepFor(ms: number): void {
    this.#sleptMs += ms
  }

  override wallMs(): number {
    return super.wallMs() + this.#sleptMs
  }
}
