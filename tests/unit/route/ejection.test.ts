import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate } from '#core/candidate.ts'
import type { BreakerPolicy, OutlierPolicy, Plan } from '#core/plan.ts'
import { noRests, type Rest, type Rests } from '#core/rest.ts'
import { mayEject, restOf } from '#route/ejection.ts'
import { candidateOf } from '../../support/candidate.ts'
import { tieredPlan } from '../../support/plan.ts'

const breaker: BreakerPolicy = {
  failureThreshold: 1,
  openMs: 1000,
  openMsMax: 1000,
  successThreshold: 1,
  outPercentMax: 50,
}
const outlier: OutlierPolicy = {
  windowMs: 10_000,
  requestsMin: 1,
  failurePercent: 50,
  ejectionMs: 1000,
  ejectionMsMax: 1000,
  outPercentMax: 50,
}

function routes(names: string, overrides: Partial<Candidate> = {}): Candidate[] {
  return Array.from(names, (name) => candidateOf(name, 'm', overrides))
}

/**
 * Routes by the name of their backend, as `a:open 50`, `a:ejected 50`, `a:cooling 50` or two of them with a plus; a rest
 * counts only with its policy, and the longest is told.
 */
function restsOf(text: string): Rests {
  const rests = new Map<string, Rest[]>()
  for (const entry of text.split(' ').filter(Boolean)) {
    const [name = '', all = ''] = entry.split(':')
    const own = all.split('+').map((one): Rest => {
      const [kind, until] = one.split('@')
      return {
        why:
          kind === 'open' ? 'circuit_open' : kind === 'ejected' ? 'ejected' : kind === 'probed' ? 'probed' : 'cooling',
        untilMs: Number(until),
      }
    })
    rests.set(candidateOf(name, 'm').stateKey, own)
  }
  const longest = (key: string, kinds: readonly (Rest['why'] | false)[]): Rest | undefined =>
    rests
      .get(key)
      ?.filter(({ why }) => kinds.includes(why))
      .toSorted((one, other) => other.untilMs - one.untilMs)[0]
  const kindsOf = (circuit?: object, ejection?: object): readonly (Rest['why'] | false)[] => [
    circuit !== undefined && 'circuit_open',
    circuit !== undefined && 'probed',
    ejection !== undefined && 'ejected',
  ]
  return {
    ...noRests,
    restOf: (key, _, circuit, ejection) => longest(key, ['cooling', ...kindsOf(circuit, ejection)]),
    outageOf: (key, _, circuit, ejection) => longest(key, kindsOf(circuit, ejection)),
  }
}

/** Who may not be asked. */
function out(plan: Plan, rests: Rests): string {
  return plan.tiers
    .flatMap(({ candidates }) => candidates)
    .filter((candidate) => restOf(candidate, { dialect: 'openai' }, plan, rests, 0) !== undefined)
    .map(({ backend }) => backend.name)
    .join('')
}

describe('circuits and ejections take a part of an alias and no more', () => {
  test.each([
    { name: 'nobody is out', tiers: ['ab'], rests: '', out: '' },
    { name: 'one of one, by its circuit: its backend is protected', tiers: ['a'], rests: 'a:open@50', out: 'a' },
    { name: 'one of one is never ejected', tiers: ['a'], rests: 'a:ejected@50', out: '' },
    { name: 'one of two', tiers: ['ab'], rests: 'a:open@50', out: 'a' },
    { name: 'one of two, ejected', tiers: ['ab'], rests: 'b:ejected@50', out: 'b' },
    { name: 'of two circuits the one that closes later', tiers: ['ab'], rests: 'a:open@50 b:open@60', out: 'b' },
    { name: 'of two alike the first', tiers: ['ab'], rests: 'a:open@50 b:open@50', out: 'a' },
    { name: 'a circuit before an ejection', tiers: ['ab'], rests: 'a:open@50 b:ejected@60', out: 'a' },
    { name: 'one of three', tiers: ['abc'], rests: 'a:open@50 b:open@60 c:open@70', out: 'c' },
    { name: 'two of four', tiers: ['abcd'], rests: 'a:open@50 b:open@60 c:ejected@70 d:ejected@80', out: 'ab' },
    {
      name: 'over all priorities',
      tiers: ['a', 'b', 'cd'],
      rests: 'a:open@50 b:open@60 c:open@70 d:open@80',
      out: 'cd',
    },
    { name: 'a probe counts as out', tiers: ['ab'], rests: 'a:probed@10 b:open@50', out: 'b' },
    { name: 'an ejection before a probe', tiers: ['ab'], rests: 'a:probed@90 b:ejected@50', out: 'b' },
    { name: 'of two probes the first', tiers: ['ab'], rests: 'a:probed@90 b:probed@90', out: 'a' },
    { name: 'who cools down is no one of them', tiers: ['ab'], rests: 'a:cooling@90 b:open@50', out: 'ab' },
    {
      name: 'who is let off cools down all the same',
      tiers: ['ab'],
      rests: 'a:open@50+cooling@20 b:open@60',
      out: 'ab',
    },
    {
      name: 'a circuit counts although its route cools down for longer',
      tiers: ['ab'],
      rests: 'a:open@40+cooling@90 b:open@30',
      out: 'a',
    },
  ])('$name', ({ tiers, rests, out: wanted }) => {
    const plan = tieredPlan(
      tiers.map((names) => routes(names)),
      { breaker, outlier },
    )
    expect(out(plan, restsOf(rests))).toBe(wanted)
  })

  test.each([
    { percent: 1, circuits: 'd', ejections: 'd' },
    { percent: 49, circuits: 'd', ejections: 'd' },
    { percent: 75, circuits: 'bcd', ejections: 'bcd' },
    { percent: 100, circuits: 'abcd', ejections: 'bcd' },
  ])('$percent % of four', ({ percent: outPercentMax, circuits, ejections }) => {
    const plan = tieredPlan([routes('abcd')], {
      breaker: { ...breaker, outPercentMax },
      outlier: { ...outlier, outPercentMax },
    })
    expect(out(plan, restsOf('a:open@50 b:open@60 c:open@70 d:open@80'))).toBe(circuits)
    expect(out(plan, restsOf('a:ejected@50 b:ejected@60 c:ejected@70 d:ejected@80'))).toBe(ejections)
  })

  test('who is let off by one of the two bounds is still held by the other', () => {
    const plan = tieredPlan([routes('abcd')], { breaker, outlier: { ...outlier, outPercentMax: 25 } })
    expect(out(plan, restsOf('a:open@50+ejected@90 b:ejected@95'))).toBe('a')
    expect(out(plan, restsOf('a:open@50+ejected@90 b:ejected@95 c:open@60'))).toBe('ac')
  })

  test('routes of another dialect are none of those that are left', () => {
    const plan = tieredPlan([[...routes('ab'), ...routes('xyz', { dialects: new Set(['gemini']) })]], { breaker })
    const rests = restsOf('a:open@50 b:open@60')
    const isOut = ([name = '']: string): boolean =>
      plan.tiers[0]?.candidates
        .filter(({ backend }) => backend.name === name)
        .every((candidate) => restOf(candidate, { dialect: 'openai' }, plan, rests, 0) !== undefined) === true
    expect([isOut('a'), isOut('b')]).toEqual([false, true])
  })

  test('routes that aliases share are counted for each of them', () => {
    const [a, b, c, d] = routes('abcd') as [Candidate, Candidate, Candidate, Candidate]
    const rests = restsOf('a:open@50 b:open@60')
    const policies = { breaker, outlier }
    expect(out(tieredPlan([[a, b]], policies), rests)).toBe('b')
    expect(out(tieredPlan([[a, c]], policies), rests)).toBe('a')
    expect(out(tieredPlan([[b, c]], policies), rests)).toBe('b')
    expect(out(tieredPlan([[a, b, c, d]], policies), rests)).toBe('ab')
  })

  test('fallback aliases are counted for themselves', () => {
    const l1 = { alias: 'm', level: 'l1', priority: 0, candidates: routes('ab') } as const
    const l2 = { alias: 'n', level: 'l2', priority: 0, candidates: routes('cd') } as const
    const plan = { ...tieredPlan([]), tiers: [l1, l2], breaker }
    expect(out(plan, restsOf('a:open@50 b:open@60 c:open@70'))).toBe('bc')
  })

  test('two routes of one backend and model are one', () => {
    const [a, b] = routes('ab') as [Candidate, Candidate]
    const plan = tieredPlan([[a, b], [{ ...a }]], { breaker })
    expect(out(plan, restsOf('a:open@50 b:open@40'))).toBe('aa')
  })

  test('whatever rests, no more than the part is out, at least one is asked of several, and who is out longest stays out', () => {
    const kinds = fc.constantFrom('', 'open', 'ejected', 'probed', 'cooling')
    const state = fc.tuple(kinds, fc.integer({ min: 1, max: 9 }))
    const percents = fc.integer({ min: 1, max: 99 })
    fc.assert(
      fc.property(fc.array(state, { minLength: 2, maxLength: 8 }), percents, (states, outPercentMax) => {
        const names = 'abcdefgh'.slice(0, states.length)
        const rests = states.map(([kind, until], at) => (kind === '' ? '' : `${names[at]}:${kind}@${until}`)).join(' ')
        const plan = tieredPlan([routes(names)], {
          breaker: { ...breaker, outPercentMax },
          outlier: { ...outlier, outPercentMax },
        })
        const gone = out(plan, restsOf(rests))
        const cooling = states.filter(([kind]) => kind === 'cooling').length
        const most = Math.max(1, Math.floor((names.length * outPercentMax) / 100))
        const wouldRest = states.filter(([kind]) => kind !== '' && kind !== 'cooling').length
        expect(gone.length - cooling).toBe(Math.min(most, wouldRest))
      }),
    )
  })
})

describe('one more may be ejected', () => {
  test.each([
    { names: 'a', rests: '', may: false },
    { names: 'ab', rests: '', may: true },
    { names: 'ab', rests: 'b:ejected@50', may: false },
    { names: 'ab', rests: 'b:open@50', may: false },
    { names: 'ab', rests: 'b:cooling@50', may: true },
    { names: 'ab', rests: 'b:open@40+cooling@50', may: false },
    { names: 'abc', rests: 'b:ejected@50', may: false },
    { names: 'abcd', rests: 'b:ejected@50', may: true },
    { names: 'abcd', rests: 'b:ejected@50 c:open@60', may: false },
  ])('of $names with "$rests": $may', ({ names, rests, may }) => {
    const plan = tieredPlan([routes(names)], { breaker, outlier })
    const [a] = plan.tiers[0]?.candidates ?? []
    expect(a !== undefined && mayEject(a, plan, restsOf(rests), 0)).toBe(may)
  })
})
