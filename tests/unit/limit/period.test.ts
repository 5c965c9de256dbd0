import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Calendar, type Per } from '#limit/period.ts'

function told(per: Per, zone: string, at: string): string {
  const { startMs, endMs } = new Calendar().periodOf(per, zone, Date.parse(at))
  return `${new Date(startMs).toISOString()} ${new Date(endMs).toISOString()}`
}

describe('F78: Calendar', () => {
  test.each<{ per: Per; zone: string; at: string; from: string; to: string }>([
    { per: 'hour', zone: 'UTC', at: '2026-01-13T09:41:07.5Z', from: '2026-01-13T09:00Z', to: '2026-01-13T10:00Z' },
    { per: 'hour', zone: 'Asia/Kolkata', at: '2026-01-13T09:41Z', from: '2026-01-13T09:30Z', to: '2026-01-13T10:30Z' },
    { per: 'day', zone: 'UTC', at: '2026-01-13T00:00Z', from: '2026-01-13T00:00Z', to: '2026-01-14T00:00Z' },
    { per: 'day', zone: 'Asia/Shanghai', at: '2026-01-13T16:00Z', from: '2026-01-13T16:00Z', to: '2026-01-14T16:00Z' },
    // The clock goes forward: 23 hours; and back: 25.
    { per: 'day', zone: 'Europe/Berlin', at: '2026-03-29T12:00Z', from: '2026-03-28T23:00Z', to: '2026-03-29T22:00Z' },
    { per: 'day', zone: 'Europe/Berlin', at: '2026-10-25T00:30Z', from: '2026-10-24T22:00Z', to: '2026-10-25T23:00Z' },
    // It goes forward at midnight, so that the day has none.
    {
      per: 'day',
      zone: 'America/Santiago',
      at: '2026-09-06T12:00Z',
      from: '2026-09-06T04:00Z',
      to: '2026-09-07T03:00Z',
    },
    { per: 'day', zone: 'Africa/Cairo', at: '2026-04-24T12:00Z', from: '2026-04-23T22:00Z', to: '2026-04-24T21:00Z' },
    // It goes back at midnight, so that the hour before it comes twice.
    {
      per: 'day',
      zone: 'America/Santiago',
      at: '2026-04-04T12:00Z',
      from: '2026-04-04T03:00Z',
      to: '2026-04-05T04:00Z',
    },
    { per: 'week', zone: 'UTC', at: '2026-01-13T09:41Z', from: '2026-01-12T00:00Z', to: '2026-01-19T00:00Z' },
    { per: 'week', zone: 'UTC', at: '2026-02-01T23:59Z', from: '2026-01-26T00:00Z', to: '2026-02-02T00:00Z' },
    { per: 'week', zone: 'Europe/Berlin', at: '2026-03-29T12:00Z', from: '2026-03-22T23:00Z', to: '2026-03-29T22:00Z' },
    { per: 'month', zone: 'UTC', at: '2026-02-28T23:59Z', from: '2026-02-01T00:00Z', to: '2026-03-01T00:00Z' },
    { per: 'month', zone: 'UTC', at: '2024-02-29T00:00Z', from: '2024-02-01T00:00Z', to: '2024-03-01T00:00Z' },
    {
      per: 'month',
      zone: 'America/New_York',
      at: '2026-01-01T04:59Z',
      from: '2025-12-01T05:00Z',
      to: '2026-01-01T05:00Z',
    },
    {
      per: 'month',
      zone: 'Europe/Berlin',
      at: '2026-03-15T00:00Z',
      from: '2026-02-28T23:00Z',
      to: '2026-03-31T22:00Z',
    },
  ])('a $per in $zone at $at goes from $from to $to', ({ per, zone, at, from, to }) => {
    expect(told(per, zone, at)).toBe(`${new Date(from).toISOString()} ${new Date(to).toISOString()}`)
  })

  test('periods follow each other without a gap, and hold the moment that they are asked for', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/Santiago', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia']
    fc.assert(
      fc.property(
        fc.constantFrom<Per>('hour', 'day', 'week', 'month'),
        fc.constantFrom(...zones),
        fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2035, 0) }),
        (per, zone, atMs) => {
          const { startMs, endMs } = new Calendar().periodOf(per, zone, atMs)
          expect(startMs).toBeLessThanOrEqual(atMs)
          expect(endMs).toBeGreaterThan(atMs)
          if (per === 'hour') return
          expect(new Calendar().periodOf(per, zone, endMs).startMs).toBe(endMs)
          expect(new Calendar().periodOf(per, zone, startMs - 1).endMs).toBe(startMs)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('a period goes on where the clock is set back a little, and not where it was far ahead', () => {
    const calendar = new Calendar()
    const day = calendar.periodOf('day', 'UTC', Date.parse('2026-01-14T00:00Z'))
    expect(calendar.periodOf('day', 'UTC', Date.parse('2026-01-13T23:59Z'))).toEqual(day)
    expect(calendar.periodOf('day', 'UTC', Date.parse('2026-01-12T23:59Z'))).not.toEqual(day)
  })
})
