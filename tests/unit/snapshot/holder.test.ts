import { expect, test } from 'bun:test'
import { Holder } from '#snapshot/holder.ts'
import { snapshotOf } from '../../support/compiled.ts'

test('Holder gives the snapshot that was swapped in last, and the replaced one back', () => {
  const first = snapshotOf({}, { version: 1 })
  const second = snapshotOf({}, { version: 2 })
  const holder = new Holder(first)
  expect(holder.current()).toBe(first)
  expect(holder.swap(second)).toBe(first)
  expect(holder.current()).toBe(second)
})
