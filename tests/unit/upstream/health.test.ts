import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { HealthState } from '#core/health.ts'
import type { Finding } from '#core/health.ts'
import { Health } from '#upstream/health.ts'
import { backendOf } from '../../support/candidate.ts'

const limits = { failureThreshold: 3, successThreshold: 2 }
const well: Finding = { kind: 'well', latencyMs: 12 }
const fault: Finding = { kind: 'fault', reason: 'it answered with status 500' }
const undecided: Finding = { kind: 'undecided', reason: 'all its credentials rest' }

function times(nowMs = 0): { nowMs: number; wallMs: number; nextDueMs: number } {
  return { nowMs, wallMs: 1_000_000 + nowMs, nextDueMs: nowMs + 30_000 }
}

function bookOf(...names: string[]): Health {
  const book = new Health()
  book.retain(names.map((name) => backendOf(name)))
  return book
}

/** `+` a good check, `-` a failed one, `?` one that could not be made; what the backend is after each. */
function statesAfter(findings: string): HealthState[] {
  const book = bookOf('a')
  return Array.from(findings, (sign, index) => {
    book.note('a', sign === '+' ? well : sign === '-' ? fault : undecided, limits, times(index))
    return book.recordOf('a')?.state ?? 'unknown'
  })
}

const short: Readonly<Record<HealthState, string>> = { healthy: 'H', unhealthy: 'U', unknown: 'n' }

describe('Health', () => {
  test.each([
    { row: 'the first finding decides: well', findings: '+', states: 'H' },
    { row: 'the first finding decides: down', findings: '-', states: 'U' },
    { row: 'C536: three failures in a row take a backend out', findings: '+---', states: 'HHHU' },
    { row: 'C536: two good checks in a row bring it back', findings: '-++', states: 'UUH' },
    { row: 'N314: one lost check, or two, change nothing', findings: '+-+--+', states: 'HHHHHH' },
    { row: 'one good check between failures does not bring it back', findings: '-+-+-', states: 'UUUUU' },
    { row: 'what could not be asked says nothing', findings: '?+??-??', states: 'nHHHHHH' },
    { row: 'and does not interrupt a row of failures', findings: '+-?-?-', states: 'HHHHHU' },
  ])('$row', ({ findings, states }) => {
    expect(
      statesAfter(findings)
        .map((state) => short[state])
        .join(''),
    ).toBe(states)
  })

  test('D34: a backend is unknown before its first check, and may be asked', () => {
    const book = bookOf('a')
    expect(book.recordOf('a')?.state).toBe('unknown')
    expect(book.downUntil('a')).toBeUndefined()
  })

  test('while a backend is down it tells when it is looked at again', () => {
    const book = bookOf('a', 'b')
    expect(book.note('a', fault, limits, times(500))).toBe('down')
    expect([book.downUntil('a'), book.downUntil('b'), book.downUntil('stranger')]).toEqual([
      30_500,
      undefined,
      undefined,
    ])
    book.expects('a', 777)
    expect(book.downUntil('a')).toBe(777)
  })

  test('a change is told once, and the moment of the recovery is kept', () => {
    const book = bookOf('a')
    const told = [well, fault, fault, fault, fault, well, well, well].map((finding, index) =>
      book.note('a', finding, limits, times(index)),
    )
    expect(told).toEqual([undefined, undefined, undefined, 'down', undefined, undefined, 'up', undefined])
    expect(book.backSinceMs('a')).toBe(6)
    expect(book.recordOf('a')).toMatchObject({ latencyMs: 12, fault: undefined, checkedAtMs: 1_000_007 })
  })

  test('the reason of the last failure is shown until a check is good again', () => {
    const book = bookOf('a')
    book.note('a', well, limits, times())
    book.note('a', fault, limits, times())
    expect(book.recordOf('a')).toMatchObject({ state: 'healthy', fault: 'it answered with status 500', latencyMs: 12 })
    book.note('a', well, limits, times())
    expect(book.recordOf('a')?.fault).toBeUndefined()
  })

  test('D66: after a reload the same backend keeps its state, and one with another address is unknown', () => {
    const book = bookOf('same', 'moved', 'gone')
    for (const name of ['same', 'moved', 'gone']) book.note(name, fault, limits, times())
    expect(book.downCount).toBe(3)
    book.retain([backendOf('same'), backendOf('moved', { url: new URL('http://elsewhere.test/v1') }), backendOf('new')])
    expect(['same', 'moved', 'new', 'gone'].map((name) => book.recordOf(name)?.state)).toEqual([
      'unhealthy',
      'unknown',
      'unknown',
      undefined,
    ])
    expect(book.downCount).toBe(1)
  })

  test('the count of those that are down is always right', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(well, fault, undecided)))
    fc.assert(
      fc.property(steps, (findings) => {
        const book = bookOf('a', 'b', 'c')
        for (const [name, finding] of findings) book.note(name, finding, limits, times())
        const down = ['a', 'b', 'c'].filter((name) => book.downUntil(name) !== undefined)
        expect(down.length).toBe(book.downCount)
      }),
    )
  })
})
