import { expect, test } from 'bun:test'
import { SharedState } from '#boot/shared-state.ts'
import { isFromWorker, messageVersion } from '#boot/worker-messages.ts'
import type { CooldownPolicy, OutlierPolicy } from '#core/plan.ts'
import type { SharedFact } from '#core/shared.ts'
import { Figures } from '#route/figures.ts'
import { Breakers } from '#upstream/breaker.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** Two processes that tell each other what they learn; their monotonic clocks have nothing in common. */
function pair() {
  const clock = new FakeClock()
  const sent: (readonly SharedFact[])[] = []
  const make = (aheadMs: number, send: (facts: readonly SharedFact[]) => void) => {
    const breakers = new Breakers()
    const { pins } = new Figures()
    const nowMs = (): number => clock.monotonicMs() + aheadMs
    const state = new SharedState(clock, send, {
      cooldown: (fact) => breakers.hear(fact, nowMs()),
      circuit: (fact) => breakers.hear(fact, nowMs()),
      ejection: ({ key, forMs }) => breakers.outliers.hear(key, forMs, nowMs()),
      pin: ({ key, stateKey, forMs }) => pins.hear(key, stateKey, nowMs(), forMs),
    })
    breakers.learned = breakers.outliers.learned = pins.learned = state.learned
    return { breakers, pins, state, nowMs }
  }
  const one = make(0, (facts) => {
    sent.push(facts)
    other.state.hear(facts)
  })
  const other: ReturnType<typeof make> = make(5_000_000, (facts) => one.state.hear(facts))
  return { clock, sent, one, other }
}

const cooldown: CooldownPolicy = {
  cooldownMs: 60_000,
  retryAfterMsMax: 60_000,
  respectRetryAfter: true,
} as CooldownPolicy
const breaker = { failureThreshold: 1, successThreshold: 1, openMs: 10_000, openMsMax: 80_000, outPercentMax: 50 }

test('D67: a route that rests in one process rests in the other, for as long by its own clock', async () => {
  const { clock, one, other } = pair()
  one.breakers.failed('a', one.nowMs(), cooldown, undefined)
  expect(other.breakers.restOf('a', other.nowMs(), undefined)).toBeUndefined()
  await clock.advance(50)
  expect(other.breakers.restOf('a', other.nowMs(), undefined)).toEqual({
    why: 'cooling',
    untilMs: other.nowMs() + 60_000,
  })
})

test('D67: a circuit opens in both, grows in both, and closes in both', async () => {
  const { clock, one, other } = pair()
  const none = { ...cooldown, cooldownMs: 0 }
  one.breakers.failed('a', one.nowMs(), none, breaker)
  await clock.advance(50)
  expect(other.breakers.look('a', other.nowMs(), breaker)).toMatchObject({ circuit: 'open', restsForMs: 10_000 })
  await clock.advance(10_000)
  // The one whose probe fails lets the circuit grow from what the other one began.
  expect(other.breakers.mayTry('a', other.nowMs(), breaker)).toBe(true)
  expect(other.breakers.failed('a', other.nowMs(), none, breaker).openedMs).toBe(20_000)
  await clock.advance(50)
  expect(one.breakers.look('a', one.nowMs(), breaker)).toMatchObject({ circuit: 'open', restsForMs: 20_000 })
  await clock.advance(20_000)
  expect(one.breakers.mayTry('a', one.nowMs(), breaker)).toBe(true)
  one.breakers.succeeded('a', breaker, clock)
  await clock.advance(50)
  expect(other.breakers.look('a', other.nowMs(), breaker).circuit).toBe('closed')
})

test('D67: who is ejected by one is ejected by the other', async () => {
  const { clock, one, other } = pair()
  const policy = { ejectionMs: 30_000, ejectionMsMax: 300_000 } as OutlierPolicy
  one.breakers.outliers.eject('a', one.nowMs(), policy)
  await clock.advance(50)
  expect(other.breakers.outliers.ejectedUntil('a', other.nowMs())).toBe(other.nowMs() + 30_000)
})

test('D67: a client stays with its route, whichever process it comes to; that it still does is told now and then', async () => {
  const { clock, sent, one, other } = pair()
  one.pins.keep('client', 'route', one.nowMs(), 100_000)
  await clock.advance(50)
  expect(other.pins.find('client', other.nowMs())).toBe('route')
  for (let second = 0; second < 100; second += 1) {
    one.pins.keep('client', 'route', one.nowMs(), 100_000)
    await clock.advance(1000)
  }
  expect(sent.length).toBeWithin(3, 7)
  expect(other.pins.find('client', other.nowMs())).toBe('route')
  one.pins.keep('client', 'another', one.nowMs(), 100_000)
  await clock.advance(50)
  expect(other.pins.find('client', other.nowMs())).toBe('another')
})

test('what comes within 50 ms goes in one message, and what is heard is not told again', async () => {
  const { clock, sent, one, other } = pair()
  for (const key of ['a', 'b', 'c']) one.breakers.failed(key, one.nowMs(), cooldown, undefined)
  await clock.advance(49)
  expect(sent).toEqual([])
  await clock.advance(1)
  expect(sent.map((facts) => facts.map(({ key }) => key))).toEqual([['a', 'b', 'c']])
  other.pins.keep('client', 'route', other.nowMs(), 1000)
  await clock.advance(500)
  expect(sent).toHaveLength(1)
  expect(clock.pending).toBe(0)
})

test('messages of another version are not understood', () => {
  const message = { kind: 'facts', facts: [] }
  expect(isFromWorker({ ...message, version: messageVersion })).toBe(true)
  for (const other of [
    message,
    { ...message, version: messageVersion + 1 },
    { version: messageVersion },
    null,
    'facts',
  ])
    expect(isFromWorker(other)).toBe(false)
})

test('D67: who has what was just made is told at once, since its client may ask anybody for it', async () => {
  const { clock, sent, one } = pair()
  const owner = { backend: 'up', address: 'http://up/', credential: undefined, caller: 'c' }
  one.state.learned({ kind: 'pin', key: 'client', forMs: 1000, stateKey: 'a' })
  one.state.learned({ kind: 'owner', key: 'id', forMs: 1000, of: 'response', owner })
  expect(sent.map((facts) => facts.map(({ kind }) => kind))).toEqual([['owner', 'pin']])
  await clock.advance(50)
  expect(sent).toHaveLength(1)
})

test('D67: a rest that is extended by more than a second is told again, and one that lasts a little longer is not', async () => {
  const { clock, sent, one, other } = pair()
  const rest = (forMs: number): void =>
    void one.breakers.failed('a', one.nowMs(), cooldown, undefined, Math.min(forMs, cooldown.retryAfterMsMax))
  rest(5000)
  await clock.advance(50)
  rest(5800)
  await clock.advance(50)
  expect(sent).toHaveLength(1)
  rest(20_000)
  await clock.advance(50)
  expect(sent).toHaveLength(2)
  expect(other.breakers.restOf('a', other.nowMs(), undefined)?.untilMs).toBe(other.nowMs() + 20_000)
  other.breakers.failed('a', other.nowMs(), cooldown, undefined, 20_100)
  await clock.advance(50)
  expect(one.breakers.restOf('a', one.nowMs(), undefined)?.untilMs).toBe(one.nowMs() + 19_900)
})

test('a hearer that throws leaves nobody deaf', () => {
  const clock = new FakeClock()
  const sent: SharedFact[] = []
  const state = new SharedState(clock, (facts) => void sent.push(...facts), {
    cooldown: () => {
      throw new Error('broken')
    },
  })
  expect(() => state.hear([{ kind: 'cooldown', key: 'a', forMs: 1 }])).toThrow('broken')
  const owner = { backend: 'up', address: 'http://up/', credential: undefined, caller: 'c' }
  state.learned({ kind: 'owner', key: 'id', forMs: 1000, of: 'response', owner })
  expect(sent).toHaveLength(1)
})
