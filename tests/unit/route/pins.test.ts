import { expect, test } from 'bun:test'
import { Pins } from '#route/pins.ts'

test('a key stays with a route for so long after each answer', () => {
  const pins = new Pins()
  pins.keep('k', 'a', 0, 1000)
  expect([pins.find('k', 999), pins.find('k', 1000), pins.find('other', 0)]).toEqual(['a', undefined, undefined])
  pins.keep('k', 'a', 900, 1000)
  expect(pins.find('k', 1899)).toBe('a')
})

test('going over to another route is counted, unless the time was up', () => {
  const pins = new Pins()
  pins.keep('k', 'a', 0, 1000)
  pins.keep('k', 'a', 1, 1000)
  expect(pins.repinned).toBe(0)
  pins.keep('k', 'b', 2, 1000)
  expect([pins.find('k', 3), pins.repinned]).toEqual(['b', 1])
  pins.keep('k', 'a', 5000, 1000)
  expect(pins.repinned).toBe(1)
})

test('D20: the table is bounded, and who was used longest ago makes room', () => {
  const pins = new Pins(3)
  for (const key of ['k1', 'k2', 'k3']) pins.keep(key, 'a', 0, 1000)
  pins.keep('k1', 'a', 1, 1000)
  pins.keep('k4', 'a', 2, 1000)
  expect(['k1', 'k2', 'k3', 'k4'].filter((key) => pins.find(key, 3) !== undefined)).toEqual(['k1', 'k3', 'k4'])
  for (let key = 0; key < 10_000; key += 1) pins.keep(`many ${key}`, 'a', 3, 1000)
  expect(pins.size).toBe(3)
})

test('what has had its time is dropped while others come', () => {
  const pins = new Pins()
  for (let key = 0; key < 100; key += 1) pins.keep(`old ${key}`, 'a', 0, 1000)
  for (let key = 0; key < 40; key += 1) pins.keep(`new ${key}`, 'a', 2000, 1000)
  expect(pins.size).toBe(40)
})
