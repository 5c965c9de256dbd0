import { beforeEach, expect, test } from 'bun:test'
import { MetricsBook } from '#boot/metrics-book.ts'
import type { Reading } from '#telemetry/metric.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
let asked: [seat: number, round: number][]
let answers: [seat: number, round: number, count: number][]
let book: MetricsBook

beforeEach(() => {
  clock = new FakeClock()
  asked = []
  answers = []
  book = new MetricsBook({
    clock,
    ask: (seat, round) => asked.push([seat, round]),
    answer: (seat, round, { llm_proxy_cooldowns_total: series }) =>
      answers.push([seat, round, series?.[0]?.[1]?.[0] ?? 0]),
  })
})

const counted = (count: number): Reading => ({
  llm_proxy_cooldowns_total: [[['a'], [count]]],
  llm_proxy_active_requests: [[[], [count]]],
})

test('whoever asks is told the sum, once all others have told theirs', () => {
  book.wanted(1, 77, counted(1), [2, 3])
  expect(asked).toEqual([
    [2, 1],
    [3, 1],
  ])
  book.told(2, 1, counted(10))
  expect(answers).toEqual([])
  book.told(3, 1, counted(100))
  expect(answers).toEqual([[1, 77, 111]])
})

test('who serves alone is told at once', () => {
  book.wanted(1, 5, counted(3), [])
  expect(answers).toEqual([[1, 5, 3]])
})

test('who does not answer in time counts with what it told last', async () => {
  book.wanted(1, 1, counted(1), [2])
  book.told(2, 1, counted(10))
  book.wanted(1, 2, counted(2), [2])
  await clock.advance(499)
  expect(answers).toHaveLength(1)
  await clock.advance(1)
  expect(answers.at(-1)).toEqual([1, 2, 12])
})

test('one that ends in between is not waited for, and stays in the sum for ever', () => {
  book.told(2, undefined, counted(10))
  book.wanted(1, 1, counted(1), [2])
  book.ended(2)
  expect(answers).toEqual([[1, 1, 11]])
  // Another one takes its seat, and ends as well.
  book.told(2, undefined, counted(5))
  book.ended(2)
  book.wanted(1, 2, counted(1), [])
  expect(answers.at(-1)).toEqual([1, 2, 16])
})

test('what is no reading changes nothing', () => {
  book.told(2, undefined, counted(10))
  for (const odd of [undefined, null, 'text', { odd: [] }, { llm_proxy_cooldowns_total: 'x' }])
    book.told(2, undefined, odd)
  book.wanted(1, 1, counted(1), [])
  expect(answers).toEqual([[1, 1, 11]])
})

test('N217: many questions at a time are answered by what is known', () => {
  for (let round = 1; round <= 17; round += 1) book.wanted(1, round, counted(1), [2])
  expect(asked).toHaveLength(16)
  expect(answers).toEqual([[1, 17, 1]])
})
