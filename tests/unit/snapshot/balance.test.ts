import { describe, expect, test } from 'bun:test'
import type { ConfigInput } from '#config/schema.ts'
import type { AffinityPolicy, Plan, Strategy } from '#core/plan.ts'
import { describeChanges } from '#snapshot/diff.ts'
import { compileInput, snapshotOf } from '../../support/compiled.ts'

type Model = NonNullable<ConfigInput['models']>[string]

const backends = ['a', 'b'].map((name) => ({ name, url: `http://${name}.test/v1` }))
const one = [{ backend: 'a', model: 'x' }]
const two = [...one, { backend: 'b', model: 'x' }]

function planOf(model: Partial<Model>, rest: ConfigInput = {}, alias = 'm'): Plan {
  const models = { m: { routes: two, ...model }, ...rest.models }
  const plan = snapshotOf({ backends, ...rest, models }).plans.get(alias)
  if (plan === undefined) throw new Error('no plan')
  return plan
}

describe('what a plan goes by', () => {
  test.each<{ name: string; model: Partial<Model>; strategies: (Strategy | undefined)[]; rest?: ConfigInput }>([
    { name: 'nothing is said', model: {}, strategies: [undefined] },
    { name: 'its own word', model: { strategy: 'hash' }, strategies: ['hash'] },
    {
      name: 'the common word',
      model: {},
      rest: { load_balancing: { strategy: 'latency' } },
      strategies: ['latency'],
    },
    {
      name: 'its own word before the common one',
      model: { strategy: 'weighted' },
      rest: { load_balancing: { strategy: 'latency' } },
      strategies: [undefined],
    },
    { name: 'one route shares with nobody', model: { strategy: 'hash', routes: one }, strategies: [undefined] },
    {
      name: 'fallbacks keep theirs',
      model: { routes: one },
      rest: {
        models: { n: { strategy: 'random', routes: [...two, { backend: 'a', model: 'y' }] } },
        fallback: { alias_fallback: { m: ['n'] } },
      },
      strategies: [undefined, 'random'],
    },
  ])('strategy: $name', ({ model, rest, strategies }) => {
    expect(planOf(model, rest).tiers.map(({ strategy }) => strategy)).toEqual(strategies)
  })

  test.each<{ model: Partial<Model>; affinity: AffinityPolicy | undefined }>([
    { model: { affinity: {} }, affinity: { by: 'auto', header: '', ttlMs: 3_600_000 } },
    { model: { affinity: { by: 'ip', ttl: '5m' } }, affinity: { by: 'ip', header: '', ttlMs: 300_000 } },
    { model: { affinity: { by: 'user' } }, affinity: { by: 'user', header: '', ttlMs: 3_600_000 } },
    { model: { affinity: { by: 'system' } }, affinity: { by: 'system', header: '', ttlMs: 3_600_000 } },
    { model: { affinity: { by: 'header:X-Me' } }, affinity: { by: 'header', header: 'x-me', ttlMs: 3_600_000 } },
    { model: { affinity: { by: 'off' } }, affinity: undefined },
    { model: {}, affinity: undefined },
    { model: { strategy: 'hash' }, affinity: { by: 'auto', header: '', ttlMs: 0 } },
    { model: { strategy: 'hash', affinity: { by: 'off' } }, affinity: { by: 'auto', header: '', ttlMs: 0 } },
    { model: { strategy: 'hash', affinity: { by: 'ip' } }, affinity: { by: 'ip', header: '', ttlMs: 3_600_000 } },
  ])('affinity of %j', ({ model, affinity }) => {
    expect(planOf(model).balance?.affinity).toEqual(affinity)
  })

  test('where weights and chance are all, nothing is looked at', () => {
    expect(planOf({}).balance).toBeUndefined()
    expect(planOf({ strategy: 'weighted_random' }).balance).toBeUndefined()
  })

  test.each([
    { strategy: 'least_connections', routes: one, isMeasured: true },
    { strategy: 'latency', routes: one, isMeasured: true },
    { strategy: 'round_robin', routes: one, isMeasured: undefined },
    { strategy: 'latency', routes: [{ backend: 'a', model: 'another' }], isMeasured: undefined },
  ] as const)('who shares a route with $strategy is measured: $isMeasured', ({ strategy, routes, isMeasured }) => {
    const models = { n: { routes: [...routes] } }
    expect(planOf({ strategy }, { models }, 'n').balance?.isMeasured).toBe(isMeasured as boolean)
  })
})

test('a route without a price is told where prices decide, and only there', () => {
  const told = (model: Model): unknown[] =>
    compileInput({ backends, models: { m: model } }).problems.map(({ path }) => path)
  const cost = { input: 1, output: 2 }
  expect(
    told({
      strategy: 'cost',
      routes: [
        { backend: 'a', model: 'x', cost },
        { backend: 'b', model: 'x' },
      ],
    }),
  ).toEqual([['models', 'm', 'routes', 1]])
  expect(told({ strategy: 'cost', routes: one })).toEqual([])
  expect(told({ strategy: 'latency', routes: two })).toEqual([])
})

test.each<{ name: string; before: ConfigInput; after: ConfigInput; told: string[] }>([
  {
    name: 'an alias goes another way',
    before: {},
    after: { models: { m: { strategy: 'hash', routes: two, affinity: { by: 'ip' } } } },
    told: ['alias m: strategy weighted_random → hash, affinity changed'],
  },
  {
    name: 'all go another way, which is told once',
    before: {},
    after: { load_balancing: { strategy: 'round_robin' } },
    told: ['load_balancing.strategy weighted_random → round_robin'],
  },
  {
    name: 'a price',
    before: {},
    after: {
      models: { m: { routes: [{ backend: 'a', model: 'x', cost: { input: 1, output: 2 } }, ...two.slice(1)] } },
    },
    told: ['alias m: route a/x cost changed'],
  },
])('a reload tells that $name', ({ before, after, told }) => {
  const base: ConfigInput = { backends, models: { m: { routes: two } } }
  expect(describeChanges(snapshotOf({ ...base, ...before }), snapshotOf({ ...base, ...after }))).toEqual(told)
})
