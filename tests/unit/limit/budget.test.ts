import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { BudgetPolicy } from '#limit/budget-compile.ts'
import { Budgets, type Reservation } from '#limit/budget.ts'
import { settledExchange } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const policy: BudgetPolicy = {
  name: 'b',
  scope: 'global',
  isFor: undefined,
  per: 'day',
  zone: 'UTC',
  usd: 10,
  tokens: undefined,
  alertAt: 0.8,
  onExceeded: 'refuse',
}

function opened() {
  const clock = new FakeClock()
  const told: string[] = []
  const log = {
    write: (_level: string, event: string, fields: Record<string, unknown> = {}) =>
      void told.push(`${event} ${String(fields['percent'])}`),
    keeps: () => true,
  }
  return { clock, told, budgets: new Budgets({ clock, log }) }
}

function exchange(usd: number, tokens = 0) {
  return settledExchange({
    usage: { inputTokens: tokens, outputTokens: 0, source: 'upstream' },
    costUsd: usd,
    outcome: 'complete',
  })
}

describe('Budgets', () => {
  test('F101: however many come at once, no more is spent than the budget and one request, as far as guesses hold', () => {
    const step = fc.record({
      guess: fc.integer({ min: 1, max: 5 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      ends: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { budgets } = opened()
        const running: Reservation[] = []
        let spent = 0
        for (const { guess, part, ends } of steps) {
          if (budgets.stateOf(policy, '') === 'left') {
            const usd = guess * part
            const held = { caller: 'c', alias: 'm', backends: ['a'], usd: guess, tokens: 0 }
            running.push(budgets.hold([policy], exchange(usd), held))
            spent += usd
          }
          if (ends) running.shift()?.pay()
        }
        expect(spent).toBeLessThan(10 + 5 + 1e-9)
        for (const one of running) one.pay()
        const [state] = budgets.statesOf(policy)
        expect(state?.usd ?? 0).toBeCloseTo(spent, 9)
        expect([state?.heldUsd ?? 0, state?.heldTokens ?? 0]).toEqual([0, 0])
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['nothing', NaN, NaN, 0, 0],
    ['nothing', -5, -5, 0, 0],
    ['no more than a request can', Infinity, Infinity, 1_000_000, 1_000_000_000_000],
  ])('F104: %s is spent of what a backend made up: $%d, %d tokens', (_name, usd, tokens, spentUsd, spentMax) => {
    const { budgets } = opened()
    budgets.hold([policy], exchange(usd, tokens), { caller: 'c', alias: 'm', backends: [], usd: 1, tokens: 1 }).pay()
    const [state] = budgets.statesOf(policy)
    expect(state?.usd ?? 0).toBe(spentUsd)
    expect(state?.tokens ?? 0).toBeLessThanOrEqual(spentMax)
  })

  test('the log tells once in each period that a budget comes to its end, and that it did', async () => {
    const { budgets, clock, told } = opened()
    for (const usd of [7, 0.9, 0.2, 1, 1, 5]) budgets.spend(policy, '', { usd, tokens: 0 })
    expect(told).toEqual(['budget_alert 81', 'budget_alert 101'])
    await clock.advance(86_400_000)
    expect(budgets.stateOf(policy, '')).toBe('left')
    budgets.spend(policy, '', { usd: 20, tokens: 0 })
    expect(told).toEqual(['budget_alert 81', 'budget_alert 101', 'budget_alert 200'])
  })

  test('what is held outlives the end of a period, and is spent in the next one', async () => {
    const { budgets, clock } = opened()
    const held = budgets.hold([policy], exchange(3), { caller: 'c', alias: 'm', backends: [], usd: 11, tokens: 0 })
    expect(budgets.stateOf(policy, '')).toBe('held')
    await clock.advance(86_400_000)
    expect(budgets.stateOf(policy, '')).toBe('held')
    held.pay()
    expect(budgets.statesOf(policy)).toMatchObject([{ usd: 3, heldUsd: 0 }])
  })

  test('what a ledger knows of the current period is spent, of each its own, and never less than was seen', () => {
    const { budgets } = opened()
    const perKey: BudgetPolicy = { ...policy, name: 'k', scope: 'key', per: 'month', isFor: (name) => name !== 'eve' }
    const hourly: BudgetPolicy = { ...policy, name: 'h', per: 'hour' }
    const row = { alias: 'm', backend: 'a', tokens: 5 }
    budgets.spend(policy, '', { usd: 4, tokens: 0 })
    const past = [
      { ...row, day: '2026-01-13', caller: 'ann', usd: 3 },
      { ...row, day: '2026-01-02', caller: 'ann', usd: 2 },
      { ...row, day: '2026-01-13', caller: 'eve', usd: NaN },
      { ...row, day: '2025-12-31', caller: 'ann', usd: 100 },
    ]
    budgets.restore([policy, perKey, hourly], { zone: 'UTC', rows: past, hour: { usd: 1.5, tokens: 2 } })
    expect(budgets.statesOf(policy)).toMatchObject([{ usd: 4, tokens: 10 }])
    expect(budgets.statesOf(perKey)).toMatchObject([{ whose: 'ann', usd: 5, tokens: 10 }])
    expect(budgets.statesOf(hourly)).toMatchObject([{ usd: 1.5, tokens: 2 }])
    budgets.restore([policy, perKey, hourly], { zone: 'UTC', rows: past, hour: { usd: 1.5, tokens: 2 } })
    expect(budgets.statesOf(perKey)).toMatchObject([{ usd: 5 }])
  })

  test('what a ledger has of answers that nobody was asked for is not spent', () => {
    const { budgets } = opened()
    const each: BudgetPolicy[] = []
    for (const scope of ['global', 'key', 'model', 'backend'] as const) each.push({ ...policy, name: scope, scope })
    const cached = { day: '2026-01-13', caller: 'c', alias: '', backend: '', usd: 0, tokens: 900 }
    budgets.restore(each, { zone: 'UTC', rows: [cached], hour: undefined })
    expect(each.flatMap((one) => budgets.statesOf(one))).toEqual([])
  })

  test('where nothing is under way nothing is held, whatever sums of fractions come to', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 20 }), (amounts) => {
        const { budgets } = opened()
        const held = { caller: 'c', alias: 'm', backends: [], tokens: 1 }
        const all = amounts.map((usd) => budgets.hold([policy], exchange(0), { ...held, usd }))
        for (const one of all) one.pay()
        expect(budgets.statesOf(policy)).toMatchObject([{ heldUsd: 0, heldTokens: 0 }])
      }),
    )
  })

  test('of a ledger whose days are those of another zone, only days that lie in the period whole are spent', () => {
    const { budgets } = opened()
    const monthly: BudgetPolicy = { ...policy, name: 'm', per: 'month' }
    const halfHour: BudgetPolicy = { ...policy, name: 'h', per: 'hour', zone: 'Asia/Kolkata' }
    const row = { caller: 'c', alias: 'm', backend: 'a', tokens: 0 }
    const rows = [
      { ...row, day: '2026-01-13', usd: 1 },
      { ...row, day: '2026-01-02', usd: 2 },
      { ...row, day: '2026-01-01', usd: 4 },
    ]
    budgets.restore([policy, monthly, halfHour], { zone: 'Asia/Tokyo', rows, hour: { usd: 8, tokens: 0 } })
    expect([policy, monthly, halfHour].map((each) => budgets.statesOf(each)[0]?.usd)).toEqual([undefined, 3, undefined])
  })

  test('N217: a million callers need bounded room, and all of them are still held to something', () => {
    const { budgets } = opened()
    const perKey: BudgetPolicy = { ...policy, scope: 'key' }
    for (let at = 0; at < 60_000; at += 1) budgets.spend(perKey, `caller-${at}`, { usd: 0.001, tokens: 0 })
    const states = budgets.statesOf(perKey)
    expect(states).toHaveLength(50_000 + 1)
    expect(states[0]).toMatchObject({ whose: '(others)' })
    expect(states[0]?.usd).toBeCloseTo(10, 3)
    budgets.spend(perKey, 'caller-60001', { usd: 1, tokens: 0 })
    expect(budgets.stateOf(perKey, 'caller-60002')).toBe('spent')
    expect(budgets.stateOf(perKey, 'caller-1')).toBe('left')
  })
})
