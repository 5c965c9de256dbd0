import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { BreakerPolicy, CooldownPolicy, OutlierPolicy } from '#core/plan.ts'
import { Breakers } from '#upstream/breaker.ts'

const cooldown: CooldownPolicy = {
  cooldownMs: 30_000,
  retryAfterMsMax: 300_000,
  respectRetryAfter: true,
  cools: () => false,
}
const noCooldown: CooldownPolicy = { ...cooldown, cooldownMs: 0 }
const circuit: BreakerPolicy = {
  failureThreshold: 3,
  openMs: 60_000,
  openMsMax: 600_000,
  successThreshold: 2,
  outPercentMax: 50,
}
const key = '["a","m"]'

let breakers: Breakers
beforeEach(() => {
  breakers = new Breakers()
})

const at = (nowMs: number) => ({ monotonicMs: () => nowMs })

/** Fails until the circuit opens, at time 0. */
function open(): void {
  for (let count = 0; count < circuit.failureThreshold; count += 1) breakers.failed(key, 0, noCooldown, circuit)
}

describe('cooldown', () => {
  test('a route that never failed may be tried and leaves nothing behind', () => {
    expect(breakers.mayTry(key, 0, undefined)).toBe(true)
    expect(breakers.restsUntil(key, 0, undefined)).toBeUndefined()
    expect(breakers.succeeded(key, undefined, at(0))).toBeUndefined()
    expect(breakers.size).toBe(0)
  })

  test('B20: a failed route rests for the cooldown', () => {
    expect(breakers.failed(key, 1000, cooldown, undefined)).toEqual({ cooledMs: 30_000, openedMs: 0 })
    expect(breakers.mayTry(key, 30_999, undefined)).toBe(false)
    expect(breakers.restsUntil(key, 30_999, undefined)).toBe(31_000)
  })

  test('B21: the route may be tried again at the moment its rest ends', () => {
    breakers.failed(key, 1000, cooldown, undefined)
    expect(breakers.mayTry(key, 31_000, undefined)).toBe(true)
    expect(breakers.restsUntil(key, 31_000, undefined)).toBeUndefined()
  })

  test('B22: another model of the same backend is not touched', () => {
    breakers.failed('["a","m"]', 0, cooldown, undefined)
    expect(breakers.mayTry('["a","n"]', 1, undefined)).toBe(true)
  })

  test('a cooldown of 0 rests nobody, not even on request of the upstream', () => {
    expect(breakers.failed(key, 0, noCooldown, undefined, 7000)).toEqual({ cooledMs: 0, openedMs: 0 })
    expect(breakers.mayTry(key, 0, undefined)).toBe(true)
  })

  test.each([
    { name: 'takes the place of a longer cooldown', retryAfterMs: 7000, restMs: 7000 },
    { name: 'takes the place of a shorter cooldown', retryAfterMs: 90_000, restMs: 90_000 },
    { name: 'is bounded', retryAfterMs: 9_999_999_000, restMs: 300_000 },
    { name: 'of 0 is ignored', retryAfterMs: 0, restMs: 30_000 },
    { name: 'in the past is ignored', retryAfterMs: -5000, restMs: 30_000 },
  ])('B25: a Retry-After $name', ({ retryAfterMs, restMs }) => {
    breakers.failed(key, 0, cooldown, undefined, retryAfterMs)
    expect(breakers.restsUntil(key, 0, undefined)).toBe(restMs)
  })

  test('B25: a Retry-After counts for nothing where it is switched off', () => {
    breakers.failed(key, 0, { ...cooldown, respectRetryAfter: false }, undefined, 7000)
    expect(breakers.restsUntil(key, 0, undefined)).toBe(30_000)
  })

  test('a rest is only ever extended, and told once', () => {
    expect(breakers.failed(key, 0, cooldown, undefined, 90_000).cooledMs).toBe(90_000)
    expect(breakers.failed(key, 10, cooldown, undefined).cooledMs).toBe(0)
    expect(breakers.restsUntil(key, 10, undefined)).toBe(90_000)
  })

  test('a success that comes late does not end a rest', () => {
    breakers.failed(key, 0, cooldown, undefined)
    breakers.succeeded(key, undefined, at(0))
    expect(breakers.mayTry(key, 1, undefined)).toBe(false)
  })

  test('B23: expired rests vanish from the list and from memory', () => {
    breakers.failed('one', 0, cooldown, undefined)
    breakers.failed('two', 0, cooldown, undefined, 100_000)
    expect(breakers.list(10_000, undefined)).toEqual([
      { key: 'one', restsForMs: 20_000, circuit: 'closed' },
      { key: 'two', restsForMs: 90_000, circuit: 'closed' },
    ])
    expect(breakers.list(30_000, undefined).map((rest) => rest.key)).toEqual(['two'])
    breakers.sweep(30_000)
    expect(breakers.size).toBe(1)
    expect(breakers.list(100_000, undefined)).toEqual([])
  })

  test('B23: failures sweep by themselves what expired before', () => {
    for (let route = 0; route < 100; route += 1) breakers.failed(`route ${route}`, route, cooldown, undefined)
    expect(breakers.size).toBe(100)
    breakers.failed('another', 200_000, cooldown, undefined)
    expect(breakers.size).toBe(1)
  })
})

describe('circuit', () => {
  test('B109: failures in a row open it for the open time', () => {
    expect(breakers.failed(key, 0, noCooldown, circuit).openedMs).toBe(0)
    expect(breakers.failed(key, 0, noCooldown, circuit).openedMs).toBe(0)
    expect(breakers.mayTry(key, 0, circuit)).toBe(true)
    expect(breakers.failed(key, 0, noCooldown, circuit)).toEqual({ cooledMs: 0, openedMs: 60_000 })
    expect(breakers.mayTry(key, 59_999, circuit)).toBe(false)
    expect(breakers.restsUntil(key, 59_999, circuit)).toBe(60_000)
    expect(breakers.list(1, circuit)).toEqual([{ key, restsForMs: 59_999, circuit: 'open' }])
  })

  test('B109: a success in between starts the count anew', () => {
    breakers.failed(key, 0, noCooldown, circuit)
    breakers.failed(key, 0, noCooldown, circuit)
    breakers.succeeded(key, circuit, at(0))
    breakers.failed(key, 0, noCooldown, circuit)
    expect(breakers.failed(key, 0, noCooldown, circuit).openedMs).toBe(0)
    expect(breakers.mayTry(key, 0, circuit)).toBe(true)
  })

  test('B109: half-open lets one probe through at a time', () => {
    open()
    expect(breakers.mayTry(key, 60_000, circuit)).toBe(true)
    expect(breakers.mayTry(key, 60_000, circuit)).toBe(false)
    expect(breakers.restsUntil(key, 60_000, circuit)).toBeGreaterThan(60_000)
    expect(breakers.list(60_000, circuit)[0]?.circuit).toBe('half_open')
  })

  test('B109: asking how long a route rests takes no probe', () => {
    open()
    expect(breakers.restsUntil(key, 60_000, circuit)).toBeUndefined()
    expect(breakers.restsUntil(key, 60_000, circuit)).toBeUndefined()
    expect(breakers.mayTry(key, 60_000, circuit)).toBe(true)
  })

  test('B109: as many successes as wanted close it', () => {
    open()
    breakers.mayTry(key, 60_000, circuit)
    expect(breakers.succeeded(key, circuit, at(60_000))).toBeUndefined()
    expect(breakers.mayTry(key, 60_001, circuit)).toBe(true)
    expect(breakers.succeeded(key, circuit, at(60_001))).toBe('closed')
    expect(breakers.mayTry(key, 60_002, circuit)).toBe(true)
    expect(breakers.mayTry(key, 60_002, circuit)).toBe(true)
    expect(breakers.list(60_002, circuit)).toEqual([])
  })

  test('B109: a failed probe opens it again, for twice as long, and its successes are forgotten', () => {
    open()
    breakers.mayTry(key, 60_000, circuit)
    breakers.succeeded(key, circuit, at(60_000))
    breakers.mayTry(key, 60_000, circuit)
    expect(breakers.failed(key, 61_000, noCooldown, circuit).openedMs).toBe(120_000)
    expect(breakers.mayTry(key, 180_999, circuit)).toBe(false)
    expect(breakers.mayTry(key, 181_000, circuit)).toBe(true)
    expect(breakers.succeeded(key, circuit, at(181_000))).toBeUndefined()
  })

  test('a probe whose client left gives its place to the next', () => {
    open()
    breakers.mayTry(key, 60_000, circuit)
    breakers.release(key)
    expect(breakers.mayTry(key, 60_001, circuit)).toBe(true)
  })

  test('a probe that never reports does not lock the route for ever', () => {
    open()
    breakers.mayTry(key, 60_000, circuit)
    expect(breakers.mayTry(key, 119_999, circuit)).toBe(false)
    expect(breakers.mayTry(key, 120_000, circuit)).toBe(true)
  })

  test('answers from before the circuit opened neither close it nor open it anew', () => {
    open()
    expect(breakers.succeeded(key, circuit, at(0))).toBeUndefined()
    expect(breakers.failed(key, 30_000, noCooldown, circuit).openedMs).toBe(0)
    expect(breakers.restsUntil(key, 30_000, circuit)).toBe(60_000)
  })

  test('the longer of cooldown and open circuit counts', () => {
    for (let count = 0; count < 3; count += 1) breakers.failed(key, 0, cooldown, circuit)
    expect(breakers.restsUntil(key, 0, circuit)).toBe(60_000)
    breakers.failed(key, 0, cooldown, circuit, 90_000)
    expect(breakers.restsUntil(key, 0, circuit)).toBe(90_000)
  })

  test('a reload that switches the breaker off frees the route at once', () => {
    open()
    expect(breakers.mayTry(key, 1, undefined)).toBe(true)
    breakers.succeeded(key, undefined, at(1))
    expect(breakers.mayTry(key, 1, circuit)).toBe(true)
  })

  test('a reload that lowers the threshold counts from the next failure on', () => {
    breakers.failed(key, 0, noCooldown, circuit)
    expect(breakers.failed(key, 0, noCooldown, { ...circuit, failureThreshold: 2 }).openedMs).toBe(60_000)
  })
})

describe('why a route rests', () => {
  test.each([
    { name: 'nobody failed', cooledMs: 0, failures: 0, atMs: 0, rest: undefined },
    { name: 'it cools down', cooledMs: 5000, failures: 1, atMs: 1000, rest: { why: 'cooling', untilMs: 5000 } },
    { name: 'it has cooled down', cooledMs: 5000, failures: 1, atMs: 5000, rest: undefined },
    {
      name: 'its circuit is open',
      cooledMs: 0,
      failures: 3,
      atMs: 1000,
      rest: { why: 'circuit_open', untilMs: 60_000 },
    },
    {
      name: 'the longer of two counts',
      cooledMs: 90_000,
      failures: 3,
      atMs: 1000,
      rest: { why: 'cooling', untilMs: 90_000 },
    },
    { name: 'its circuit may be probed', cooledMs: 0, failures: 3, atMs: 60_000, rest: undefined },
  ] as const)('$name', ({ cooledMs, failures, atMs, rest }) => {
    for (let count = 0; count < failures; count += 1) {
      breakers.failed(key, 0, { ...cooldown, cooldownMs: cooledMs }, circuit)
    }
    expect(breakers.restOf(key, atMs, circuit)).toEqual(rest)
    expect(breakers.restOf(key, atMs, circuit)).toEqual(rest)
    expect(breakers.restOf(key, atMs, circuit)?.untilMs).toBe(breakers.restsUntil(key, atMs, circuit))
  })

  test('another request probes its circuit', () => {
    open()
    breakers.mayTry(key, 60_000, circuit)
    expect(breakers.restOf(key, 60_000, circuit)?.why).toBe('probed')
  })
})

describe('reload', () => {
  test('B47: what was learned about routes that remain is kept, the rest is forgotten', () => {
    breakers.failed('stays', 0, cooldown, undefined)
    breakers.failed('goes', 0, cooldown, undefined)
    breakers.retain(new Set(['stays', 'new']))
    expect(breakers.mayTry('stays', 1, undefined)).toBe(false)
    expect(breakers.mayTry('goes', 1, undefined)).toBe(true)
    expect(breakers.size).toBe(1)
  })

  test('an exchange of an old snapshot leaves no trace of a route that is gone', () => {
    breakers.retain(new Set(['stays']))
    expect(breakers.failed('goes', 0, cooldown, circuit)).toEqual({ cooledMs: 0, openedMs: 0 })
    expect(breakers.failed('stays', 0, cooldown, circuit).cooledMs).toBe(30_000)
    expect(breakers.size).toBe(1)
  })
})

describe('a circuit that opens again and again', () => {
  /** Fails the probe that is due at `nowMs`. */
  function failProbe(nowMs: number, policy = circuit): number {
    breakers.mayTry(key, nowMs, policy)
    return breakers.failed(key, nowMs, noCooldown, policy).openedMs
  }

  function close(nowMs: number): void {
    for (let count = 0; count < circuit.successThreshold; count += 1) {
      breakers.mayTry(key, nowMs, circuit)
      breakers.succeeded(key, circuit, at(nowMs))
    }
  }

  test('stays open twice as long each time, up to the bound', () => {
    open()
    expect([60, 180, 420, 900, 1500].map((seconds) => failProbe(seconds * 1000))).toEqual([
      120_000, 240_000, 480_000, 600_000, 600_000,
    ])
  })

  test('a bound below the first time does not shorten it', () => {
    const long = { ...circuit, openMs: 900_000 }
    for (let count = 0; count < 3; count += 1) breakers.failed(key, 0, noCooldown, long)
    expect(breakers.restsUntil(key, 0, long)).toBe(900_000)
    expect(failProbe(900_000, long)).toBe(900_000)
  })

  test.each([
    { quietMs: 119_999, openedMs: 240_000 },
    { quietMs: 120_000, openedMs: 60_000 },
  ])('having stayed closed for $quietMs ms after 120 s open, it opens for $openedMs ms', ({ quietMs, openedMs }) => {
    open()
    failProbe(60_000)
    close(180_000)
    let told = 0
    for (let count = 0; count < 3; count += 1)
      told = breakers.failed(key, 180_000 + quietMs, noCooldown, circuit).openedMs
    expect(told).toBe(openedMs)
  })

  test('its growth outlives a sweep, and is forgotten in the end', () => {
    open()
    failProbe(60_000)
    close(180_000)
    breakers.sweep(181_000)
    expect([breakers.size, breakers.backSinceMs(key, 181_000)]).toEqual([1, 180_000])
    breakers.sweep(180_000 + 3_600_001)
    expect(breakers.size).toBe(0)
  })
})

test('only who took the probe gives it back', () => {
  open()
  expect(breakers.mayTry(key, 60_000, circuit, 'one')).toBe(true)
  breakers.release(key, 'other')
  expect(breakers.mayTry(key, 60_001, circuit, 'other')).toBe(false)
  breakers.release(key, 'one')
  expect(breakers.mayTry(key, 60_002, circuit, 'other')).toBe(true)
})

test('a circuit and an ejection are told apart from a cooldown that is longer', () => {
  const outlier: OutlierPolicy = {
    windowMs: 10_000,
    requestsMin: 1,
    failurePercent: 50,
    ejectionMs: 90_000,
    ejectionMsMax: 90_000,
    outPercentMax: 50,
  }
  open()
  breakers.failed(key, 0, { ...cooldown, cooldownMs: 300_000 }, circuit)
  expect(breakers.restOf(key, 1, circuit)).toEqual({ why: 'cooling', untilMs: 300_000 })
  expect(breakers.outageOf(key, 1, circuit, outlier)).toEqual({ why: 'circuit_open', untilMs: 60_000 })
  breakers.outliers.eject(key, 0, outlier)
  expect(breakers.outageOf(key, 1, circuit, outlier)).toEqual({ why: 'ejected', untilMs: 90_000 })
  expect(breakers.outageOf(key, 1, circuit, undefined)?.why).toBe('circuit_open')
  expect(breakers.outageOf(key, 1, undefined, outlier)?.why).toBe('ejected')
  expect(breakers.outageOf(key, 1, undefined, undefined)).toBeUndefined()
  expect(breakers.outageOf(key, 60_000, circuit, undefined)).toBeUndefined()
})

describe('several processes that see the same failures', () => {
  test.each([1, 2, 4, 8])('%i of them: the circuit opens once, and grows as it does for one', (count) => {
    const all = Array.from({ length: count }, () => new Breakers())
    const told: { from: Breakers; fact: Parameters<Breakers['hear']>[0] }[] = []
    for (const one of all) {
      one.learned = (fact) => {
        if (fact.kind === 'circuit') told.push({ from: one, fact })
      }
    }
    const opened: number[] = []
    let nowMs = 0
    for (let round = 0; round < 3; round += 1) {
      for (const one of all) {
        for (let failure = 0; failure < circuit.failureThreshold; failure += 1) {
          const { openedMs } = one.failed(key, nowMs, noCooldown, circuit)
          if (openedMs > 0) opened.push(openedMs)
        }
      }
      for (const { from, fact } of told.splice(0)) {
        for (const other of all) if (other !== from) other.hear(fact, nowMs + 50)
      }
      nowMs += 300_000
    }
    expect([...new Set(opened)]).toEqual([60_000, 120_000, 240_000])
  })

  test('who hears of a circuit that stays open longer than its own waits as long', () => {
    open()
    breakers.hear({ kind: 'circuit', key, forMs: 200_000 }, 1000)
    breakers.hear({ kind: 'circuit', key, forMs: 10_000 }, 2000)
    expect(breakers.restsUntil(key, 3000, circuit)).toBe(201_000)
  })
})

describe('a route that was ejected', () => {
  const outlier: OutlierPolicy = {
    windowMs: 10_000,
    requestsMin: 1,
    failurePercent: 50,
    ejectionMs: 30_000,
    ejectionMsMax: 30_000,
    outPercentMax: 50,
  }

  test('rests where there is such a policy, and nowhere else', () => {
    breakers.outliers.eject(key, 0, outlier)
    expect(breakers.restOf(key, 1, undefined, outlier)).toEqual({ why: 'ejected', untilMs: 30_000 })
    expect(breakers.restOf(key, 1, undefined)).toBeUndefined()
    expect(breakers.restOf(key, 30_000, undefined, outlier)).toBeUndefined()
    expect(breakers.look(key, 10_000, undefined, outlier)).toEqual({
      restsForMs: 20_000,
      circuit: 'closed',
      failures: 0,
      ejectedForMs: 20_000,
    })
    expect(breakers.look(key, 10_000, undefined).ejectedForMs).toBe(0)
  })

  test('the longer of its rests is told', () => {
    breakers.outliers.eject(key, 0, outlier)
    breakers.failed(key, 0, cooldown, undefined, 20_000)
    expect(breakers.restOf(key, 1, undefined, outlier)?.why).toBe('ejected')
    breakers.failed(key, 5000, cooldown, undefined, 40_000)
    expect(breakers.restOf(key, 5000, undefined, outlier)).toEqual({ why: 'cooling', untilMs: 45_000 })
  })

  test('is back since the last of circuit and ejection', () => {
    expect(breakers.backSinceMs(key, 0)).toBeUndefined()
    breakers.outliers.eject(key, 0, outlier)
    open()
    expect(breakers.backSinceMs(key, 40_000)).toBe(30_000)
    for (let count = 0; count < 2; count += 1) {
      breakers.mayTry(key, 60_000, circuit)
      breakers.succeeded(key, circuit, at(60_000))
    }
    expect(breakers.backSinceMs(key, 70_000)).toBe(60_000)
  })

  test('a reload forgets it with its route', () => {
    breakers.outliers.eject(key, 0, outlier)
    breakers.retain(new Set(['another']))
    expect(breakers.restOf(key, 1, undefined, outlier)).toBeUndefined()
  })
})

test('whatever happens, at most one probe is out, no state outgrows its routes, and rest and permission agree', () => {
  const step = fc.record({
    act: fc.constantFrom('try', 'succeed', 'fail', 'release'),
    route: fc.nat(2),
    waitMs: fc.nat(40_000),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const state = new Breakers()
      let nowMs = 0
      for (const { act, route, waitMs } of steps) {
        nowMs += waitMs
        const name = `route ${route}`
        if (act === 'fail') state.failed(name, nowMs, cooldown, circuit)
        else if (act === 'succeed') state.succeeded(name, circuit, at(nowMs))
        else if (act === 'release') state.release(name)
        else {
          const untilMs = state.restsUntil(name, nowMs, circuit)
          const isHalfOpen = state
            .list(nowMs, circuit)
            .some((rest) => rest.key === name && rest.circuit === 'half_open')
          expect(state.mayTry(name, nowMs, circuit)).toBe(untilMs === undefined)
          if (isHalfOpen) expect(state.mayTry(name, nowMs, circuit)).toBe(false)
          if (untilMs !== undefined) expect(untilMs).toBeGreaterThan(nowMs)
        }
        expect(state.size).toBeLessThanOrEqual(3)
      }
    }),
  )
})
