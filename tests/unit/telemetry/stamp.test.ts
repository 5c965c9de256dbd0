import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { sweepGeneral } from '#telemetry/sweep.ts'
import { Stamps } from '#telemetry/stamp.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { logBench, plainPolicy } from '../../support/log.ts'
import { MemoryFiles } from '../../support/memory-files.ts'

const zones = [
  'Asia/Shanghai',
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'America/Santiago',
  'Pacific/Apia',
  '-03:30',
]

/** By another road: as Swedes write it, and the distance that the platform itself tells. */
function oracle(wallMs: number, zone: string): { readonly plain: string; readonly offset: string } {
  const plain = new Date(wallMs).toLocaleString('sv-SE', { timeZone: zone })
  const named = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(wallMs)
  const offset = named.find(({ type }) => type === 'timeZoneName')?.value.replace('GMT', '') ?? ''
  return { plain, offset: offset === '' || offset === '+00:00' ? 'Z' : offset }
}

describe('Stamps', () => {
  test.each([
    { zone: 'Asia/Shanghai', plain: '2026-01-14 00:30:05', exact: '2026-01-14T00:30:05.007+08:00' },
    { zone: 'UTC', plain: '2026-01-13 16:30:05', exact: '2026-01-13T16:30:05.007Z' },
    { zone: 'America/St_Johns', plain: '2026-01-13 13:00:05', exact: '2026-01-13T13:00:05.007-03:30' },
    { zone: undefined, plain: '2026-01-13 16:30:05', exact: '2026-01-13T16:30:05.007Z' },
  ])('D79: the time in $zone', ({ zone, plain, exact }) => {
    const wallMs = Date.UTC(2026, 0, 13, 16, 30, 5, 7)
    const stamps = new Stamps()
    const stamp = stamps.at(wallMs, zone)
    expect([stamp.plain, stamp.day]).toEqual([plain, plain.slice(0, 10)])
    expect(stamp.chinese).toBe(plain.replace(/^(\d+)-(\d+)-(\d+)/, '$1年$2月$3日'))
    expect(stamps.exactAt(wallMs, zone)).toBe(exact)
  })

  test('D79: agrees with the platform at every moment of every zone, whatever was asked before', () => {
    const stamps = new Stamps()
    const moment = fc.integer({ min: Date.UTC(1975, 0), max: Date.UTC(2040, 0) })
    fc.assert(
      fc.property(fc.constantFrom(...zones), moment, (zone, wallMs) => {
        const { plain, offset } = oracle(wallMs, zone)
        expect(stamps.at(wallMs, zone)).toMatchObject({ plain, offset, day: plain.slice(0, 10) })
        expect(Date.parse(stamps.exactAt(wallMs, zone))).toBe(wallMs)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    { zone: 'Europe/Berlin', changes: ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z'] },
    { zone: 'America/New_York', changes: ['2026-03-08T07:00:00Z', '2026-11-01T06:00:00Z'] },
    { zone: 'Australia/Lord_Howe', changes: ['2026-04-04T15:00:00Z', '2026-10-03T15:30:00Z'] },
    // At midnight, so that a day begins at one o'clock, or twice.
    { zone: 'America/Santiago', changes: ['2026-04-05T03:00:00Z', '2026-09-06T04:00:00Z'] },
    // No quarter of an hour.
    { zone: 'America/St_Johns', changes: ['2008-03-09T03:31:00Z', '2008-11-02T02:31:00Z'] },
    // And a whole day that never was.
    { zone: 'Pacific/Apia', changes: ['2011-12-30T10:00:00Z'] },
  ])('D79: in $zone clocks change with the second that they change in', ({ zone, changes }) => {
    const stamps = new Stamps()
    for (const change of changes) {
      const at = Date.parse(change)
      expect(oracle(at, zone).offset).not.toBe(oracle(at - 1000, zone).offset)
      for (const wallMs of [at - 1000, at - 1, at, at + 999, at + 1000]) {
        expect(stamps.at(wallMs, zone)).toMatchObject(oracle(wallMs, zone))
      }
    }
  })

  test('D79: lines of one second share a stamp', () => {
    const stamps = new Stamps()
    const first = stamps.at(5000, 'Asia/Shanghai')
    expect(stamps.at(5999, 'Asia/Shanghai')).toBe(first)
    expect(stamps.at(5999, 'UTC')).not.toBe(first)
    expect(stamps.at(6000, 'Asia/Shanghai')).not.toBe(first)
  })
})

describe('the log', () => {
  test.each([
    { name: '23 hours', from: '2026-03-28T23:00:00Z', until: '2026-03-29T22:00:00Z', day: '2026-03-29' },
    { name: '24 hours', from: '2026-03-29T22:00:00Z', until: '2026-03-30T22:00:00Z', day: '2026-03-30' },
    { name: '25 hours', from: '2026-10-24T22:00:00Z', until: '2026-10-25T23:00:00Z', day: '2026-10-25' },
  ])('D79: a day of $name has one file', async ({ from, until, day }) => {
    const bench = logBench({ policy: { zone: 'Europe/Berlin' }, wallMs: Date.parse(from) - 1000 })
    const write = (count: number): void => bench.log.write('info', 'config_loaded', { backends: count, aliases: 0 })
    const hours = (Date.parse(until) - Date.parse(from)) / 3_600_000
    write(0)
    await bench.clock.advance(1000)
    for (let hour = 0; hour < hours; hour += 1) {
      write(hour + 1)
      await bench.clock.advance(3_600_000)
    }
    write(100)
    await bench.log.close()
    const own = bench.files.texts.get(`./logs/proxy_${day}.log`) ?? ''
    expect(own.split('\n').length - 1).toBe(hours)
    expect(own.startsWith(`[${day} 00:00:00] `)).toBe(true)
    expect([...bench.files.texts.keys()].length).toBe(3)
  })

  test('D79: a reload changes the zone of the next line and of its file, there and back', async () => {
    const bench = logBench()
    const inTurn = [undefined, 'Pacific/Kiritimati', 'Pacific/Pago_Pago', undefined]
    for (const zone of inTurn) {
      bench.policy = { ...bench.policy, zone }
      bench.log.write('info', 'config_loaded', { backends: 1, aliases: 1 })
      await bench.log.flush()
    }
    expect(bench.lines().map((line) => line.slice(1, 20))).toEqual([
      '2026-01-13 09:41:00',
      '2026-01-13 23:41:00',
      '2026-01-12 22:41:00',
      '2026-01-13 09:41:00',
    ])
    const today = bench.files.texts.get('./logs/proxy_2026-01-13.log') ?? ''
    const yesterday = bench.files.texts.get('./logs/proxy_2026-01-12.log') ?? ''
    expect([today.split('\n').length - 1, yesterday.split('\n').length - 1]).toEqual([3, 1])
  })

  test('D79: lines for machines tell the zone, and UTC where none is named', async () => {
    const bench = logBench({ policy: { format: 'json', zone: 'Asia/Shanghai' } })
    bench.log.write('info', 'config_loaded')
    await bench.log.flush()
    bench.policy = { ...bench.policy, zone: undefined }
    bench.log.write('info', 'config_loaded')
    await bench.log.flush()
    expect(bench.lines().map((line) => (JSON.parse(line) as { time: string }).time)).toEqual([
      '2026-01-13T17:41:00.000+08:00',
      '2026-01-13T09:41:00.000Z',
    ])
  })

  test('D79: the day of dumps and request files is that of the zone', () => {
    const bench = logBench({ policy: { zone: 'Asia/Shanghai' }, wallMs: Date.UTC(2026, 0, 13, 16) })
    expect(bench.log.day()).toBe('2026-01-14')
    bench.policy = { ...bench.policy, zone: 'UTC' }
    expect(bench.log.day()).toBe('2026-01-13')
  })
})

describe('sweeping', () => {
  test.each([
    {
      name: 'late on a day of 25 hours',
      now: '2026-10-25T22:30:00Z',
      ageDaysMax: 1,
      left: ['2026-10-24', '2026-10-25'],
    },
    { name: 'early after a day of 23 hours', now: '2026-03-29T22:30:00Z', ageDaysMax: 1, left: ['2026-03-29'] },
    { name: 'after midnight there', now: '2026-06-30T22:30:00Z', ageDaysMax: 1, left: ['2026-06-30'] },
    { name: 'before midnight there', now: '2026-06-30T21:30:00Z', ageDaysMax: 1, left: ['2026-06-29', '2026-06-30'] },
  ])('D79: counts days of the zone: $name', async ({ now, ageDaysMax, left }) => {
    const files = new MemoryFiles()
    for (const day of [
      '2026-03-28',
      '2026-03-29',
      '2026-06-29',
      '2026-06-30',
      '2026-10-23',
      '2026-10-24',
      '2026-10-25',
    ])
      if (day <= now) files.texts.set(`./logs/proxy_${day}.log`, 'x')
    const policy = { ...plainPolicy, zone: 'Europe/Berlin', fileAgeDaysMax: ageDaysMax }
    await sweepGeneral({ policy: () => policy, files, clock: new FakeClock(Date.parse(now)) })
    expect([...files.texts.keys()]).toEqual(left.map((day) => `./logs/proxy_${day}.log`))
  })
})
