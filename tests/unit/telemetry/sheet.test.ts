import { describe, expect, test } from 'bun:test'
import { SheetWriter, type Sheet } from '#telemetry/sheet.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function bench(): { readonly writer: SheetWriter; readonly clock: FakeClock; readonly sheets: Sheet[] } {
  const clock = new FakeClock()
  const sheets: Sheet[] = []
  return { writer: new SheetWriter(clock, (sheet) => sheets.push(sheet)), clock, sheets }
}

describe('SheetWriter', () => {
  test('sends what came within a tenth of a second as one sheet, and leaves no timer behind', async () => {
    const { writer, clock, sheets } = bench()
    writer.add('2026-01-13', 'one\n', false)
    await clock.advance(99)
    writer.add('2026-01-13', '二\n', true)
    expect(sheets).toEqual([])
    await clock.advance(1)
    expect(sheets).toEqual([{ day: '2026-01-13', text: 'one\n二\n', count: 2, isImportant: true }])
    expect(clock.pending).toBe(0)
    writer.send()
    expect(sheets).toHaveLength(1)
  })

  test('begins a new sheet with a new day', () => {
    const { writer, sheets } = bench()
    for (const day of ['2026-01-13', '2026-01-14']) writer.add(day, `${day}\n`, day === '2026-01-13')
    writer.send()
    expect(sheets).toEqual([
      { day: '2026-01-13', text: '2026-01-13\n', count: 1, isImportant: true },
      { day: '2026-01-14', text: '2026-01-14\n', count: 1, isImportant: false },
    ])
  })

  test('loses no record and keeps their order, whatever their size and script', () => {
    const { writer, sheets } = bench()
    const records = [1, 70_000, 2, 40_000, 1_000_000, 3, 43_690].map(
      (length, index) => `${index}${'请'.repeat(length)}\n`,
    )
    for (const record of records) writer.add('2026-01-13', record, false)
    writer.send()
    expect(sheets.map(({ text }) => text).join('') === records.join('')).toBe(true)
    expect(sheets.reduce((sum, { count }) => sum + count, 0)).toBe(records.length)
  })
})
