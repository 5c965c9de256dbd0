import { describe, expect, test } from 'bun:test'
import { systemIds } from '#ports/ids.ts'
import { chatAnswer, openRoad, type Road } from '../support/road.ts'
import { answering, errorAnswer, ladder, whenDone } from '../support/scripted.ts'

const anHourMs = 3_600_000

/** Sets the clock on the wall; what was measured before goes on as it was. */
function setWallClock(road: Road, byMs: number): void {
  const wallMs = road.clock.wallMs.bind(road.clock)
  Object.assign(road.clock, { wallMs: () => wallMs() + byMs })
}

describe.each([
  { way: 'back', byMs: -anHourMs },
  { way: 'forward', byMs: anHourMs },
])('F77: the wall clock is set an hour $way', ({ byMs }) => {
  test('a route rests neither longer nor shorter', async () => {
    const road = await openRoad(`${ladder}fallback: { cooldown_seconds: 30 }`, answering({ a: [503, 200] }))
    expect((await road.chat('m')).status).toBe(200)
    setWallClock(road, byMs)
    await road.clock.advance(29_000)
    await road.chat('m')
    await road.clock.advance(2000)
    await road.chat('m')
    expect(road.tried()).toEqual(['a/up', 'b/up', 'b/up', 'a/up'])
  })

  test('a limit of time is as long as it was', async () => {
    const road = await openRoad(`${ladder}fallback: { deadline: 10s }`, answering({ a: ['hang'], b: ['hang'] }))
    const answer = road.chat('m')
    setWallClock(road, byMs)
    const { value, tookMs } = await whenDone(road.clock, answer)
    expect([value.status, tookMs]).toEqual([504, 10_000])
  })

  test('a circuit opens and closes as it would', async () => {
    const road = await openRoad(
      `${ladder}fallback: { cooldown_seconds: 0 }\ncircuit_breaker: { failure_threshold: 1, open_timeout: 60s }`,
      answering({ a: [503, 200] }),
    )
    await road.chat('m')
    setWallClock(road, byMs)
    await road.clock.advance(59_000)
    await road.chat('m')
    await road.clock.advance(2000)
    await road.chat('m')
    expect(road.tried()).toEqual(['a/up', 'b/up', 'b/up', 'a/up'])
  })

  test('a date by which a backend wants to be left alone is read by the clock of now', async () => {
    const road = await openRoad(`${ladder}fallback: { retry_after_max: 1h }`, ({ url }, { clock }) =>
      url.hostname === 'a'
        ? errorAnswer(429, { 'retry-after': new Date(clock.wallMs() + 120_000).toUTCString() })
        : chatAnswer(),
    )
    setWallClock(road, byMs)
    await road.chat('m')
    await road.clock.advance(118_000)
    await road.chat('m')
    await road.clock.advance(4000)
    await road.chat('m')
    expect(road.tried()).toEqual(['a/up', 'b/up', 'b/up', 'a/up', 'b/up'])
  })

  test('what a request took is told as it was', async () => {
    const road = await openRoad(ladder, async (_, { clock }) => {
      await clock.sleep(1000)
      setWallClock(road, byMs)
      return chatAnswer()
    })
    await whenDone(road.clock, road.chat('m'))
    const [exchange] = road.settled
    expect((exchange?.endedMs ?? 0) - (exchange?.startedMs ?? 0)).toBe(1000)
  })
})

test('F77: ids differ, whatever the clock on the wall says', () => {
  const ids = Array.from({ length: 10_000 }, () => systemIds.requestId())
  expect(new Set(ids).size).toBe(ids.length)
})
