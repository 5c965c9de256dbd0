import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate } from '#core/candidate.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Plan } from '#core/plan.ts'
import { noBooks, noRests, type Rest, type Rests } from '#core/rest.ts'
import { chooseAll, Course, idsWhenHealthy, reasonOf } from '#route/course.ts'
import { candidateOf } from '../../support/candidate.ts'
import { tieredPlan } from '../../support/plan.ts'

const nowMs = 1000

function route(backend: string, overrides: Partial<Candidate> = {}): Candidate {
  return candidateOf(backend, 'm', overrides)
}

/** Who rests, by the name of its backend. */
function restsOf(rests: Readonly<Record<string, Rest>>): Rests {
  return { ...noRests, restOf: (key) => rests[(JSON.parse(key) as string[])[0] ?? ''] }
}

/** The choice as text: who is asked, and in brackets who is passed over and why. */
function told(plan: Plan, rests: Rests = noRests, dialect: Dialect = 'openai', seed = 1): string {
  return chooseAll(plan, { dialect }, { breakers: rests }, seed, nowMs)
    .map(({ candidate, objection }) =>
      objection === undefined
        ? candidate.id
        : `(${candidate.id} ${reasonOf(objection, candidate, { dialect }, nowMs)})`,
    )
    .join(', ')
}

describe('who is asked, in order', () => {
  const ladder = tieredPlan([[route('a')], [route('b')], [route('c', { dialects: new Set(['anthropic']) })]])

  test.each([
    { name: 'everybody is well', rests: {}, says: 'a/m, b/m, (c/m it does not speak the openai dialect)' },
    {
      name: 'one cools down',
      rests: { a: { why: 'cooling', untilMs: 12_400 } },
      says: '(a/m it is cooling down for another 12 s), b/m, (c/m it does not speak the openai dialect)',
    },
    {
      name: 'a circuit is open',
      rests: { b: { why: 'circuit_open', untilMs: 61_000 } },
      says: 'a/m, (b/m its circuit is open for another 60 s), (c/m it does not speak the openai dialect)',
    },
    {
      name: 'a circuit is being tried',
      rests: { a: { why: 'probed', untilMs: 2000 } },
      says: '(a/m its circuit is half open, and another request is trying it out), b/m, (c/m it does not speak the openai dialect)',
    },
    {
      name: 'a rest of less than a second is one',
      rests: { a: { why: 'cooling', untilMs: 1001 } },
      says: '(a/m it is cooling down for another 1 s), b/m, (c/m it does not speak the openai dialect)',
    },
    {
      name: 'what rests and speaks another dialect is told by its dialect',
      rests: { c: { why: 'cooling', untilMs: 9000 } },
      says: 'a/m, b/m, (c/m it does not speak the openai dialect)',
    },
  ] as const)('$name', ({ rests, says }) => {
    expect(told(ladder, restsOf(rests))).toBe(says)
  })

  test('the dialect of the call decides who is passed over', () => {
    expect(told(ladder, noRests, 'anthropic')).toBe(
      '(a/m it does not speak the anthropic dialect), (b/m it does not speak the anthropic dialect), c/m',
    )
  })

  test('every tier is finished before the next begins', () => {
    const plan = tieredPlan([[route('a'), route('b')], [route('c')], [], [route('d'), route('e')]])
    const tiers = chooseAll(plan, { dialect: 'openai' }, noBooks, 5, 0).map(({ tier }) => plan.tiers.indexOf(tier))
    expect(tiers).toEqual([0, 0, 1, 3, 3])
  })
})

describe('chance', () => {
  test('B15: the first ask follows the weights, over seeds', () => {
    const plan = tieredPlan([[route('a', { weight: 6 }), route('b', { weight: 3 }), route('c')]])
    const firsts: Record<string, number> = {}
    for (let seed = 0; seed < 20_000; seed += 1) {
      const id = new Course(plan, Math.imul(seed, 2_654_435_761) >>> 0).next()?.id ?? ''
      firsts[id] = (firsts[id] ?? 0) + 1 / 20_000
    }
    expect(firsts['a/m']).toBeWithin(0.58, 0.62)
    expect(firsts['b/m']).toBeWithin(0.28, 0.32)
    expect(firsts['c/m']).toBeWithin(0.08, 0.12)
  })

  test('two tiers are drawn independently of one another', () => {
    const plan = tieredPlan([
      [route('a'), route('b')],
      [route('c'), route('d')],
    ])
    const seen: Record<string, number> = {}
    for (let seed = 0; seed < 8000; seed += 1) {
      const ids = idsWhenHealthy(plan, { dialect: 'openai' }, Math.imul(seed, 2_654_435_761) >>> 0)
      const key = `${ids[0]} ${ids[2]}`
      seen[key] = (seen[key] ?? 0) + 1 / 8000
    }
    expect(Object.keys(seen)).toHaveLength(4)
    for (const share of Object.values(seen)) expect(share).toBeWithin(0.22, 0.28)
  })

  const tiers = fc.array(fc.array(fc.nat(4), { maxLength: 5 }), { maxLength: 4 })
  const resting = fc.array(fc.nat(19), { maxLength: 8 })

  test('the same plan, rests and seed give the same choice, step by step or at one stroke, and nobody is lost', () => {
    fc.assert(
      fc.property(tiers, resting, fc.nat(2 ** 32 - 1), (weights, names, seed) => {
        let count = 0
        const plan = tieredPlan(weights.map((tier) => tier.map((weight) => route(`b${count++}`, { weight }))))
        const rests = restsOf(
          Object.fromEntries(names.map((name) => [`b${name}`, { why: 'cooling', untilMs: 5000 } as const])),
        )
        const steps = chooseAll(plan, { dialect: 'openai' }, { breakers: rests }, seed, nowMs)
        expect(chooseAll(plan, { dialect: 'openai' }, { breakers: rests }, seed, nowMs)).toEqual([...steps])
        const course = new Course(plan, seed)
        expect(steps.map(() => course.next())).toEqual(steps.map(({ candidate }) => candidate))
        expect(course.next()).toBeUndefined()
        expect(course.next()).toBeUndefined()
        expect(new Set(steps.map(({ candidate }) => candidate.id)).size).toBe(count)
        // A rest takes its route out, and changes nobody else's place.
        const healthy = chooseAll(plan, { dialect: 'openai' }, noBooks, seed, nowMs).map(
          ({ candidate }) => candidate.id,
        )
        expect(steps.map(({ candidate }) => candidate.id)).toEqual(healthy)
      }),
    )
  })
})

describe('idsWhenHealthy()', () => {
  test('is who would be asked, as far as the attempts reach', () => {
    const plan = tieredPlan([[route('a')], [route('b', { dialects: new Set(['gemini']) })], [route('c')], [route('d')]])
    expect(idsWhenHealthy(plan, { dialect: 'openai' }, 1)).toEqual(['a/m', 'c/m', 'd/m'])
    expect(idsWhenHealthy({ ...plan, attemptsMax: 2 }, { dialect: 'openai' }, 1)).toEqual(['a/m', 'c/m'])
    expect(idsWhenHealthy(plan, { dialect: 'anthropic' }, 1)).toEqual([])
  })

  test('stops somewhere where attempts are not limited', () => {
    const plan = tieredPlan(Array.from({ length: 40 }, (_, index) => [route(`b${index}`)]))
    expect(idsWhenHealthy({ ...plan, attemptsMax: Infinity }, { dialect: 'openai' }, 1)).toHaveLength(10)
  })
})
