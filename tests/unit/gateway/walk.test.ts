import { describe, expect, test } from 'bun:test'
import type { Candidate } from '#core/candidate.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Walk } from '#gateway/walk.ts'
import { seededRandom } from '#ports/random.ts'
import { Breakers } from '#upstream/breaker.ts'
import { candidateOf } from '../../support/candidate.ts'
import { settledExchange, statusFailure } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { tieredPlan } from '../../support/plan.ts'
import { callOf } from '../../support/upstream.ts'

const [a, b, c] = [candidateOf('a', 'm'), candidateOf('b', 'm'), candidateOf('c', 'm')]

/** A walk through three tiers of one route each, unless said otherwise. */
function setOut(overrides: Partial<Plan> = {}, tiers: readonly (readonly Candidate[])[] = [[a], [b], [c]], seed = 1) {
  const clock = new FakeClock()
  const breakers = new Breakers()
  const plan = tieredPlan(tiers, overrides)
  const log = { write: () => {}, keeps: () => true }
  const gateway = { clock, breakers, log, random: seededRandom(1) } as unknown as Gateway
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
  return { walk, plan, clock, breakers, exchange, rests, failing }
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
    const breaker = { failureThreshold: 1, openMs: 1000, successThreshold: 1 }
    const { breakers, clock, walk, plan } = setOut({ breaker }, [[a], [b]])
    breakers.failed(a.stateKey, -1000, { ...plan.cooldown, cooldownMs: 0 }, breaker)
    expect(walk.next()?.candidate).toBe(a)
    expect(breakers.mayTry(a.stateKey, clock.monotonicMs(), breaker)).toBe(false)
  })
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
    const breaker = { failureThreshold: 1, openMs: 1000, successThreshold: 1 }
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
