import { describe, expect, test } from 'bun:test'
import { DayClock } from '#usage/days.ts'
import { Ledger, otherCallers } from '#usage/ledger.ts'
import { summarize } from '#usage/summary.ts'
import { addTo, blankTally, tallyNames } from '#usage/tally.ts'
import { attemptOf, settledExchange } from '../../support/exchange.ts'

const dayMs = 86_400_000
const noon = Date.UTC(2026, 0, 13, 12)

function ledgerOf(max?: number): Ledger {
  const days = new DayClock()
  days.zone = 'UTC'
  return new Ledger((wallMs) => days.hourOf(wallMs), max === undefined ? {} : { max })
}

const usage = { inputTokens: 10, outputTokens: 5, cachedTokens: 4, source: 'upstream' } as const

function summaryOf(ledger: Ledger, firstDay = '2026-01-01') {
  return summarize(ledger.rows, ledger.hours, { days: 30, firstDay, generatedAt: 'now' })
}

describe('Ledger', () => {
  test('C1010: sums up requests by day, model, route and caller', () => {
    const ledger = ledgerOf()
    ledger.settled(settledExchange({ startedWallMs: noon, usage, costUsd: 0.0000004 }))
    ledger.settled(settledExchange({ startedWallMs: noon, usage, costUsd: 0.0000004, caller: 'team-b' }))
    ledger.settled(settledExchange({ startedWallMs: noon + dayMs, outcome: 'failed', status: 500 }))
    ledger.settled(
      settledExchange({
        startedWallMs: noon + dayMs,
        outcome: 'client_closed',
        status: 200,
        usage: { ...usage, source: 'estimated' },
      }),
    )
    const summary = summaryOf(ledger)
    expect(summary).toMatchObject({
      days: 30,
      generated_at: 'now',
      total_requests: 4,
      success_requests: 2,
      error_requests: 1,
      success_rate: 0.5,
      avg_latency_ms: 1234,
      prompt_tokens: 30,
      cached_tokens: 12,
      completion_tokens: 15,
      total_tokens: 45,
      estimated_requests: 1,
      // N220
      estimated_cost_usd: 8e-7,
    })
    expect(summary.daily.map(({ date, total_requests: requests }) => [date, requests])).toEqual([
      ['2026-01-13', 2],
      ['2026-01-14', 2],
    ])
    expect(summary.hourly.map(({ hour }) => hour)).toEqual(['2026-01-13 12', '2026-01-14 12'])
    expect(summary.by_model).toHaveLength(1)
    expect(summary.by_backend[0]).toMatchObject({
      backend: 'provider-a',
      upstream_model: 'claude-opus-4-5',
      total_requests: 4,
    })
    expect(summary.by_caller.map(({ caller, total_requests: requests }) => [caller, requests])).toEqual([
      ['default', 3],
      ['team-b', 1],
    ])
    expect(summaryOf(ledger, '2026-01-14').total_requests).toBe(2)
  })

  test('of nothing it tells nothing, and no rate that is none', () => {
    expect(summaryOf(ledgerOf())).toMatchObject({ total_requests: 0, success_rate: 0, avg_latency_ms: 0, daily: [] })
  })

  test('N217: strangers, and models that only a client made up, take no place', () => {
    const ledger = ledgerOf()
    ledger.settled(settledExchange({ caller: undefined }))
    expect(ledger.size).toBe(0)
    for (const alias of ['a', 'b', 'c'])
      ledger.settled(settledExchange({ alias, attempts: [], outcome: 'refused', status: 404 }))
    expect(ledger.size).toBe(1)
    expect(summaryOf(ledger).by_model).toEqual([])
  })

  test('N217: where there is no room, the oldest day goes, and new callers of one day share a row', () => {
    const ledger = ledgerOf(3)
    for (const [at, caller] of ['a', 'b', 'c', 'd'].entries()) {
      ledger.settled(settledExchange({ startedWallMs: noon + at * dayMs, caller }))
    }
    expect([...ledger.rows].map(({ caller }) => caller)).toEqual(['b', 'c', 'd'])
    const one = ledgerOf(3)
    for (const caller of ['a', 'b', otherCallers, 'c', 'd', 'a'])
      one.settled(settledExchange({ startedWallMs: noon, caller }))
    expect([...one.rows].map(({ caller, tally }) => [caller, tally.requests])).toEqual([
      ['a', 2],
      ['b', 1],
      [otherCallers, 3],
    ])
  })

  test('a request counts for the alias that was asked for, and for the route that answered', () => {
    const ledger = ledgerOf()
    const attempts = [attemptOf({ backend: 'first' }), attemptOf({ backend: 'second', alias: 'spare', level: 'l2' })]
    ledger.settled(settledExchange({ attempts, usage }))
    expect([...ledger.rows][0]).toMatchObject({ alias: 'opus', backend: 'second' })
  })

  test('changes that could not be kept are not lost', () => {
    const ledger = ledgerOf()
    ledger.settled(settledExchange({ usage }))
    ledger.follow()
    const first = ledger.takeChanges()
    ledger.settled(settledExchange({ usage }))
    if (first !== undefined) ledger.giveBack(first)
    const all = ledger.takeChanges()
    expect([...(all?.rows.values() ?? [])].map(({ tally }) => tally.requests)).toEqual([2])
    expect([...(all?.hours.values() ?? [])].map(({ tally }) => tally.inputTokens)).toEqual([20])
    expect(ledger.hasChanges).toBe(false)
  })

  test('N213: of 365 days with 100 routes a summary is made within 50 ms', () => {
    const ledger = ledgerOf()
    for (let day = 0; day < 365; day++) {
      for (let at = 0; at < 100; at++) {
        ledger.settled(settledExchange({ startedWallMs: noon + day * dayMs, usage, caller: `c${at}` }))
      }
    }
    expect(ledger.size).toBe(36_500)
    summaryOf(ledger)
    const startedMs = performance.now()
    const { total_requests: requests } = summaryOf(ledger)
    expect(performance.now() - startedMs).toBeLessThan(50)
    expect(requests).toBe(36_500)
  })
})

test('addTo() adds every sum', () => {
  const [sum, other] = [blankTally(), blankTally()]
  for (const [at, name] of tallyNames.entries()) other[name] = at + 1
  addTo(sum, other)
  addTo(sum, other)
  expect(tallyNames.map((name) => sum[name])).toEqual(tallyNames.map((_name, at) => 2 * (at + 1)))
  expect([...tallyNames].toSorted()).toEqual(Object.keys(blankTally()).toSorted() as never)
})

describe('DayClock', () => {
  test.each([
    { zone: 'UTC', hour: '2026-01-13 23', first: '2026-01-07' },
    { zone: 'Asia/Shanghai', hour: '2026-01-14 07', first: '2026-01-08' },
    { zone: 'Asia/Kathmandu', hour: '2026-01-14 05', first: '2026-01-08' },
  ])('tells the hour in $zone', ({ zone, hour, first }) => {
    const days = new DayClock()
    days.zone = zone
    const wallMs = Date.UTC(2026, 0, 13, 23, 50)
    expect(days.hourOf(wallMs)).toBe(hour)
    expect(days.firstDayOf(7, wallMs)).toBe(first)
  })

  test('tells another hour in another zone, and as the machine does in its own', () => {
    const days = new DayClock()
    const wallMs = Date.UTC(2026, 0, 13, 23, 50)
    days.zone = 'Asia/Shanghai'
    days.hourOf(wallMs)
    days.zone = undefined
    const own = new Date(wallMs)
    expect(days.hourOf(wallMs).slice(-2)).toBe(String(own.getHours()).padStart(2, '0'))
  })
})
