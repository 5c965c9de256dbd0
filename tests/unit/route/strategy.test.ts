import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate } from '#core/candidate.ts'
import type { Strategy, Tier } from '#core/plan.ts'
import type { Affinity } from '#route/affinity.ts'
import { seededRandom } from '#ports/random.ts'
import { Figures, type FiguresView } from '#route/figures.ts'
import { orderByStrategy, plainOutlook, scoreText, type Outlook } from '#route/strategy.ts'
import { candidateOf } from '../../support/candidate.ts'

function tierOf(strategy: Strategy | undefined, candidates: readonly Candidate[]): Tier {
  return { alias: 'm', level: 'l1', priority: 0, candidates, strategy }
}

function routes(...weights: readonly number[]): Candidate[] {
  return weights.map((weight, at) => candidateOf('abcdefgh'[at] ?? '', 'm', { weight }))
}

interface Known {
  readonly inFlight?: Readonly<Record<string, number>>
  readonly waiting?: Readonly<Record<string, number>>
  readonly latencyMs?: Readonly<Record<string, number>>
}

/** What is known of routes, by the name of their backend. */
function known({ inFlight = {}, waiting = {}, latencyMs = {} }: Known): Outlook {
  const name = (stateKey: string): string => (JSON.parse(stateKey) as string[])[0] ?? ''
  const figures: FiguresView = {
    inFlightOf: (key) => inFlight[name(key)] ?? 0,
    waitingOf: (key) => waiting[name(key)] ?? 0,
    latencyOf: (key) => latencyMs[name(key)],
    creditOf: () => 0,
  }
  return { ...plainOutlook, figures }
}

function keyed(key: number, pinned?: string): Outlook {
  return { ...plainOutlook, figures: new Figures(), affinity: { seed: key, pinned } as unknown as Affinity }
}

function names(tier: Tier, seed: number, outlook: Outlook = plainOutlook): string {
  return orderByStrategy(tier, seed, outlook)
    .map(({ backend }) => backend.name)
    .join('')
}

/** The share that each route has of the first places of many seeds. */
function shares(tier: Tier, outlook: Outlook = plainOutlook, draws = 4000): Record<string, number> {
  const share: Record<string, number> = {}
  for (let draw = 0; draw < draws; draw += 1) {
    const first = names(tier, Math.imul(draw, 2_654_435_761) >>> 0, outlook)[0] ?? ''
    share[first] = (share[first] ?? 0) + 1 / draws
  }
  return share
}

describe('round_robin', () => {
  /** Who is asked by one request after the other, while `able` says who can be. */
  function turns(tier: Tier, count: number, figures = new Figures(), able = tier.candidates): string {
    let asked = ''
    for (let request = 0; request < count; request += 1) {
      const ordered = orderByStrategy(tier, request, { ...plainOutlook, figures })
      const taken = ordered.find((candidate) => able.includes(candidate))
      if (taken === undefined) return asked
      figures.takeTurn(tier.alias, able, taken)
      asked += taken.backend.name
    }
    return asked
  }

  test.each([
    { weights: [1, 1], asked: 'abababab' },
    { weights: [1, 1, 1], asked: 'abcabcabc' },
    { weights: [2, 1], asked: 'abaabaaba' },
    { weights: [5, 1, 1], asked: 'aabacaaaabacaa' },
    { weights: [0.5, 0.25], asked: 'abaaba' },
    { weights: [0, 0], asked: 'abab' },
    { weights: [1, 0, 1], asked: 'acacac' },
  ])('C101 D11: $weights is exactly $asked, from the first of the file on', ({ weights, asked }) => {
    expect(turns(tierOf('round_robin', routes(...weights)), asked.length)).toBe(asked)
  })

  test('those that are left alternate exactly while one rests, and it comes back to its share', () => {
    const tier = tierOf('round_robin', routes(1, 1, 1))
    const figures = new Figures()
    expect(turns(tier, 4, figures)).toBe('abca')
    expect(turns(tier, 6, figures, tier.candidates.slice(1))).toBe('bcbcbc')
    const after = turns(tier, 9, figures)
    expect(['a', 'b', 'c'].map((name) => after.split(name).length - 1)).toEqual([3, 3, 3])
  })

  test('over each round every weight is kept exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 8 }), (weights) => {
        const round = weights.reduce((sum, weight) => sum + weight, 0)
        const asked = turns(tierOf('round_robin', routes(...weights)), 3 * round)
        for (const from of [0, round, 2 * round]) {
          const part = asked.slice(from, from + round)
          expect(weights.map((_, at) => part.split('abcdefgh'[at] ?? '').length - 1)).toEqual(weights)
        }
      }),
    )
  })

  test('where nothing is known it is by chance and weight, as it is in the long run', () => {
    expect(shares(tierOf('round_robin', routes(3, 1)))['a']).toBeWithin(0.72, 0.78)
  })
})

describe('least_connections', () => {
  test.each([
    { name: 'the fewest first', weights: [1, 1, 1], inFlight: { a: 3, b: 1, c: 2 }, order: 'bca' },
    { name: 'for their weight', weights: [4, 1], inFlight: { a: 3, b: 1 }, order: 'ab' },
    { name: 'weight 0 last, however idle', weights: [0, 1], inFlight: { b: 9 }, order: 'ba' },
  ])('C102: $name', ({ weights, inFlight, order }) => {
    const tier = tierOf('least_connections', routes(...weights))
    for (let seed = 0; seed < 20; seed += 1) expect(names(tier, seed, known({ inFlight }))).toBe(order)
  })

  test('those that are alike share by weight', () => {
    expect(shares(tierOf('least_connections', routes(3, 1)), known({}))['a']).toBeWithin(0.72, 0.78)
  })
})

describe('latency', () => {
  const two = tierOf('latency', routes(1, 1))

  test.each([
    { name: 'the faster one', latencyMs: { a: 900, b: 300 }, first: 'b' },
    { name: 'one that was never measured', latencyMs: { a: 100 }, first: 'b' },
    {
      name: 'not a second request for that one at the same time',
      latencyMs: { a: 100 },
      waiting: { b: 1 },
      first: 'a',
    },
    {
      name: 'not the fast one that has stopped answering',
      latencyMs: { a: 100, b: 300 },
      waiting: { a: 4 },
      first: 'b',
    },
    {
      name: 'not a second request for that one, however slow the other is',
      latencyMs: { a: 60_000 },
      waiting: { b: 1 },
      first: 'a',
    },
    { name: 'of two unknown ones the one that fewer wait for', latencyMs: {}, waiting: { a: 2, b: 1 }, first: 'b' },
  ])('comes first: $name', ({ latencyMs, waiting = {}, first }) => {
    for (let seed = 0; seed < 20; seed += 1) {
      expect(names(two, seed, known({ latencyMs, waiting }))[0]).toBe(first)
    }
  })

  test('of many routes two are drawn, so that not all run to the best', () => {
    const tier = tierOf('latency', routes(1, 1, 1, 1))
    const share = shares(tier, known({ latencyMs: { a: 100, b: 200, c: 300, d: 400 } }))
    expect(share['a']).toBeWithin(0.46, 0.54)
    expect(share['b']).toBeWithin(0.29, 0.37)
    expect(share['c']).toBeWithin(0.13, 0.2)
    expect(share['d']).toBeUndefined()
  })

  test('who can only be passed over is nobody’s rival', () => {
    const outlook = known({ latencyMs: { a: 100, b: 500, c: 1000, d: 1000 } })
    const ability = { isAble: ({ backend }: Candidate) => backend.name < 'c' }
    const tier = tierOf('latency', routes(1, 1, 1, 1))
    expect(shares(tier, { ...outlook, ability })).toEqual({ a: expect.closeTo(1) })
    expect(names(tier, 1, { ...outlook, ability })).toMatch(/^ab(?:cd|dc)$/)
  })

  test('weight 0 comes last, however fast', () => {
    expect(names(tierOf('latency', routes(0, 1)), 3, known({ latencyMs: { a: 1, b: 5000 } }))).toBe('ba')
  })

  test('where nothing is known it goes by chance and weight', () => {
    expect(shares(tierOf('latency', routes(3, 1)))['a']).toBeWithin(0.72, 0.78)
  })
})

describe('cost', () => {
  const priced = [
    candidateOf('a', 'm', { price: { input: 3, output: 15 } }),
    candidateOf('b', 'm'),
    candidateOf('c', 'm', { price: { input: 1, output: 18 } }),
    candidateOf('d', 'm', { weight: 0, price: { input: 0, output: 0 } }),
  ]

  test('the cheapest first, three tokens read for each that is written, then those without a price', () => {
    for (let seed = 0; seed < 20; seed += 1) expect(names(tierOf('cost', priced), seed)).toBe('cabd')
  })

  test('those that cost the same share by weight', () => {
    const price = { input: 1, output: 1 }
    const tier = tierOf('cost', [candidateOf('a', 'm', { weight: 3, price }), candidateOf('b', 'm', { price })])
    expect(shares(tier)['a']).toBeWithin(0.72, 0.78)
  })
})

describe('hash', () => {
  test('a key goes to the same route whatever the seed, and keys are shared by weight', () => {
    const tier = tierOf('hash', routes(3, 1))
    const counts: Record<string, number> = {}
    for (let draw = 0; draw < 4000; draw += 1) {
      const key = Math.imul(draw, 2_654_435_761) >>> 0
      const asked = new Set([1, 2, 3].map((seed) => names(tier, seed, keyed(key))))
      expect(asked.size).toBe(1)
      const [first = ''] = asked
      counts[first[0] ?? ''] = (counts[first[0] ?? ''] ?? 0) + 1 / 4000
    }
    expect(counts['a']).toBeWithin(0.72, 0.78)
  })

  test('a route that goes moves its own keys and no others; one that comes takes only what is its', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 8 }),
        fc.nat(2 ** 32 - 1),
        fc.nat(7),
        (weights, key, gone) => {
          const all = routes(...weights)
          const left = all.filter((_, at) => at !== gone % all.length)
          const before = names(tierOf('hash', all), 1, keyed(key))
          const after = names(tierOf('hash', left), 2, keyed(key))
          expect(after).toBe(before.replace('abcdefgh'[gone % all.length] ?? '', ''))
        },
      ),
    )
  })

  test('without a key it goes by the seed', () => {
    expect(shares(tierOf('hash', routes(1, 1)))['a']).toBeWithin(0.46, 0.54)
  })

  test.each([
    { inFlight: { a: 3 }, first: 'a', why: 'a few are never too many' },
    { inFlight: { a: 4, b: 1 }, first: 'b', why: 'four of five are clearly more than half' },
    { inFlight: { a: 12, b: 10 }, first: 'a', why: 'up to a quarter more than its share is fair' },
    { inFlight: { a: 16, b: 8 }, first: 'b', why: 'and more is not' },
    { inFlight: { a: 100, b: 100 }, first: 'a', why: 'where all work on the same, the key decides' },
  ])('who works on more than its share comes later: $inFlight', ({ inFlight, first }) => {
    const tier = tierOf('hash', routes(1, 1))
    const key = Array.from({ length: 50 }, (_, at) => at).find((at) => names(tier, 1, keyed(at)).startsWith('a')) ?? 0
    const affinity = { seed: key, pinned: undefined } as unknown as Affinity
    expect(names(tier, 1, { ...known({ inFlight }), affinity })[0]).toBe(first)
  })

  test('who rests has no share, and leaves its own to the others', () => {
    const tier = tierOf('hash', routes(1, 1, 1))
    const ability = { isAble: ({ backend }: Candidate): boolean => backend.name !== 'c' }
    const key = Array.from({ length: 50 }, (_, at) => at).find((at) => names(tier, 1, keyed(at)).startsWith('ab')) ?? 0
    const affinity = { seed: key, pinned: undefined } as unknown as Affinity
    // Of three it would be far above its share.
    const outlook = { ...known({ inFlight: { a: 10, b: 9 } }), affinity, ability }
    expect(names(tier, 1, outlook)[0]).toBe('a')
  })

  test.each([1, 2, 3])(
    'bounded loads: however uneven the keys, nobody gets much more than its share (seed %p)',
    (seed) => {
      const tier = tierOf('hash', routes(1, 1, 1, 1))
      const random = seededRandom(seed)
      const figures = new Figures()
      const ends: { readonly atTick: number; readonly ride: { pay(): void } }[] = []
      let worst = 0
      let kept = 0
      const homes = new Map<number, string>()
      for (let tick = 0; tick < 5000; tick += 1) {
        while (ends[0] !== undefined && ends[0].atTick <= tick) ends.shift()?.ride.pay()
        // Half of all requests are of one key.
        const key = random.unit() < 0.5 ? 7 : Math.floor(random.unit() * 100)
        const affinity = { seed: key, pinned: undefined } as unknown as Affinity
        const [first] = orderByStrategy(tier, tick, { ...plainOutlook, figures, affinity })
        if (first === undefined) throw new Error('Nobody was chosen')
        const home = homes.get(key) ?? names(tier, 1, keyed(key))[0] ?? ''
        homes.set(key, home)
        if (first.backend.name === home) kept += 1
        ends.push({ atTick: tick + 100, ride: figures.begin(first.stateKey, false) })
        if (tick < 200) continue
        const loads = tier.candidates.map(({ stateKey }) => figures.inFlightOf(stateKey))
        worst = Math.max(worst, Math.max(...loads) / (loads.reduce((sum, load) => sum + load, 0) / loads.length))
      }
      expect(worst).toBeLessThan(1.35)
      expect(kept / 5000).toBeGreaterThan(0.6)
    },
  )
})

describe('random and weighted_random', () => {
  test('C104: random is even, whatever the weights, but weight 0 comes last', () => {
    const share = shares(tierOf('random', routes(9, 1, 0)))
    expect(share['a']).toBeWithin(0.46, 0.54)
    expect(share['c']).toBeUndefined()
  })

  test('C103: weighted_random is three to one', () => {
    expect(shares(tierOf(undefined, routes(3, 1)))['a']).toBeWithin(0.72, 0.78)
  })
})

describe('affinity', () => {
  const tier = tierOf(undefined, routes(1, 1, 1, 0))
  const keyOf = (at: number): string => tier.candidates[at]?.stateKey ?? ''

  test('who answered last comes first, the others stay as they are', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const plain = names(tier, seed)
      expect(names(tier, seed, keyed(1, keyOf(1)))).toBe(`b${plain.replace('b', '')}`)
    }
  })

  test.each([
    { name: 'a route that is no longer there', pinned: 'gone' },
    { name: 'one that stood in for the others without a weight', pinned: keyOf(3) },
  ])('nobody stays with $name', ({ pinned }) => {
    for (let seed = 0; seed < 20; seed += 1) expect(names(tier, seed, keyed(1, pinned))).toBe(names(tier, seed))
  })
})

test('every strategy gives every candidate once, weight 0 last, and the same again', () => {
  const strategies = ['round_robin', 'least_connections', 'latency', 'cost', 'hash', 'random', undefined] as const
  const figure = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), fc.nat(2000))
  fc.assert(
    fc.property(
      fc.constantFrom(...strategies),
      fc.array(fc.constantFrom(0, 1, 2.5), { maxLength: 8 }),
      fc.nat(2 ** 32 - 1),
      fc.record({ inFlight: figure, waiting: figure, latencyMs: figure }),
      (strategy, weights, seed, facts) => {
        const tier = tierOf(strategy, routes(...weights))
        const ordered = orderByStrategy(tier, seed, known(facts))
        expect(ordered).toHaveLength(tier.candidates.length)
        expect(new Set(ordered)).toEqual(new Set(tier.candidates))
        const zero = ordered.findIndex(({ weight }) => weight === 0)
        if (zero !== -1) expect(ordered.slice(zero).every(({ weight }) => weight === 0)).toBe(true)
        expect(orderByStrategy(tier, seed, known(facts))).toEqual([...ordered])
      },
    ),
  )
})

test.each([
  { strategy: 'round_robin', facts: {}, says: 'has credit for 2' },
  { strategy: 'least_connections', facts: { inFlight: { a: 3 } }, says: 'works on 3' },
  { strategy: 'latency', facts: { latencyMs: { a: 210.4 } }, says: 'begins after 210 ms' },
  { strategy: 'latency', facts: { waiting: { a: 2 } }, says: 'not measured yet, 2 waiting' },
  { strategy: 'cost', facts: {}, says: 'costs 3 in and 15 out' },
  { strategy: 'hash', facts: {}, says: null },
  { strategy: 'random', facts: {}, says: null },
  { strategy: undefined, facts: {}, says: null },
] as const)('what $strategy sees in a route: $says', ({ strategy, facts, says }) => {
  const candidate = candidateOf('a', 'm', { weight: 2, price: { input: 3, output: 15 } })
  expect(scoreText(tierOf(strategy, [candidate]), candidate, known(facts))).toBe(says)
})
