import { describe, expect, test } from 'bun:test'
import {
  agoText,
  durationText,
  latencyText,
  leftText,
  momentOf,
  shownText,
  tallyText,
  timeText,
} from '#server/ui/format.ts'
import { wordsOf } from '#server/ui/words.ts'

const words = wordsOf.en

describe('shownText()', () => {
  test.each([
    { name: 'markup stays what it is', text: '<img src=x onerror=alert(1)>', shown: '<img src=x onerror=alert(1)>' },
    { name: 'an override of the direction', text: 'gnp.\u202eexe', shown: 'gnp.\\u202eexe' },
    { name: 'isolates', text: 'a\u2066b\u2069', shown: 'a\\u2066b\\u2069' },
    { name: 'what has no width', text: 'a\u200bb\ufeffc', shown: 'a\\u200bb\\ufeffc' },
    { name: 'controls', text: 'line\nline\u0000\u009b', shown: 'line\\u000aline\\u0000\\u009b' },
    { name: 'invisible tags', text: 'tag\u{e0041}', shown: 'tag\\ue0041' },
    { name: 'half of a pair', text: 'half \ud800', shown: 'half \\ud800' },
    { name: 'letters of all kinds', text: '谷歌 – Ünï 😀', shown: '谷歌 – Ünï 😀' },
  ])('$name: $shown', ({ text, shown }) => {
    expect(shownText(text)).toBe(shown)
  })

  test('ends a text that is too long', () => {
    expect(shownText('x'.repeat(501))).toBe(`${'x'.repeat(500)}…`)
    expect(shownText('x'.repeat(500))).toBe('x'.repeat(500))
    expect(shownText(`${'x'.repeat(499)}😀`)).toBe(`${'x'.repeat(499)}…`)
  })
})

test.each([
  { ms: 0, text: '0 ms' },
  { ms: 999.4, text: '999 ms' },
  { ms: 1000, text: '1 s' },
  { ms: 119_999, text: '119 s' },
  { ms: 120_000, text: '2 min' },
  { ms: 7_199_999, text: '119 min' },
  { ms: 7_200_000, text: '2 h' },
  { ms: 172_799_999, text: '47 h' },
  { ms: 172_800_000, text: '2 d' },
])('durationText() tells $ms ms as "$text"', ({ ms, text }) => {
  expect(durationText(ms, words)).toBe(text)
})

test.each([
  { ms: 12.4, text: '12 ms' },
  { ms: 9999, text: '9999 ms' },
  { ms: 10_000, text: '10 s' },
])('latencyText() tells $ms ms as "$text"', ({ ms, text }) => {
  expect(latencyText(ms, words)).toBe(text)
})

test('leftText() never says that a rest is over', () => {
  expect([0, 1, 1001].map((ms) => leftText(ms, words))).toEqual(['1 s left', '1 s left', '2 s left'])
})

test('agoText() tells small and large ages', () => {
  expect([0, 1999, 2000, 3 * 60_000].map((ms) => agoText(ms, words))).toEqual([
    'just now',
    'just now',
    '2 s ago',
    '3 min ago',
  ])
})

test.each([
  { tally: { up: 1, unseen: 0, all: 2 }, text: '1 of 2' },
  { tally: { up: 1, unseen: 1, all: 2 }, text: '1 of 2' },
  { tally: { up: 0, unseen: 2, all: 2 }, text: 'not known' },
  { tally: { up: 0, unseen: 0, all: 0 }, text: '–' },
])('tallyText() tells $tally as "$text"', ({ tally, text }) => {
  expect(tallyText(tally, words)).toBe(text)
})

test('D79: timeText() tells a time in the zone that is asked for', () => {
  const ms = Date.UTC(2026, 0, 13, 9, 41, 7)
  expect(timeText(ms, 'en', 'UTC')).toBe('13 Jan 2026, 09:41:07')
  expect(timeText(ms, 'en', 'Asia/Shanghai')).toBe('13 Jan 2026, 17:41:07')
  expect(timeText(ms, 'zh', 'Asia/Shanghai')).toBe('2026年1月13日 17:41:07')
})

test('momentOf() reads a time, and nothing else', () => {
  expect(momentOf('1970-01-01T00:00:01.000Z')).toBe(1000)
  expect([momentOf(undefined), momentOf('soon')]).toEqual([undefined, undefined])
})
