import { describe, expect, test } from 'bun:test'
import { Debts } from '#core/debts.ts'

describe('Debts', () => {
  test('are paid once, newest first', () => {
    const debts = new Debts()
    const paid: string[] = []
    for (const name of ['slot', 'timer', 'listener']) debts.owe({ pay: () => void paid.push(name) })
    expect(paid).toEqual([])
    debts.settle()
    debts.settle()
    expect(paid).toEqual(['listener', 'timer', 'slot'])
  })

  test('are paid at once when everything else was paid before', () => {
    const debts = new Debts()
    debts.settle()
    let count = 0
    debts.owe({ pay: () => void (count += 1) })
    expect(count).toBe(1)
  })

  test('that are none can be settled', () => {
    expect(() => new Debts().settle()).not.toThrow()
  })
})
