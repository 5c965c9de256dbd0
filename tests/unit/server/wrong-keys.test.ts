import { expect, test } from 'bun:test'
import { WrongKeys } from '#server/wrong-keys.ts'

function noted(times: number, address = '203.0.113.9', nowMs = 0): WrongKeys {
  const wrongKeys = new WrongKeys()
  for (let at = 0; at < times; at += 1) wrongKeys.note(address, nowMs)
  return wrongKeys
}

test.each([
  { times: 0, atMs: 0, waitMs: 0 },
  { times: 9, atMs: 0, waitMs: 0 },
  { times: 10, atMs: 0, waitMs: 60_000 },
  { times: 1000, atMs: 20_000, waitMs: 40_000 },
  { times: 1000, atMs: 60_000, waitMs: 0 },
])('B46: after $times wrong keys an address waits $waitMs ms when $atMs ms have passed', ({ times, atMs, waitMs }) => {
  const wrongKeys = noted(times)
  expect(wrongKeys.waitMs('203.0.113.9', atMs)).toBe(waitMs)
  expect(wrongKeys.waitMs('203.0.113.10', atMs)).toBe(0)
})

test('B46: a minute later the count begins anew', () => {
  const wrongKeys = noted(10)
  wrongKeys.note('203.0.113.9', 60_000)
  expect(wrongKeys.waitMs('203.0.113.9', 60_000)).toBe(0)
})

test('B46: of many addresses the oldest is forgotten, so that the memory does not grow', () => {
  const wrongKeys = noted(10, 'old')
  for (let at = 0; at < 999; at += 1) wrongKeys.note(`address-${at}`, 1)
  expect([wrongKeys.size, wrongKeys.waitMs('old', 1)]).toEqual([1000, 59_999])
  wrongKeys.note('one more', 1)
  expect([wrongKeys.size, wrongKeys.waitMs('old', 1)]).toEqual([1000, 0])
})

test.each([
  { address: '2001:db8:1:2::99', isSame: true },
  { address: '2001:db8:1:2:ffff:1:2:3', isSame: true },
  { address: '2001:db8:1:3::1', isSame: false },
  { address: '2001:db8:1:2::1 forwarded', isSame: false },
])('B46: $address counts together with 2001:db8:1:2::1: $isSame', ({ address, isSame }) => {
  expect(noted(10, '2001:db8:1:2::1').waitMs(address, 0) > 0).toBe(isSame)
})
