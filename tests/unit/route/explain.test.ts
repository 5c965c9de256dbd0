import { describe, expect, test } from 'bun:test'
import * as v from 'valibot'
import type { Candidate } from '#core/candidate.ts'
import { noHealth, type HealthPolicy } from '#core/health.ts'
import type { Plan } from '#core/plan.ts'
import { noBooks, noRests, type Rest, type Rests } from '#core/rest.ts'
import type { FiguresView } from '#route/figures.ts'
import { explainCourse, explanationSchema, type Explanation } from '#route/explain.ts'
import { Breakers } from '#upstream/breaker.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { tieredPlan } from '../../support/plan.ts'

const call = { path: '/v1/chat/completions', dialect: 'openai', stream: false } as const

function route(backend: string, overrides: Partial<Candidate> = {}): Candidate {
  return candidateOf(backend, 'm', overrides)
}

function restsOf(rests: Readonly<Record<string, Rest>>): Rests {
  return { ...noRests, restOf: (key) => rests[(JSON.parse(key) as string[])[0] ?? ''] }
}

function explained(plan: Plan, rests: Rests = noRests, seed = 1): Explanation {
  return explainCourse(plan, call, { breakers: rests }, seed, 1000)
}

describe('explainCourse()', () => {
  test('names everybody in the order of their turns, with the share of the traffic', () => {
    const plan = tieredPlan([[route('a', { weight: 3 }), route('b')], [route('c')]])
    const { verdict, says, routes } = explained(plan)
    expect([verdict, routes.map(({ turn }) => turn)]).toEqual(['asks', [1, 2, 3]])
    expect(says).toBe(`asks ${routes[0]?.backend}/m first, then 2 more`)
    expect(Object.fromEntries(routes.map(({ backend, share }) => [backend, share]))).toEqual({ a: 0.75, b: 0.25, c: 1 })
  })

  test('the share of who rests goes to the others, and one without weight has none while another has', () => {
    const plan = tieredPlan([[route('a', { weight: 2 }), route('b'), route('c'), route('d', { weight: 0 })]])
    const { routes } = explained(plan, restsOf({ a: { why: 'cooling', untilMs: 5000 } }))
    expect(Object.fromEntries(routes.map(({ backend, share }) => [backend, share]))).toEqual({
      a: 0,
      b: 0.5,
      c: 0.5,
      d: 0,
    })
  })

  test('the first turn is the one that the share of many seeds is made of', () => {
    const plan = tieredPlan([[route('a', { weight: 3 }), route('b')]])
    let first = 0
    for (let seed = 0; seed < 4000; seed += 1) {
      if (explained(plan, noRests, Math.imul(seed, 2_654_435_761) >>> 0).routes[0]?.backend === 'a') first += 1 / 4000
    }
    expect(first).toBeWithin(0.72, 0.78)
  })

  test.each([
    { strategy: 'round_robin', shares: [0.75, 0.25], scores: ['has credit for 3', 'has credit for 1'] },
    { strategy: 'random', shares: [0.5, 0.5], scores: [null, null] },
    { strategy: 'hash', shares: [0.75, 0.25], scores: [null, null] },
    { strategy: 'least_connections', shares: [null, null], scores: ['works on 0', 'works on 4'] },
    { strategy: 'latency', shares: [null, null], scores: ['not measured yet', 'begins after 250 ms, 4 waiting'] },
    { strategy: 'cost', shares: [null, null], scores: ['costs 1 in and 2 out', 'no cost is configured'] },
  ] as const)('what $strategy goes by is told, with shares where there are any', ({ strategy, shares, scores }) => {
    const price = { input: 1, output: 2 }
    const [tier] = tieredPlan([[route('a', { weight: 3, price }), route('b')]]).tiers
    const plan = { ...tieredPlan([]), tiers: tier === undefined ? [] : [{ ...tier, strategy }] }
    const isB = (key: string): boolean => key === route('b').stateKey
    const figures: FiguresView = {
      inFlightOf: (key) => (isB(key) ? 4 : 0),
      waitingOf: (key) => (isB(key) ? 4 : 0),
      latencyOf: (key) => (isB(key) ? 250 : undefined),
      creditOf: () => 0,
    }
    const told = explainCourse(plan, call, noBooks, 1, 1000, figures)
    const routes = told.routes.toSorted((one, other) => one.backend.localeCompare(other.backend))
    expect(routes.map((each) => each.strategy)).toEqual([strategy, strategy])
    expect(routes.map(({ share }) => share)).toEqual([...shares])
    expect(routes.map(({ score }) => score)).toEqual([...scores])
    expect(explainCourse(plan, call, noBooks, 1, 1000, figures)).toEqual(told)
  })

  test.each([
    { by: 'auto', header: '', what: 'of one conversation, user or address' },
    { by: 'ip', header: '', what: 'of one address' },
    { by: 'user', header: '', what: 'of one user' },
    { by: 'system', header: '', what: 'with the same instructions' },
    { by: 'header', header: 'x-me', what: 'with the same "x-me"' },
  ] as const)('affinity is among the rules: $by', ({ by, header, what }) => {
    const affinity = { by, header, ttlMs: 3_600_000 }
    const rule = `Requests ${what} stay with the route that answered last, while it is well, for 1h after each answer.`
    const plan = tieredPlan([[route('a')]])
    expect(explained({ ...plan, balance: { isMeasured: false, affinity } }).promises).toContain(rule)
    const keysOnly = { isMeasured: false, affinity: { ...affinity, ttlMs: 0 } }
    expect(explained({ ...plan, balance: keysOnly }).promises).not.toContain(rule)
  })

  const both = { a: { why: 'cooling', untilMs: 41_000 }, b: { why: 'circuit_open', untilMs: 21_000 } } as const

  test.each([
    {
      name: 'F105: everybody rests',
      overrides: {},
      verdict: 'refuses',
      says: 'refuses with 503 and "Retry-After: 20": every route of it rests',
      asked: [],
    },
    {
      name: 'everybody rests, and the request may wait',
      overrides: { whenAllCooling: 'wait' },
      verdict: 'waits',
      says: 'waits 20 s for b/m: every route of it rests',
      asked: [],
    },
    {
      name: 'everybody rests for longer than the request may wait',
      overrides: { whenAllCooling: 'wait', deadlineMs: 10_000 },
      verdict: 'refuses',
      says: 'refuses with 503 and "Retry-After: 20": every route of it rests',
      asked: [],
    },
    {
      name: 'everybody rests, and the least bad is good enough',
      overrides: { whenAllCooling: 'least_bad' },
      verdict: 'asks',
      says: 'asks b/m, which recovers first: every route of it rests, and fallback.when_all_cooling is least_bad',
      asked: ['b'],
    },
  ] as const)('$name', ({ overrides, verdict, says, asked }) => {
    const explanation = explained(tieredPlan([[route('a')], [route('b')]], overrides), restsOf(both))
    expect([explanation.verdict, explanation.says]).toEqual([verdict, says])
    expect(explanation.routes.filter(({ turn }) => turn !== null).map(({ backend }) => backend)).toEqual([...asked])
  })

  test.each([
    { name: 'nobody is left', tiers: [], says: 'refuses with 503: every route of it is switched off' },
    {
      name: 'nobody speaks the dialect',
      tiers: [[route('a', { dialects: new Set(['gemini']) })]],
      says: 'refuses with 400: none of its backends speaks the openai dialect',
    },
  ] as const)('$name', ({ tiers, says }) => {
    expect(explained(tieredPlan(tiers))).toMatchObject({ verdict: 'refuses', says })
  })

  test('C1418: a backend with two addresses is told by the one at which it is asked', () => {
    const other: Partial<Candidate> = { dialects: new Set(['anthropic']), protocol: 'anthropic' }
    const { routes } = explained(tieredPlan([[route('a'), route('a', other)]]))
    expect(routes.map(({ protocol, turn }) => [protocol, turn])).toEqual([['openai', 1]])
    const nobody = explained(tieredPlan([[route('a', { dialects: new Set(['gemini']) }), route('a', other)]]))
    expect(nobody.routes.map(({ passedOver }) => passedOver?.why)).toEqual(['dialect', 'dialect'])
  })

  test('who is passed over is told why, for how long, and what can be done', () => {
    const plan = tieredPlan([[route('a')], [route('b', { dialects: new Set(['gemini']) })], [route('c')]])
    const { routes } = explained(plan, restsOf(both))
    expect(routes.map(({ passedOver }) => passedOver)).toEqual([
      { why: 'cooling', reason: 'it is cooling down for another 40 s', remedy: null, forMs: 40_000 },
      {
        why: 'dialect',
        reason: 'it does not speak the openai dialect',
        remedy: 'if it does, say so: "protocol: openai", or "any", at the route or its backend',
        forMs: null,
      },
      null,
    ])
  })

  test('is plain JSON of the form that its readers expect, whatever the plan allows', () => {
    for (const attemptsMax of [3, Infinity]) {
      const explanation = explained(tieredPlan([[route('a')]], { attemptsMax }))
      const read = v.safeParse(explanationSchema(), JSON.parse(JSON.stringify(explanation)))
      expect(read.success && read.output).toEqual(explanation)
    }
  })

  test('B109: looking at a half-open circuit does not take its probe', () => {
    const breaker = { failureThreshold: 1, openMs: 500, openMsMax: 600_000, successThreshold: 1, outPercentMax: 50 }
    const plan = tieredPlan([[route('a')]], { breaker })
    const breakers = new Breakers()
    const key = plan.tiers[0]?.candidates[0]?.stateKey ?? ''
    breakers.failed(key, 0, { ...plan.cooldown, cooldownMs: 0 }, breaker)
    expect(explainCourse(plan, call, { breakers }, 1, 100).routes[0]?.passedOver?.why).toBe('circuit_open')
    for (let look = 0; look < 3; look += 1) expect(explainCourse(plan, call, { breakers }, 1, 600).verdict).toBe('asks')
    expect(breakers.mayTry(key, 600, breaker)).toBe(true)
    expect(explainCourse(plan, call, { breakers }, 1, 600).routes[0]?.passedOver?.why).toBe('probed')
  })

  const checked = (name: string): Candidate => route(name, { backend: backendOf(name, { health: {} as HealthPolicy }) })
  const unwell = { breakers: noRests, health: { ...noHealth, downUntil: () => 8000 } }

  test.each([
    {
      name: 'D37: asks backends that fail their checks when nobody else is left',
      overrides: {},
      verdict: 'asks',
      says: 'asks a/m first, then one more, although its health checks fail: nobody else can be asked',
      turns: [1, 2],
    },
    {
      name: 'D37: refuses until their next check where they are not to be asked',
      overrides: { failsOpen: false },
      verdict: 'refuses',
      says: 'refuses with 503 and "Retry-After: 7": every route of it rests or fails its health checks',
      turns: [null, null],
    },
    {
      name: 'waits for their next check where that is wanted',
      overrides: { failsOpen: false, whenAllCooling: 'wait' },
      verdict: 'waits',
      says: 'waits 7 s for a/m: every route of it rests or fails its health checks',
      turns: [null, null],
    },
    {
      name: 'they are never the least bad ones',
      overrides: { failsOpen: false, whenAllCooling: 'least_bad' },
      verdict: 'refuses',
      says: 'refuses with 503 and "Retry-After: 7": every route of it rests or fails its health checks',
      turns: [null, null],
    },
  ] as const)('$name', ({ overrides, verdict, says, turns }) => {
    const plan = tieredPlan([[checked('a')], [checked('b')]], overrides)
    const told = explainCourse(plan, call, unwell, 1, 1000)
    expect([told.verdict, told.says]).toEqual([verdict, says])
    expect(told.routes.map(({ turn }) => turn)).toEqual([...turns])
    expect(told.routes[0]?.passedOver).toEqual({
      why: 'unhealthy',
      reason: 'its health checks fail, the next one is in 7 s',
      remedy: null,
      forMs: 7000,
    })
  })

  test('tells who is left out for doing worse than its siblings', () => {
    const plan = tieredPlan([[route('a')], [route('b')]])
    const told = explained(plan, restsOf({ a: { why: 'ejected', untilMs: 31_000 } }))
    expect(told.routes[0]?.passedOver).toMatchObject({
      why: 'ejected',
      reason: 'it does worse than its siblings and is left out for another 30 s',
      forMs: 30_000,
    })
  })

  test('tells the part of the weight that counts for a route that came back, and its share by it', () => {
    const breakers = { ...noRests, backSinceMs: (key: string) => (key === route('a').stateKey ? 500 : undefined) }
    const tier = [route('a'), route('b')]
    const told = explainCourse(tieredPlan([tier], { slowStartMs: 1000 }), call, { breakers }, 1, 1000)
    const byName = Object.fromEntries(told.routes.map(({ backend, ease, share }) => [backend, [ease, share]]))
    expect(byName).toEqual({ a: [0.55, 0.55 / 1.55], b: [null, 1 / 1.55] })
    const read = v.safeParse(explanationSchema(), JSON.parse(JSON.stringify(told)))
    expect(read.success && read.output).toEqual(told)
    const off = explainCourse(tieredPlan([tier]), call, { breakers }, 1, 1000)
    expect(off.routes.map(({ ease, share }) => [ease, share])).toEqual([
      [null, 0.5],
      [null, 0.5],
    ])
  })

  test.each([
    {
      overrides: {
        outlier: {
          windowMs: 10_000,
          requestsMin: 20,
          failurePercent: 50,
          ejectionMs: 30_000,
          ejectionMsMax: 300_000,
          outPercentMax: 50,
        },
      },
      says: 'A route of which 50 % of at least 20 requests within 10s failed, clearly more than of the others, is left out for 30s, longer each time in a row up to 5m.',
    },
    {
      overrides: { slowStartMs: 60_000 },
      says: 'A route that comes back gets from a tenth of its share to all of it within 1m.',
    },
    { overrides: {}, says: 'While the health checks of all that are left fail, they are asked all the same.' },
    {
      overrides: { failsOpen: false },
      says: 'While the health checks of all that are left fail, the client gets 503 with Retry-After.',
    },
  ])('the rule: $says', ({ overrides, says }) => {
    expect(explained(tieredPlan([[checked('a')]], overrides)).promises).toContain(says)
  })

  test('the rules of the alias are told in words', () => {
    const plan = tieredPlan([[route('a')]], {
      attemptsMax: 1,
      deadlineMs: 30_000,
      whenAllCooling: 'wait',
      breaker: { failureThreshold: 5, openMs: 60_000, openMsMax: 600_000, successThreshold: 1, outPercentMax: 50 },
      retry: { retriesMax: 2, baseMs: 200, delayMsMax: 5000, multiplier: 2, jitter: 1, retriesStatus: () => false },
    })
    expect(explained(plan).promises).toEqual([
      'One request makes at most 1 attempt.',
      'Its answer must begin within 30s, all attempts together.',
      'A route that refuses the connection, drops it, or gives a status of retry.on_status is asked up to 2 times again, after 200ms growing to 5s.',
      'A route that fails by its own fault rests for 30s, or as long as its backend asks by Retry-After, at most 5m.',
      'After 5 failures in a row its circuit opens for 1m, each time in a row for twice as long up to 10m; 1 success closes it. Of several routes at most 50 % are out that way.',
      'While every route rests, the request waits for the first to recover.',
    ])
  })

  test.each([
    { streaming: { heartbeatMs: 15_000 }, says: 'A silent stream gives a sign of life every 15s.' },
    {
      streaming: { rescue: 'match' },
      says: 'A stream that breaks is gone on with where another route repeats its text exactly.',
    },
    {
      streaming: { holds: true },
      says: 'The whole answer is awaited before its first byte is sent, so a broken one is asked for elsewhere.',
    },
    { streaming: { onDisconnect: 'finish' }, says: 'A stream whose client leaves is read to its end.' },
    { streaming: { clientStallMs: 5000 }, says: 'A client that takes nothing for 5s is given up.' },
  ] as const)('those of streams too: $streaming', ({ streaming, says }) => {
    const plan = tieredPlan([[route('a')]])
    const streams = { ...plan, streaming: { ...plan.streaming, ...streaming } }
    expect(explainCourse(streams, { ...call, stream: true }, noBooks, 1, 0).promises).toContain(says)
    expect(explainCourse(streams, call, noBooks, 1, 0).promises).not.toContain(says)
  })
})
