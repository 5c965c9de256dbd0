import { describe, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate } from '#core/candidate.ts'
import type { Failure } from '#core/failure.ts'
import { noHealth, type HealthBook, type HealthPolicy } from '#core/health.ts'
import type { Plan, Strategy, Tier } from '#core/plan.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Walk } from '#gateway/walk.ts'
import { seededRandom } from '#ports/random.ts'
import { explainCourse } from '#route/explain.ts'
import { Figures } from '#route/figures.ts'
import { Breakers } from '#upstream/breaker.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { settledExchange, statusFailure } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { tieredPlan } from '../../support/plan.ts'
import { callOf } from '../../support/upstream.ts'

const [a, b, c] = [candidateOf('a', 'm'), candidateOf('b', 'm'), candidateOf('c', 'm')]

/** A walk through three tiers of one route each, unless said otherwise. */
function setOut(
  overrides: Partial<Plan> = {},
  tiers: readonly (readonly Candidate[])[] = [[a], [b], [c]],
  seed = 1,
  health: HealthBook = noHealth,
  strategy?: Strategy,
) {
  const clock = new FakeClock()
  const breakers = new Breakers()
  const tierOf = (candidates: readonly Candidate[], priority: number): Tier => ({
    alias: 'alias',
    level: 'l1',
    priority,
    candidates,
    strategy,
  })
  const plan = { ...tieredPlan([], overrides), tiers: tiers.map(tierOf) }
  const log = { write: () => {}, keeps: () => true }
  const figures = new Figures()
  const gateway = { clock, breakers, health, figures, log, random: seededRandom(1) } as unknown as Gateway
  const exchange = settledExchange({ attempts: [], seed })
  const walk = new Walk(gateway, plan, callOf(), exchange)
  const rests = (candidate: Candidate, forMs: number): void =>
    void breakers.failed(candidate.stateKey, clock.monotonicMs(), { ...plan.cooldown, cooldownMs: forMs }, plan.breaker)
  /** Lets turn after turn fail in these ways; then tells who was asked, with the pause before in brackets. */
  const failing = (...failures: readonly Failure[]): string => {
    const asked: string[] = []
    for (const failure of [...failures, undefined]) {
      const turn = walk.next()
      if (turn === undefined) return asked.join(' ')
      const pause = turn.pauseMs === 0 ? '' : `(${turn.pauseMs})`
      asked.push(`${pause}${turn.candidate.backend.name}`)
      if (failure === undefined) return asked.join(' ')
      walk.missed(turn, failure)
    }
    return asked.join(' ')
  }
  return { walk, plan, clock, breakers, gateway, exchange, rests, failing }
}

const reset: Failure = {
  kind: 'failure',
  side: 'upstream',
  reason: 'reset',
  tryNext: true,
  retrySame: true,
  cools: true,
  message: 'the connection broke',
}
const silent: Failure = { ...reset, reason: 'first_byte_timeout', retrySame: false, message: 'no first byte' }
const refused = (status: number): Failure => ({ ...statusFailure(status), retrySame: true, cools: false })
const ownFault = (status: number): Failure => ({ ...refused(status), cools: true })

const retrying: Partial<Plan> = {
  retry: { retriesMax: 2, baseMs: 100, delayMsMax: 5000, multiplier: 2, jitter: 0, retriesStatus: (s) => s === 503 },
}

describe('who is asked after a failure', () => {
  test.each([
    { name: 'everybody once, when all are silent', failures: [silent, silent, silent, silent], asked: 'a b c' },
    {
      name: 'nobody, when the failure says that no other can mend it',
      failures: [{ ...silent, tryNext: false }],
      asked: 'a',
    },
    {
      name: 'N101: no third one, when two refuse the request alike',
      failures: [refused(400), refused(400)],
      asked: 'a b',
    },
    {
      name: 'a third one, when two refuse it for different reasons',
      failures: [refused(400), refused(422)],
      asked: 'a b c',
    },
    {
      name: 'a third one, when the first spoke of its own account and only the second of the request',
      failures: [ownFault(400), refused(400)],
      asked: 'a b c',
    },
    { name: 'a third one, when two have no money left', failures: [ownFault(400), ownFault(400)], asked: 'a b c' },
    { name: 'a third one, when two are overloaded', failures: [ownFault(503), ownFault(503)], asked: 'a b c' },
    { name: 'a third one, when two do not know the model', failures: [refused(404), refused(404)], asked: 'a b c' },
    {
      name: 'N101: no fourth one, when the first and the third refuse alike',
      failures: [refused(413), silent, refused(413)],
      asked: 'a b c',
    },
  ])('$name', ({ failures, asked }) => {
    const { failing } = setOut({}, [[a], [b], [c]])
    expect(failing(...failures)).toBe(asked)
  })

  test('two routes of one backend do not make a request wrong', () => {
    const other: Candidate = { ...candidateOf('a', 'n'), backend: a.backend }
    const { failing } = setOut({}, [[a], [other], [b]])
    expect(failing(refused(400), refused(400))).toBe('a a b')
  })

  test.each([
    { attemptsMax: 1, asked: 'a' },
    { attemptsMax: 2, asked: 'a b' },
    { attemptsMax: Infinity, asked: 'a b c' },
  ])('B26: $attemptsMax attempts are the most', ({ attemptsMax, asked }) => {
    expect(setOut({ attemptsMax }).failing(silent, silent, silent)).toBe(asked)
  })

  test('no further attempt begins after the deadline', async () => {
    const { walk, clock } = setOut({ deadlineMs: 1000 })
    const turn = walk.next()
    await clock.advance(1000)
    if (turn !== undefined) walk.missed(turn, silent)
    expect(walk.next()).toBeUndefined()
  })
})

describe('the same route again', () => {
  test.each([
    {
      name: 'after a broken connection, with a growing pause',
      failures: [reset, reset, reset],
      asked: 'a (100)a (200)a b',
    },
    { name: 'never after silence', failures: [silent], asked: 'a b' },
    { name: 'after a status that retry.on_status names', failures: [ownFault(503)], asked: 'a (100)a' },
    { name: 'not after another status', failures: [ownFault(500)], asked: 'a b' },
    {
      name: 'B25: not before the time that it asked for',
      failures: [{ ...ownFault(503), retryAfterMs: 3000 }],
      asked: 'a (3000)a',
    },
    {
      name: 'B25: not at all when it asks for a longer pause than ours may be',
      failures: [{ ...ownFault(503), retryAfterMs: 7000 }],
      asked: 'a b',
    },
  ])('$name', ({ failures, asked }) => {
    expect(setOut(retrying).failing(...failures)).toBe(asked)
  })

  test('B25: what it asks for counts for nothing where fallback.respect_retry_after is off', () => {
    const { plan } = setOut()
    const { failing } = setOut({ ...retrying, cooldown: { ...plan.cooldown, respectRetryAfter: false } })
    expect(failing({ ...ownFault(503), retryAfterMs: 7000 })).toBe('a (100)a')
  })

  test('counts as an attempt', () => {
    expect(setOut({ ...retrying, attemptsMax: 2 }).failing(reset, reset)).toBe('a (100)a')
  })
})

describe('who is passed over', () => {
  test('is noted with the reason, when the turn comes and not before', () => {
    const gemini: Candidate = { ...b, dialects: new Set(['gemini']) }
    const { walk, exchange, rests } = setOut({}, [[a], [gemini], [c]])
    rests(c, 12_000)
    expect(exchange.skips).toBeUndefined()
    const turn = walk.next()
    expect(exchange.skips).toBeUndefined()
    if (turn !== undefined) walk.missed(turn, silent)
    expect(walk.next()).toBeUndefined()
    expect(exchange.skips).toEqual([
      { backend: 'b', model: 'm', reason: 'it does not speak the openai dialect' },
      { backend: 'c', model: 'm', reason: 'it is cooling down for another 12 s' },
    ])
  })

  test('is told of up to a limit', () => {
    const gemini = Array.from({ length: 200 }, (_, index): Candidate => ({
      ...candidateOf(`b${index}`, 'm'),
      dialects: new Set(['gemini']),
    }))
    const { walk, exchange } = setOut({}, [gemini, [a]])
    expect(walk.next()?.candidate).toBe(a)
    expect(exchange.skips).toHaveLength(50)
  })

  test('F105: of those that rest, the one that recovers first is known', () => {
    const { walk, rests } = setOut()
    rests(a, 40_000)
    rests(b, 20_000)
    rests(c, 30_000)
    expect(walk.next()).toBeUndefined()
    expect(walk.soonest).toMatchObject({ candidate: b, untilMs: 20_000 })
  })

  test('is asked all the same when the others failed, where the operator wants the least bad', () => {
    const { rests, failing } = setOut({ whenAllCooling: 'least_bad' })
    rests(b, 40_000)
    rests(c, 20_000)
    expect(failing(silent, silent, silent)).toBe('a c')
  })

  test('B26: the least bad one counts as an attempt', () => {
    const { rests, failing } = setOut({ whenAllCooling: 'least_bad', attemptsMax: 1 })
    rests(b, 40_000)
    expect(failing(silent, silent)).toBe('a')
  })

  test('may be asked after a wait, in the same order as ever', async () => {
    const { walk, rests, clock } = setOut({}, [[a, b, c]], 3)
    for (const candidate of [a, b, c]) rests(candidate, 5000)
    expect(walk.next()).toBeUndefined()
    await clock.advance(5000)
    walk.startOver()
    expect(walk.soonest).toBeUndefined()
    expect(walk.next()?.candidate).toBe(setOut({}, [[a, b, c]], 3).walk.next()?.candidate)
  })

  test('B109: in a half-open circuit one request takes the probe, the next passes it over', () => {
    const breaker = { failureThreshold: 1, openMs: 1000, openMsMax: 600_000, successThreshold: 1, outPercentMax: 50 }
    const { breakers, clock, walk, plan } = setOut({ breaker }, [[a], [b]])
    breakers.failed(a.stateKey, -1000, { ...plan.cooldown, cooldownMs: 0 }, breaker)
    expect(walk.next()?.candidate).toBe(a)
    expect(breakers.mayTry(a.stateKey, clock.monotonicMs(), breaker)).toBe(false)
  })
})

describe('D37: backends that fail their health checks', () => {
  const checked = (name: string): Candidate =>
    candidateOf(name, 'm', { backend: backendOf(name, { health: {} as HealthPolicy }) })
  const [x, y, z] = [checked('x'), checked('y'), checked('z')]
  const breaker = { failureThreshold: 1, openMs: 1000, openMsMax: 600_000, successThreshold: 1, outPercentMax: 50 }

  /** The next check of everybody in `down` is 7 s away. */
  function setOutWhile(
    down: string,
    overrides: Partial<Plan> = {},
    tiers: readonly (readonly Candidate[])[] = [[x], [y], [z]],
  ) {
    return setOut(overrides, tiers, 1, {
      ...noHealth,
      downUntil: (backend) => (down.includes(backend) ? 7000 : undefined),
    })
  }

  test.each([
    { name: 'are passed over', down: 'x', asked: 'y z' },
    { name: 'are not asked when somebody well was, and failed', down: 'xy', asked: 'z' },
    { name: 'are asked, in order, when nobody is well', down: 'xyz', asked: 'x y z' },
    { name: 'are asked when the others cool down', down: 'xy', cooling: [z], asked: 'x y' },
    { name: 'cool down all the same', down: 'xyz', cooling: [x], asked: 'y z' },
    {
      name: 'are not asked where the operator does not want it',
      down: 'xyz',
      overrides: { failsOpen: false },
      asked: '',
    },
    {
      name: 'come before one that only cools down',
      down: 'xy',
      cooling: [z],
      overrides: { whenAllCooling: 'least_bad' },
      asked: 'x y z',
    },
    {
      name: 'are not the least bad where the operator does not want them',
      down: 'xy',
      cooling: [z],
      overrides: { whenAllCooling: 'least_bad', failsOpen: false },
      asked: 'z',
    },
    {
      name: 'are not the least bad where the operator does not want them, even when they cool down as well',
      down: 'xyz',
      cooling: [x, y, z],
      overrides: { whenAllCooling: 'least_bad', failsOpen: false },
      asked: '',
    },
    {
      name: 'are the least bad when they cool down as well',
      down: 'xyz',
      cooling: [x, y, z],
      overrides: { whenAllCooling: 'least_bad' },
      asked: 'x',
    },
    { name: 'count as attempts', down: 'xyz', overrides: { attemptsMax: 2 }, asked: 'x y' },
  ] as readonly {
    name: string
    down: string
    cooling?: readonly Candidate[]
    overrides?: Partial<Plan>
    asked: string
  }[])('$name', ({ down, cooling = [], overrides = {}, asked }) => {
    const { rests, failing } = setOutWhile(down, overrides)
    for (const candidate of cooling) rests(candidate, 40_000)
    expect(failing(silent, silent, silent)).toBe(asked)
  })

  test('are passed over again after a wait, when somebody else has rested enough', async () => {
    const { walk, rests, clock } = setOutWhile('x', {}, [[x], [a]])
    rests(a, 1000)
    const turn = walk.next()
    expect(turn?.candidate).toBe(x)
    if (turn !== undefined) walk.missed(turn, silent)
    expect(walk.next()).toBeUndefined()
    await clock.advance(1000)
    walk.startOver()
    expect(walk.next()?.candidate).toBe(a)
  })

  test('an open circuit is respected, whatever checks say', () => {
    const { breakers, plan, failing } = setOutWhile('xy', { breaker }, [[x], [y]])
    breakers.failed(x.stateKey, 0, { ...plan.cooldown, cooldownMs: 0 }, breaker)
    expect(failing(silent, silent)).toBe('y')
  })

  test('a backend that is not checked is well, whatever is known of its name', () => {
    expect(setOutWhile('abc', {}, [[a], [b]]).failing(silent, silent)).toBe('a b')
  })

  test('each of them is told of once, although it is asked in the end', () => {
    const { failing, exchange } = setOutWhile('xyz')
    failing(silent, silent, silent)
    expect(exchange.skips?.map(({ backend, reason }) => `${backend}: ${reason}`)).toEqual([
      'x: its health checks fail, the next one is in 7 s',
      'y: its health checks fail, the next one is in 7 s',
      'z: its health checks fail, the next one is in 7 s',
    ])
  })

  test('the next check is when it is worth to ask again, and not before a second has passed', async () => {
    const { walk, clock } = setOutWhile('xyz', { failsOpen: false })
    expect(walk.next()).toBeUndefined()
    expect([walk.soonest?.untilMs, walk.hasUnwell]).toEqual([7000, true])
    await clock.advance(6900)
    walk.startOver()
    expect([walk.hasUnwell, walk.next(), walk.soonest?.untilMs]).toEqual([false, undefined, 7900])
  })

  test('round robin goes on among them as if they were well', () => {
    const down = { ...noHealth, downUntil: () => 7000 }
    const balance = { isMeasured: false, affinity: undefined }
    const { gateway, plan } = setOut({ balance }, [[x, y, z]], 1, down, 'round_robin')
    const asked = Array.from({ length: 6 }, () => {
      const walk = new Walk(gateway, plan, callOf(), settledExchange({ attempts: [] }))
      return walk.next()?.candidate.backend.name
    })
    expect(asked.join('')).toBe('xyzxyz')
  })
})

test('a route that came back while a request waited begins slowly for it too, and round robin stays fair', async () => {
  const breaker = { failureThreshold: 1, openMs: 20_000, openMsMax: 600_000, successThreshold: 1, outPercentMax: 100 }
  const balance = { isMeasured: true, affinity: undefined }
  const settings = { breaker, balance, slowStartMs: 10_000, whenAllCooling: 'wait' } as const
  const { walk, breakers, clock, gateway, rests } = setOut(settings, [[a, b]], 1, noHealth, 'round_robin')
  for (const candidate of [a, b]) rests(candidate, 0)
  expect(walk.next()).toBeUndefined()
  await clock.advance(60_000)
  for (const { stateKey } of [a, b]) {
    breakers.mayTry(stateKey, clock.monotonicMs(), breaker)
    breakers.succeeded(stateKey, breaker, clock)
  }
  walk.startOver()
  const turn = walk.next()
  const credits = [a, b].map(({ stateKey }) => gateway.figures.creditOf('alias', stateKey))
  expect(turn?.candidate).toBe(a)
  expect(credits).toEqual([expect.closeTo(-0.1, 9), expect.closeTo(0.1, 9)])
})

describe('C109: half of an alias at most is out', () => {
  const breaker = { failureThreshold: 1, openMs: 60_000, openMsMax: 600_000, successThreshold: 1, outPercentMax: 50 }

  test('of several open circuits, those that close first are asked', () => {
    const { breakers, plan, failing } = setOut({ breaker })
    for (const [at, { stateKey }] of [c, a, b].entries()) {
      breakers.failed(stateKey, at * 10 - 30, { ...plan.cooldown, cooldownMs: 0 }, breaker)
    }
    expect(failing(silent, silent, silent)).toBe('a c')
  })

  test('whoever is asked beside a probe does not give it back', () => {
    const { breakers, plan, gateway, clock } = setOut({ breaker }, [[a, b]])
    for (const { stateKey } of [a, b]) {
      breakers.failed(stateKey, -60_000, { ...plan.cooldown, cooldownMs: 0 }, breaker)
      expect(breakers.mayTry(stateKey, 0, breaker, 'another')).toBe(true)
    }
    const walk = new Walk(gateway, plan, callOf(), settledExchange({ attempts: [], id: 'let-off' }))
    const turn = walk.next()
    expect(turn?.candidate).toBe(b)
    if (turn !== undefined) walk.declined(turn, 'no')
    expect(breakers.restOf(b.stateKey, clock.monotonicMs(), breaker)?.why).toBe('probed')
  })

  test.each([undefined, 'round_robin'] as const)(
    'of 500 routes that rest the first one to ask is found with a few questions for each, by %p',
    (strategy) => {
      const many = Array.from({ length: 500 }, (_, at) => candidateOf(`b${at}`, 'm'))
      const balance = { isMeasured: true, affinity: undefined }
      const { breakers, plan, walk } = setOut({ breaker, balance }, [many], 1, noHealth, strategy)
      for (const { stateKey } of many) breakers.failed(stateKey, 0, { ...plan.cooldown, cooldownMs: 0 }, breaker)
      const questions = [spyOn(breakers, 'restOf'), spyOn(breakers, 'outageOf')]
      expect(walk.next()).toBeDefined()
      const asked = questions.reduce((sum, { mock }) => sum + mock.calls.length, 0)
      expect(asked).toBeWithin(many.length, 6 * many.length)
    },
  )

  test('whoever is asked through an open circuit takes no probe from anybody', () => {
    const { breakers, plan, walk, clock } = setOut({ breaker }, [[a, b]])
    for (const { stateKey } of [a, b]) breakers.failed(stateKey, 0, { ...plan.cooldown, cooldownMs: 0 }, breaker)
    const turn = walk.next()
    expect(turn?.candidate).toBe(b)
    expect(breakers.restOf(b.stateKey, clock.monotonicMs(), breaker)?.why).toBe('circuit_open')
  })
})

test('explain tells whom the road asks, whatever rests, is open, ejected or unwell', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const outlier = {
    windowMs: 10_000,
    requestsMin: 1,
    failurePercent: 50,
    ejectionMs: 30_000,
    ejectionMsMax: 30_000,
    outPercentMax: 50,
  }
  const route = fc.record({
    rest: fc.constantFrom('none', 'none', 'cooling', 'open', 'half_open', 'probed', 'ejected'),
    isDown: fc.boolean(),
    isForeign: fc.boolean(),
    weight: fc.nat(3),
    tier: fc.nat(2),
  })
  const setting = fc.record({
    failsOpen: fc.boolean(),
    whenAllCooling: fc.constantFrom('refuse', 'least_bad'),
    strategy: fc.constantFrom(undefined, 'round_robin', 'least_connections', 'latency', 'hash', 'random'),
    outPercentMax: fc.constantFrom(30, 50, 100),
    slowStartMs: fc.constantFrom(0, 60_000),
    seed: fc.nat(1000),
  })
  fc.assert(
    fc.property(fc.array(route, { minLength: 1, maxLength: 5 }), setting, (routes, settings) => {
      const { strategy, outPercentMax, seed, ...policies } = settings
      const breaker = {
        failureThreshold: 1,
        openMs: 10_000,
        openMsMax: 600_000,
        successThreshold: 1,
        outPercentMax,
      }
      const down = new Set(routes.flatMap(({ isDown }, at) => (isDown ? [names[at]] : [])))
      const candidates = routes.map(({ isForeign, weight }, at) => {
        const name = names[at] ?? ''
        const backend = backendOf(name, { health: {} as HealthPolicy })
        return candidateOf(name, 'm', { backend, weight, ...(isForeign && { dialects: new Set(['gemini']) }) })
      })
      const tiers = [0, 1, 2].map((tier) => candidates.filter((_, at) => routes[at]?.tier === tier))
      const { walk, plan, breakers, gateway, clock } = setOut(
        {
          ...policies,
          breaker,
          outlier: { ...outlier, outPercentMax },
          attemptsMax: Infinity,
          balance: { isMeasured: true, affinity: undefined },
        },
        tiers,
        seed,
        { ...noHealth, downUntil: (backend) => (down.has(backend) ? 7000 : undefined) },
        strategy,
      )
      const none = { ...plan.cooldown, cooldownMs: 0 }
      for (const [at, { rest }] of routes.entries()) {
        const key = candidates[at]?.stateKey ?? ''
        const nowMs = clock.monotonicMs()
        if (rest === 'cooling') breakers.failed(key, nowMs, { ...none, cooldownMs: 5000 + at }, undefined)
        if (rest === 'open') breakers.failed(key, nowMs - at, none, breaker)
        if (rest === 'half_open' || rest === 'probed') breakers.failed(key, -20_000, none, breaker)
        if (rest === 'probed') breakers.mayTry(key, nowMs, breaker)
        if (rest === 'ejected') breakers.outliers.eject(key, nowMs - at, outlier)
      }
      const call = { path: '/v1/chat/completions', dialect: 'openai', stream: false } as const
      const told = explainCourse(plan, call, gateway, seed, clock.monotonicMs(), gateway.figures)
      const wanted = told.routes.flatMap(({ turn, backend }) => (turn === null ? [] : [backend]))
      const asked: string[] = []
      for (let turn = walk.next(); turn !== undefined; turn = walk.next()) {
        asked.push(turn.candidate.backend.name)
        walk.missed(turn, { ...silent, cools: false })
      }
      // Who takes a probe makes one more that is out, so that another which is probed may be asked after it.
      const isProbed = (name: string): boolean => routes[names.indexOf(name)]?.rest === 'probed'
      const compared = asked.filter((name) => wanted.includes(name) || !isProbed(name))
      expect(compared.slice(0, wanted.length)).toEqual(wanted)
      expect(told.verdict === 'asks').toBe(asked.length > 0)
      // The least bad one comes last, also where others were asked before.
      expect(compared.length - wanted.length).toBeWithin(0, settings.whenAllCooling === 'least_bad' ? 2 : 1)
    }),
    { numRuns: 500 },
  )
})

describe('a turn that is not used', () => {
  test('is no attempt, and is told with its reason', () => {
    const { walk, exchange } = setOut({ attemptsMax: 1 })
    const turn = walk.next()
    if (turn !== undefined) walk.declined(turn, 'it goes on with no text of others')
    expect(walk.next()?.candidate).toBe(b)
    expect(exchange.skips).toEqual([{ backend: 'a', model: 'm', reason: 'it goes on with no text of others' }])
  })

  test('B109: gives its probe back', () => {
    const breaker = { failureThreshold: 1, openMs: 1000, openMsMax: 600_000, successThreshold: 1, outPercentMax: 50 }
    const { breakers, walk, plan } = setOut({ breaker }, [[a], [b]])
    breakers.failed(a.stateKey, -1000, { ...plan.cooldown, cooldownMs: 0 }, breaker)
    const turn = walk.next()
    if (turn !== undefined) walk.declined(turn, 'no')
    expect(breakers.mayTry(a.stateKey, 0, breaker)).toBe(true)
  })
})

test('a deadline that was kept does not end what comes after the beginning of the answer', async () => {
  const { walk, clock } = setOut({ ...retrying, deadlineMs: 1000 })
  const turn = walk.next()
  walk.answerBegan()
  await clock.advance(5000)
  if (turn !== undefined) walk.missed(turn, reset)
  expect(walk.next()).toMatchObject({ candidate: a, pauseMs: 100 })
})

test('the seed of the exchange decides among equals, and repeats', () => {
  const asked = (seed: number): string | undefined => setOut({}, [[a, b, c]], seed).walk.next()?.candidate.id
  const firsts = Array.from({ length: 40 }, (_, seed) => asked(seed))
  expect(new Set(firsts).size).toBe(3)
  expect(Array.from({ length: 40 }, (_, seed) => asked(seed))).toEqual(firsts)
})
