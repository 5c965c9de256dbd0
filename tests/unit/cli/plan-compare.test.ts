import { describe, expect, test } from 'bun:test'
import { compareCourses, type Comparison, type PastRequest } from '#cli/plan-compare.ts'
import { renderComparison } from '#cli/plan-text.ts'
import { isRefusal } from '#core/refusal.ts'
import { idsWhenHealthy } from '#route/course.ts'
import { resolveNamed } from '#route/resolve.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { snapshotOf } from '../../support/compiled.ts'

const backends = ['a', 'b', 'c'].map((name) => ({ name, url: `http://${name}.test/v1` }))
type Route = { backend: string; model: string; priority?: number; weight?: number }

function table(models: Readonly<Record<string, readonly Route[]>>, fallback = {}): Snapshot {
  const entries = Object.entries(models).map(([alias, routes]) => [alias, { routes: [...routes] }])
  return snapshotOf({ backends, models: Object.fromEntries(entries), fallback })
}

const first = { backend: 'a', model: 'm', priority: 1 }
const second = { backend: 'b', model: 'm', priority: 2 }

/** Requests as a running process tells of them, decided on `now`. */
function past(now: Snapshot, model: string, count: number, dialect: PastRequest['dialect'] = 'openai'): PastRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const seed = Math.imul(index, 2_654_435_761) >>> 0
    const plan = resolveNamed(now, model)
    return {
      dialect,
      path: '',
      model,
      seed,
      wouldTry: isRefusal(plan) ? [] : [...idsWhenHealthy(plan, { dialect }, seed)],
    }
  })
}

function compared(now: Snapshot, next: Snapshot, model = 'm', count = 400): Comparison {
  return compareCourses(past(now, model, count), next)
}

describe('compareCourses()', () => {
  test('the same configuration moves nothing', () => {
    const now = table({ m: [first, { ...first, backend: 'c' }, second] })
    expect(compared(now, now)).toMatchObject({
      requests: 400,
      moved: 0,
      refused: 0,
      changed: [],
      unchanged: [{ alias: 'm', requests: 400 }],
    })
  })

  test('neither does another order of the same routes', () => {
    const now = table({ m: [first, { ...first, backend: 'c' }] })
    expect(compared(now, table({ m: [{ ...first, backend: 'c' }, first] })).changed).toEqual([])
  })

  test('another priority moves every request', () => {
    const { changed, moved, traffic } = compared(
      table({ m: [first, second] }),
      table({ m: [first, { ...second, priority: 0 }] }),
    )
    expect(moved).toBe(400)
    expect(changed[0]?.moves).toEqual([{ from: 'a/m', to: 'b/m', requests: 400 }])
    expect(traffic).toEqual([
      { route: 'a/m', before: 1, after: 0 },
      { route: 'b/m', before: 0, after: 1 },
    ])
  })

  test('more weight moves as many requests as it is about, and all in one direction', () => {
    const now = table({ m: [first, { ...first, backend: 'b' }] })
    const next = table({ m: [first, { ...first, backend: 'b', weight: 3 }] })
    const { changed, moved, traffic } = compared(now, next, 'm', 4000)
    expect(changed[0]?.moves.map(({ from, to }) => [from, to])).toEqual([['a/m', 'b/m']])
    expect(moved / 4000).toBeWithin(0.22, 0.28)
    expect(traffic.find(({ route }) => route === 'b/m')?.after).toBeWithin(0.72, 0.78)
  })

  test('a new route behind the first is told apart from a move', () => {
    const { changed, moved } = compared(table({ m: [first] }), table({ m: [first, second] }))
    expect([moved, changed[0]?.moves, changed[0]?.otherFallbacks]).toEqual([0, [], 400])
  })

  test('an alias that is gone is refused, with the reason', () => {
    const { moved, refused, changed } = compared(table({ mist: [first] }), table({ mint: [first] }), 'mist', 3)
    expect([moved, refused]).toEqual([0, 3])
    expect(changed[0]).toMatchObject({
      moves: [{ from: 'a/m', to: null, requests: 3 }],
      refusals: [{ why: 'Cannot find the model: no alias is named "mist", did you mean "mint"?', requests: 3 }],
    })
  })

  test('a dialect that nobody speaks any more is refused; one that somebody speaks now is answered', () => {
    const asked = past(table({ m: [first] }), 'm', 1, 'anthropic')
    const claude = snapshotOf({
      backends: [{ name: 'a', url: 'http://a.test', protocol: 'anthropic' }],
      models: { m: { routes: [{ backend: 'a', model: 'm' }] } },
    })
    expect(compareCourses(asked, claude).changed[0]?.moves).toEqual([{ from: null, to: 'a/m', requests: 1 }])
    const back = compareCourses(past(claude, 'm', 1, 'anthropic'), table({ m: [first] }))
    expect(back.changed[0]?.refusals[0]?.why).toStartWith('none of its backends speaks the anthropic dialect')
  })

  test('requests that never named a model are counted apart', () => {
    const comparison = compareCourses([{ dialect: 'openai', path: '', seed: 1, wouldTry: [] }], table({ m: [first] }))
    expect(comparison).toMatchObject({ requests: 1, withoutModel: 1, changed: [], unchanged: [] })
    expect(renderComparison(comparison, 'new.yaml')).toBe(
      'No request of the last 1 came so far as to name its model.\n',
    )
    const nothing = compareCourses([], table({ m: [first] }))
    expect(renderComparison(nothing, 'new.yaml')).toBe('There is no past request to decide anew.\n')
  })
})

test('the comparison as people read it', () => {
  const now = table({ m: [first, second], n: [first], o: [first] })
  const next = table({ m: [first, { ...second, priority: 0 }], n: [first, second], o: [first] })
  const requests = [...past(now, 'm', 30), ...past(now, 'n', 60), ...past(now, 'o', 10), ...past(now, 'gone', 1)]
  expect(renderComparison(compareCourses(requests, next), 'new.yaml'))
    .toBe(`Of the last 101 requests, new.yaml would begin 30 (30 %) elsewhere and refuse none of those that are answered now.

"n", 60 requests:
   100 %  begin with the same route, and have others behind it

"m", 30 requests:
   100 %  a/m → b/m

Unchanged: "o" (10), "gone" (1)

First choices, before → after:
  a/m    99 % →   69 %
  b/m     0 % →   30 %
`)
  expect(renderComparison(compareCourses(past(now, 'o', 2), next), 'new.yaml')).toBe(
    'Of the last 2 requests, new.yaml would send every one where it goes now.\n',
  )
})
