import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ConfigInput } from '#config/schema.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { compileInput, snapshotOf } from '../../support/compiled.ts'

const backends = ['a', 'b', 'c', 'd'].map((name) => ({ name, url: `http://${name}.test/v1` }))

type Models = NonNullable<ConfigInput['models']>

function routed(...routes: Models[string]['routes']): Models[string] {
  return { routes }
}

/** The plan as text, `level priority: ids` for each tier. */
function tiersOf(snapshot: Snapshot, alias: string): string[] {
  const plan = snapshot.plans.get(alias)
  if (plan === undefined) return ['no plan']
  return plan.tiers.map(({ level, priority, candidates }) => {
    return `${level} ${priority}: ${candidates.map(({ id }) => id).join(' ')}`
  })
}

function compile(models: Models, aliasFallback: Record<string, string[]> = {}) {
  return compileInput({ backends, models, fallback: { alias_fallback: aliasFallback } })
}

function plansOf(models: Models, aliasFallback: Record<string, string[]> = {}): Snapshot {
  return snapshotOf({ backends, models, fallback: { alias_fallback: aliasFallback } })
}

/** One alias `x` for each name, answered by backend a with a model of its own. */
function plain(...aliases: string[]): Models {
  return Object.fromEntries(aliases.map((alias) => [alias, routed({ backend: 'a', model: `${alias}-model` })]))
}

describe('inside an alias', () => {
  test('B07 B08 B16 N112: tiers stand by priority, smaller numbers first', () => {
    const snapshot = plansOf({
      m: routed(
        { backend: 'c', model: 'x', priority: 10 },
        { backend: 'a', model: 'x', priority: 1 },
        { backend: 'b', model: 'x', priority: 1 },
        { backend: 'd', model: 'x', priority: 2 },
      ),
    })
    expect(tiersOf(snapshot, 'm')).toEqual(['l1 1: a/x b/x', 'l1 2: d/x', 'l1 10: c/x'])
  })

  test('B09: a missing priority counts as 0 and is told when another route has one', () => {
    const models = { m: routed({ backend: 'a', model: 'x', priority: 1 }, { backend: 'b', model: 'x' }) }
    expect(tiersOf(plansOf(models), 'm')).toEqual(['l1 0: b/x', 'l1 1: a/x'])
    expect(compile(models).problems).toEqual([
      {
        severity: 'warning',
        path: ['models', 'm', 'routes', 1],
        message: 'the route has no priority and counts as 0, before those that have one: write one here too',
      },
    ])
  })

  test('B09: no route with a priority, no warning', () => {
    expect(compile({ m: routed({ backend: 'a', model: 'x' }, { backend: 'b', model: 'x' }) }).problems).toEqual([])
  })

  test('B17: routes of a switched-off backend are left out and noted', () => {
    const { snapshot, problems } = compileInput({
      backends: [...backends, { name: 'off', url: 'http://off.test', enabled: false }],
      models: { m: routed({ backend: 'off', model: 'x', priority: 1 }, { backend: 'a', model: 'x', priority: 2 }) },
    })
    expect(snapshot && tiersOf(snapshot, 'm')).toEqual(['l1 2: a/x'])
    expect(snapshot?.backends.has('off')).toBe(false)
    expect(problems).toEqual([
      {
        severity: 'note',
        path: ['models', 'm', 'routes', 0, 'backend'],
        message: '"off" is switched off, so this route is never tried',
      },
    ])
  })

  test('B19: a switched-off route is left out without a word', () => {
    const { snapshot, problems } = compile({
      m: routed({ backend: 'a', model: 'x', enabled: false }, { backend: 'b', model: 'x' }),
    })
    expect(snapshot && tiersOf(snapshot, 'm')).toEqual(['l1 0: b/x'])
    expect(problems).toEqual([])
  })

  test('N110: a route to a backend that does not exist refuses the configuration, with a hint', () => {
    const { snapshot, problems } = compileInput({
      backends: [{ name: 'provider-a', url: 'http://a.test' }],
      models: { m: routed({ backend: 'provder-a', model: 'x' }, { backend: 'elsewhere', model: 'x', enabled: false }) },
    })
    expect(snapshot).toBeUndefined()
    expect(problems).toEqual([
      {
        severity: 'error',
        path: ['models', 'm', 'routes', 0, 'backend'],
        message: 'no backend is named "provder-a" (did you mean "provider-a"?)',
      },
      {
        severity: 'error',
        path: ['models', 'm', 'routes', 1, 'backend'],
        message: 'no backend is named "elsewhere" (there are: "provider-a")',
      },
    ])
  })

  test('a repeated route is told and tried once, where it comes first', () => {
    const { snapshot, problems } = compile({
      m: routed(
        { backend: 'a', model: 'x', priority: 2 },
        { backend: 'b', model: 'x', priority: 1 },
        { backend: 'a', model: 'x', priority: 1 },
      ),
    })
    expect(snapshot && tiersOf(snapshot, 'm')).toEqual(['l1 1: b/x a/x'])
    expect(problems).toEqual([
      {
        severity: 'warning',
        path: ['models', 'm', 'routes', 0],
        message: 'the route repeats "a/x" and is never tried',
      },
    ])
  })

  test('the same model of a backend over two protocols is two routes, each for the dialects that are left', () => {
    const snapshot = plansOf({
      m: routed(
        { backend: 'a', model: 'x', protocol: 'anthropic', priority: 1 },
        { backend: 'a', model: 'x', protocol: 'any', priority: 2 },
      ),
    })
    const candidates = snapshot.plans.get('m')?.tiers.flatMap((tier) => tier.candidates) ?? []
    expect(candidates.map(({ dialects }) => [...dialects])).toEqual([['anthropic'], ['openai', 'gemini', 'ollama']])
    expect(new Set(candidates.map(({ stateKey }) => stateKey)).size).toBe(1)
  })

  test('routes of one priority that all have weight 0 are told', () => {
    const { snapshot, problems } = compile({
      m: routed({ backend: 'a', model: 'x', weight: 0 }, { backend: 'b', model: 'x', weight: 0 }),
    })
    expect(snapshot && tiersOf(snapshot, 'm')).toEqual(['l1 0: a/x b/x'])
    expect(problems).toMatchObject([{ severity: 'warning', path: ['models', 'm', 'routes', 0] }])
    expect(problems[0]?.message).toBe('no route of priority 0 has a weight above 0, so they share evenly')
  })

  test('the weight of a candidate is that of its route times that of its backend', () => {
    const snapshot = snapshotOf({
      backends: [{ name: 'a', url: 'http://a.test', weight: 3 }],
      models: { m: routed({ backend: 'a', model: 'x', weight: 2 }) },
    })
    expect(snapshot.plans.get('m')?.tiers[0]?.candidates[0]?.weight).toBe(6)
  })

  test('B06 B22 N114: routes share what is learned exactly when backend and model are the same', () => {
    const snapshot = snapshotOf({
      backends: [
        { name: 'a/b', url: 'http://one.test' },
        { name: 'a', url: 'http://two.test' },
      ],
      models: {
        one: routed({ backend: 'a/b', model: 'c' }),
        two: routed({ backend: 'a/b', model: 'c' }),
        other: routed({ backend: 'a', model: 'b/c' }),
      },
    })
    const keyOf = (alias: string) => snapshot.plans.get(alias)?.tiers[0]?.candidates[0]?.stateKey
    expect(keyOf('one')).toBe(keyOf('two') ?? '')
    expect(keyOf('one')).not.toBe(keyOf('other') ?? '')
  })

  test.each([
    { protocol: 'openai', dialects: ['openai'] },
    { protocol: 'azure', dialects: ['openai'] },
    { protocol: 'deepseek', dialects: ['openai'] },
    { protocol: 'groq', dialects: ['openai'] },
    { protocol: 'mistral', dialects: ['openai'] },
    { protocol: 'cohere', dialects: ['openai'] },
    { protocol: 'anthropic', dialects: ['anthropic'] },
    { protocol: 'gemini', dialects: ['gemini'] },
    { protocol: 'google', dialects: ['gemini'] },
    { protocol: 'any', dialects: ['openai', 'anthropic', 'gemini', 'ollama'] },
  ] as const)(
    'B101: protocol $protocol speaks $dialects, set on the backend or on the route',
    ({ protocol, dialects }) => {
      const snapshot = snapshotOf({
        backends: [{ name: 'a', url: 'http://a.test', protocol }, ...backends.slice(1)],
        models: { m: routed({ backend: 'a', model: 'x' }, { backend: 'b', model: 'x', protocol }) },
      })
      const candidates = snapshot.plans.get('m')?.tiers[0]?.candidates ?? []
      expect(candidates.map((candidate) => candidate.dialects)).toEqual([new Set(dialects), new Set(dialects)])
    },
  )
})

describe('across aliases', () => {
  test('B10 B11: fallback aliases come after the own tiers, in the order of the list', () => {
    const snapshot = plansOf(plain('a', 'b', 'c'), { a: ['c', 'b'] })
    expect(tiersOf(snapshot, 'a')).toEqual(['l1 0: a/a-model', 'l2 0: a/c-model', 'l2 0: a/b-model'])
    expect(snapshot.plans.get('a')?.tiers.map(({ alias }) => alias)).toEqual(['a', 'c', 'b'])
  })

  test('B12: fallbacks have fallbacks, depth first', () => {
    const snapshot = plansOf(plain('a', 'b', 'c', 'd'), { a: ['b', 'd'], b: ['c'] })
    expect(snapshot.plans.get('a')?.tiers.map(({ alias }) => alias)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('B13: a loop is cut and told once', () => {
    const { snapshot, problems } = compile(plain('a', 'b', 'c'), { a: ['b'], b: ['a', 'c'] })
    expect(snapshot?.plans.get('a')?.tiers.map(({ alias }) => alias)).toEqual(['a', 'b', 'c'])
    expect(snapshot?.plans.get('b')?.tiers.map(({ alias }) => alias)).toEqual(['b', 'a', 'c'])
    expect(problems).toEqual([
      {
        severity: 'warning',
        path: ['fallback', 'alias_fallback', 'b', 0],
        message: 'the fallbacks form a loop, "a" → "b" → "a": it is cut where it comes back',
      },
    ])
  })

  test('B13: an alias that falls back to itself is a loop of one', () => {
    const { snapshot, problems } = compile(plain('a'), { a: ['a'] })
    expect(snapshot && tiersOf(snapshot, 'a')).toEqual(['l1 0: a/a-model'])
    expect(problems).toHaveLength(1)
    expect(problems[0]?.message).toContain('"a" → "a"')
  })

  test('B14: two ways to one alias are no loop, and it is tried once', () => {
    const { snapshot, problems } = compile(plain('a', 'b', 'c'), { a: ['b', 'c'], b: ['c'] })
    expect(snapshot?.plans.get('a')?.tiers.map(({ alias }) => alias)).toEqual(['a', 'b', 'c'])
    expect(problems).toEqual([])
  })

  test('a candidate that an earlier tier has is not tried again', () => {
    const snapshot = plansOf(
      {
        a: routed({ backend: 'a', model: 'x' }),
        b: routed({ backend: 'a', model: 'x', priority: 1 }, { backend: 'b', model: 'y', priority: 1 }),
      },
      { a: ['b'] },
    )
    expect(tiersOf(snapshot, 'a')).toEqual(['l1 0: a/x', 'l2 1: b/y'])
    expect(tiersOf(snapshot, 'b')).toEqual(['l1 1: a/x b/y'])
  })

  test('a fallback to an alias that does not exist is left out with a warning', () => {
    const { snapshot, problems } = compile(plain('a', 'sonnet'), {
      a: ['sonet', 'google/gemini-3-pro-preview', 'sonnet'],
    })
    expect(snapshot?.plans.get('a')?.tiers.map(({ alias }) => alias)).toEqual(['a', 'sonnet'])
    expect(problems).toEqual([
      {
        severity: 'warning',
        path: ['fallback', 'alias_fallback', 'a', 0],
        message: 'no alias is named "sonet" (did you mean "sonnet"?), so this fallback is left out',
      },
      {
        severity: 'warning',
        path: ['fallback', 'alias_fallback', 'a', 1],
        message:
          'no alias is named "google/gemini-3-pro-preview" (there are: "a", "sonnet"), so this fallback is left out',
      },
    ])
  })

  test('a fallback of an alias that does not exist refuses the configuration', () => {
    const { snapshot, problems } = compile(plain('opus'), { opsu: ['opus'] })
    expect(snapshot).toBeUndefined()
    expect(problems).toEqual([
      {
        severity: 'error',
        path: ['fallback', 'alias_fallback', 'opsu'],
        message: 'no alias is named "opsu" (did you mean "opus"?)',
      },
    ])
  })

  test('B18: a switched-off alias is served through its fallbacks and hidden from lists', () => {
    const models = { ...plain('a', 'b'), a: { enabled: false, routes: [{ backend: 'a', model: 'x' }] } }
    const snapshot = plansOf(models, { a: ['b'] })
    expect(tiersOf(snapshot, 'a')).toEqual(['l2 0: a/b-model'])
    expect(snapshot.aliases).toEqual(['b'])
  })

  test('a switched-off alias in the middle of a chain hands on to its own fallbacks', () => {
    const models = { ...plain('a', 'b', 'c'), b: { enabled: false, routes: [{ backend: 'b', model: 'x' }] } }
    expect(
      plansOf(models, { a: ['b'], b: ['c'] })
        .plans.get('a')
        ?.tiers.map(({ alias }) => alias),
    ).toEqual(['a', 'c'])
  })

  test('an alias that only its fallbacks can answer is listed', () => {
    const models = { ...plain('b'), a: routed({ backend: 'a', model: 'x', enabled: false }) }
    const { snapshot, problems } = compile(models, { a: ['b'] })
    expect(snapshot?.aliases).toEqual(['a', 'b'])
    expect(problems).toMatchObject([{ severity: 'warning', path: ['models', 'a', 'routes'] }])
  })

  test('a chain of thousands is cut at its limit and compiled in time', () => {
    const aliases = Array.from({ length: 3000 }, (_, index) => `alias-${index}`)
    const chain = Object.fromEntries(aliases.slice(1).map((alias, index) => [`alias-${index}`, [alias]]))
    const snapshot = plansOf(plain(...aliases), chain)
    expect(snapshot.plans.get('alias-0')?.tiers.length).toBe(101)
    expect(snapshot.plans.get('alias-2998')?.tiers.length).toBe(2)
  })

  test('whatever the fallbacks, every plan holds each alias and each candidate once and starts with its own', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const edges = fc.dictionary(fc.constantFrom(...names), fc.array(fc.constantFrom(...names), { maxLength: 4 }))
    fc.assert(
      fc.property(edges, (aliasFallback) => {
        const { snapshot, problems } = compile(plain(...names), aliasFallback)
        for (const alias of names) {
          const tiers = snapshot?.plans.get(alias)?.tiers ?? []
          const order = tiers.map((tier) => tier.alias)
          expect(order[0]).toBe(alias)
          expect(new Set(order).size).toBe(order.length)
          const keys = tiers.flatMap(({ candidates }) => candidates.map(({ stateKey }) => stateKey))
          expect(new Set(keys).size).toBe(keys.length)
          expect(new Set(order)).toEqual(reachable(alias, aliasFallback))
        }
        expect(problems.every(({ message }) => message.includes('form a loop'))).toBe(true)
        expect(problems.length > 0).toBe(names.some((alias) => isOnLoop(alias, aliasFallback)))
      }),
      { numRuns: 300 },
    )
  })
})

describe('what is listed', () => {
  test('aliases are sorted, and one that nothing can answer has a plan but no place in the list', () => {
    const { snapshot, problems } = compile({
      z: routed({ backend: 'a', model: 'x' }),
      m: routed({ backend: 'a', model: 'x', enabled: false }),
      empty: routed(),
      b: routed({ backend: 'b', model: 'x' }),
    })
    expect(snapshot?.aliases).toEqual(['b', 'z'])
    expect(tiersOf(snapshot ?? snapshotOf({}), 'm')).toEqual([])
    expect(problems).toEqual([
      { severity: 'warning', path: ['models', 'm', 'routes'], message: 'every route of the alias is switched off' },
      { severity: 'warning', path: ['models', 'empty', 'routes'], message: 'the alias has no routes' },
    ])
  })

  test('backends that an unset variable switched off take their routes away without a word', () => {
    const { snapshot, problems } = compileInput(
      { backends, models: { m: routed({ backend: 'a', model: 'x' }), n: routed({ backend: 'b', model: 'x' }) } },
      { offBackends: new Set(['a']) },
    )
    expect(snapshot?.aliases).toEqual(['n'])
    expect(snapshot?.plans.get('m')?.tiers).toEqual([])
    expect(problems).toEqual([])
  })
})

function reachable(start: string, edges: Readonly<Record<string, readonly string[]>>): Set<string> {
  const found = new Set([start])
  for (const alias of found) for (const target of edges[alias] ?? []) found.add(target)
  return found
}

function isOnLoop(alias: string, edges: Readonly<Record<string, readonly string[]>>): boolean {
  return (edges[alias] ?? []).some((target) => reachable(target, edges).has(alias))
}
