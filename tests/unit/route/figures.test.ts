import { describe, expect, test } from 'bun:test'
import type { Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import { HeaderList } from '#kit/header-list.ts'
import { Figures } from '#route/figures.ts'
import { candidateOf } from '../../support/candidate.ts'
import { statusFailure } from '../../support/exchange.ts'

const route = candidateOf('a', 'm')
const key = route.stateKey

function answerOf(candidate: Candidate, status = 200): Answer {
  return { kind: 'answer', candidate, status, headers: new HeaderList(), held: [], rest: undefined, form: undefined }
}

describe('load', () => {
  test('a request counts from its beginning to its end, and waits until its answer begins', () => {
    const figures = new Figures()
    const told = (): number[] => [figures.inFlightOf(key), figures.waitingOf(key)]
    const [one, other] = [figures.begin(key, true), figures.begin(key, true)]
    expect(told()).toEqual([2, 2])
    one.land(answerOf(route), 100, 100)
    expect(told()).toEqual([2, 1])
    other.land(statusFailure(500), 100, 100)
    expect(told()).toEqual([1, 0])
    one.pay()
    one.pay()
    other.pay()
    expect(told()).toEqual([0, 0])
  })

  test('who ends without an answer waits no more', () => {
    const figures = new Figures()
    const ride = figures.begin(key, false)
    ride.pay()
    ride.land(answerOf(route), 5, 5)
    expect([figures.inFlightOf(key), figures.waitingOf(key)]).toEqual([0, 0])
  })
})

describe('speed', () => {
  const measured = (...samples: readonly number[]): Figures => {
    const figures = new Figures()
    for (const ms of samples) figures.begin(key, true).land(answerOf(route), ms, 0)
    return figures
  }

  test('unknown while nothing was seen, then a moving average of the time until answers begin', () => {
    expect(measured().latencyOf(key, true, 0)).toBeUndefined()
    expect(measured(200).latencyOf(key, true, 0)).toBe(200)
    expect(measured(200, 600).latencyOf(key, true, 0)).toBe(300)
  })

  test('streams are measured apart from other answers', () => {
    const figures = measured(200)
    figures.begin(key, false).land(answerOf(route), 9000, 0)
    expect([figures.latencyOf(key, true, 0), figures.latencyOf(key, false, 0)]).toEqual([200, 9000])
  })

  test('old news fade, so that a slow route gets another chance', () => {
    const figures = measured(800)
    expect([0, 30_000, 60_000].map((nowMs) => figures.latencyOf(key, true, nowMs))).toEqual([800, 400, 200])
  })

  test.each([
    { name: 'a failure of the route', outcome: statusFailure(503), ms: 10_000 },
    { name: 'a long one even more', outcome: statusFailure(504), tookMs: 60_000, ms: 60_000 },
    { name: 'one that refuses and does not rest', outcome: { ...statusFailure(400), cools: false }, ms: 10_000 },
    { name: 'an error that is passed on while it comes', outcome: answerOf(route, 500), ms: 10_000 },
    { name: 'twice the slowest of its rivals', outcome: statusFailure(503), rivalMs: 30_000, ms: 60_000 },
  ])('counts as slow: $name', ({ outcome, tookMs = 5, rivalMs = 100, ms }) => {
    const figures = new Figures()
    const rival = candidateOf('b', 'm')
    figures.begin(rival.stateKey, true).land(answerOf(rival), rivalMs, 0)
    figures.begin(key, true, [route, rival]).land(outcome, tookMs, 0)
    expect(figures.latencyOf(key, true, 0)).toBe(ms)
  })

  test('failures do not drive each other up', () => {
    const figures = new Figures()
    const rival = candidateOf('b', 'm')
    for (let turn = 0; turn < 50; turn += 1) {
      for (const { stateKey } of [route, rival])
        figures.begin(stateKey, true, [route, rival]).land(statusFailure(503), 5, 0)
    }
    expect(figures.latencyOf(key, true, 0)).toBe(10_000)
  })

  const left = { ...statusFailure(499), side: 'client', reason: 'client_closed', cools: false } as const
  const deadline = { ...statusFailure(504), reason: 'total_timeout', cools: false } as const

  test.each([
    { name: 'a client that waited for longer than usual', before: [100], outcome: left, tookMs: 5000, ms: 1325 },
    { name: 'a client that left at once says nothing', before: [100], outcome: left, tookMs: 20, ms: 100 },
    { name: 'the request’s deadline, late', before: [100], outcome: deadline, tookMs: 5000, ms: 1325 },
    { name: 'the request’s deadline, at once', before: [100], outcome: deadline, tookMs: 20, ms: 100 },
    { name: 'of an unknown one, longer than its rivals take', before: [], outcome: left, tookMs: 5000, ms: 5000 },
    { name: 'of an unknown one, sooner than its rivals answer', before: [], outcome: left, tookMs: 90, ms: undefined },
  ])('an attempt that others ended tells how long it takes at least: $name', ({ before, outcome, tookMs, ms }) => {
    const figures = measured(...before)
    const rival = candidateOf('b', 'm')
    figures.begin(rival.stateKey, true).land(answerOf(rival), 100, 0)
    figures.begin(key, true, [route, rival]).land(outcome, tookMs, 0)
    expect(figures.latencyOf(key, true, 0)).toBe(ms)
  })

  test('the older the news, the less they count beside new ones', () => {
    const figures = measured(10_000)
    figures.begin(key, true).land(answerOf(route), 100, 3_600_000)
    expect(figures.latencyOf(key, true, 3_600_000)).toBe(100)
    const younger = measured(1000)
    younger.begin(key, true).land(answerOf(route), 200, 30_000)
    expect(younger.latencyOf(key, true, 30_000)).toBe(600)
  })
})

describe('retain()', () => {
  const other = candidateOf('b', 'm')
  const filled = (): Figures => {
    const figures = new Figures()
    for (const candidate of [route, other]) figures.begin(candidate.stateKey, true).land(answerOf(candidate), 100, 0)
    figures.takeTurn('x', [route, other], route)
    figures.takeTurn('y', [route, other], route)
    for (const candidate of [route, other]) figures.pins.keep(candidate.id, candidate.stateKey, 0, 1000)
    return figures
  }

  test('what is still configured keeps its figures, the rest is forgotten', () => {
    const figures = filled()
    figures.retain(new Set([key]), new Set(['x']))
    expect(figures.latencyOf(key, true, 0)).toBe(100)
    expect(figures.latencyOf(other.stateKey, true, 0)).toBeUndefined()
    expect(figures.creditOf('x', key)).toBe(-1)
    expect(figures.creditOf('x', other.stateKey)).toBe(0)
    expect(figures.creditOf('y', key)).toBe(0)
    expect([figures.pins.find('a/m', 1), figures.pins.find('b/m', 1)]).toEqual([key, undefined])
  })

  test('a request of the old configuration brings no route back', () => {
    const figures = filled()
    figures.retain(new Set([key]), new Set(['x']))
    const late = figures.begin(other.stateKey, true)
    late.land(answerOf(other), 5, 5)
    late.pay()
    expect(figures.size).toBe(1)
  })

  test('what was saved up under other weights buys no more than one round', () => {
    const figures = new Figures()
    const heavy = [candidateOf('a', 'm', { weight: 1000 }), candidateOf('b', 'm', { weight: 999 })] as const
    figures.takeTurn('x', heavy, heavy[0])
    figures.takeTurn('x', [route, other], route)
    expect([figures.creditOf('x', key), figures.creditOf('x', other.stateKey)]).toEqual([-2, 2])
  })
})
