import { describe, expect, test } from 'bun:test'
import { openRoad, type Road } from '../support/road.ts'
import { answering, errorAnswer, ladder, whenDone, type Turn } from '../support/scripted.ts'

async function roadWith(fallback: string, turns: Readonly<Record<string, readonly Turn[]>>): Promise<Road> {
  return await openRoad(`${ladder}fallback: { ${fallback} }`, answering(turns))
}

/** Asks once and tells who was asked for it. */
async function triedBy(road: Road): Promise<string> {
  const before = road.sent.length
  await (await road.chat('m')).text()
  return road.sent
    .slice(before)
    .map(({ url }) => url.hostname)
    .join(' ')
}

/** Whole seconds, from now on, until the first route of the alias is asked again. */
async function restOfA(road: Road, withinSeconds: number): Promise<number | undefined> {
  for (let second = 0; second <= withinSeconds; second += 1) {
    if ((await triedBy(road)).startsWith('a')) return second
    await road.clock.advance(1000)
  }
  return undefined
}

describe('how long a failed route rests', () => {
  test.each([
    { fallback: '', rest: 30 },
    { fallback: 'cooldown_seconds: 45', rest: 45 },
    { fallback: 'cooldown_seconds: 2', rest: 2 },
    { fallback: 'cooldown_seconds: 0', rest: 0 },
  ])('B20 B21: fallback.cooldown_seconds: { $fallback } is $rest seconds', async ({ fallback, rest }) => {
    const road = await roadWith(fallback, { a: [500] })
    expect(await triedBy(road)).toBe('a b')
    expect(await restOfA(road, 60)).toBe(rest)
  })

  const patience = (seconds: number) => (): Response => errorAnswer(429, { 'retry-after': String(seconds) })

  test.each([
    { fallback: '', asked: 7, rest: 7 },
    { fallback: '', asked: 50, rest: 50 },
    { fallback: 'respect_retry_after: true', asked: 7, rest: 7 },
    { fallback: 'respect_retry_after: false', asked: 7, rest: 30 },
    { fallback: 'respect_retry_after: false', asked: 50, rest: 30 },
  ])('B25: fallback.respect_retry_after: { $fallback } with Retry-After $asked is $rest seconds', async (row) => {
    const road = await roadWith(row.fallback, { a: [patience(row.asked)] })
    expect(await triedBy(road)).toBe('a b')
    expect(await restOfA(road, 60)).toBe(row.rest)
  })

  test.each([
    { fallback: '', asked: 1000, rest: 300 },
    { fallback: 'retry_after_max: 40s', asked: 1000, rest: 40 },
    { fallback: 'retry_after_max: 40s', asked: 39, rest: 39 },
  ])('B25: fallback.retry_after_max: { $fallback } with Retry-After $asked is $rest seconds', async (row) => {
    const road = await roadWith(row.fallback, { a: [patience(row.asked)] })
    expect(await triedBy(road)).toBe('a b')
    expect(await restOfA(road, 310)).toBe(row.rest)
  })
})

describe('which failures make a route rest', () => {
  test.each([
    { fallback: '', status: 400, rests: false },
    { fallback: 'cooldown_on: default', status: 400, rests: false },
    { fallback: 'cooldown_on: default', status: 429, rests: true },
    { fallback: 'cooldown_on: [400]', status: 400, rests: true },
    { fallback: 'cooldown_on: ["4xx"]', status: 422, rests: true },
    { fallback: 'cooldown_on: ["42x"]', status: 400, rests: false },
    { fallback: 'cooldown_on: [400]', status: 503, rests: true },
  ])('N101: fallback.cooldown_on: { $fallback } with status $status: $rests', async ({ fallback, status, rests }) => {
    const road = await roadWith(fallback, { a: [status] })
    expect(await triedBy(road)).toBe('a b')
    expect(await triedBy(road)).toBe(rests ? 'b' : 'a b')
  })
})

describe('how often one request is tried', () => {
  test.each([
    { fallback: '', tried: 3 },
    { fallback: 'max_retries: 1', tried: 1 },
    { fallback: 'max_retries: 2', tried: 2 },
    { fallback: 'max_retries: 0', tried: 5 },
  ])('B26 B27: fallback.max_retries: { $fallback } is $tried attempts', async ({ fallback, tried }) => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const road = await openRoad(
      `backends: [${names.map((name) => `{ name: ${name}, url: "http://${name}" }`).join(', ')}]
models: { m: { routes: [${names.map((name, at) => `{ backend: ${name}, model: up, priority: ${at} }`).join(', ')}] } }
fallback: { ${fallback} }`,
      answering({ a: ['dead'], b: ['dead'], c: ['dead'], d: ['dead'] }),
    )
    expect((await road.chat('m')).status).toBe(tried === 5 ? 200 : 502)
    expect(road.sent.length).toBe(tried)
  })

  test.each([
    { fallback: '', status: 500, tried: ['a/up'] },
    { fallback: 'alias_fallback: { m: [other] }', status: 200, tried: ['a/up', 'b/second'] },
  ])('B10: fallback.alias_fallback: { $fallback } names who comes next', async ({ fallback, status, tried }) => {
    const road = await openRoad(
      `backends: [{ name: a, url: "http://a" }, { name: b, url: "http://b" }]
models: { m: { routes: [{ backend: a, model: up }] }, other: { routes: [{ backend: b, model: second }] } }
fallback: { ${fallback} }`,
      answering({ a: [500] }),
    )
    expect((await road.chat('m')).status).toBe(status)
    expect(road.tried()).toEqual([...tried])
  })
})

describe('while every route rests', () => {
  const later =
    (seconds: number): Turn =>
    () =>
      errorAnswer(429, { 'retry-after': String(seconds) })
  /** Both fail at first; `b` recovers after 20 seconds, `a` after 40. */
  const turns = { a: [later(40), 200], b: [later(20), 200] }

  test.each(['', 'when_all_cooling: refuse'])(
    'B24 N102: fallback.when_all_cooling: { %s } answers 503 with the soonest recovery',
    async (fallback) => {
      const road = await roadWith(fallback, turns)
      await road.chat('m')
      await road.clock.advance(5000)
      const { value, tookMs } = await whenDone(road.clock, road.chat('m'))
      expect([value.status, value.headers.get('retry-after'), tookMs]).toEqual([503, '15', 0])
      expect(await value.json()).toMatchObject({ error: { code: 'no_backend_available' } })
      expect(road.tried()).toEqual(['a/up', 'b/up'])
    },
  )

  test('fallback.when_all_cooling: wait waits for the first to recover', async () => {
    const road = await roadWith('when_all_cooling: wait', turns)
    await road.chat('m')
    await road.clock.advance(5000)
    const { value, tookMs } = await whenDone(road.clock, road.chat('m'))
    expect([value.status, tookMs]).toEqual([200, 15_000])
    expect(road.tried()).toEqual(['a/up', 'b/up', 'b/up'])
  })

  test('fallback.when_all_cooling: wait does not wait beyond fallback.deadline', async () => {
    const road = await roadWith('when_all_cooling: wait, deadline: 10s', turns)
    await road.chat('m')
    await road.clock.advance(5000)
    const { value, tookMs } = await whenDone(road.clock, road.chat('m'))
    expect([value.status, value.headers.get('retry-after'), tookMs]).toEqual([503, '15', 0])
  })

  test.each([
    { name: 'all routes rest', yaml: 'fallback: { when_all_cooling: wait }' },
    {
      name: 'a retry is due',
      yaml: 'fallback: { cooldown_seconds: 0 }\nretry: { max_retries: 1, base_delay: 50s, jitter: none }',
    },
  ])('B118: a request that waits because $name ends at once when the gateway stops', async ({ yaml }) => {
    const road = await openRoad(`${ladder}${yaml}`, answering({ a: [503], b: [503] }))
    if (yaml.includes('wait')) await road.chat('m')
    await road.clock.advance(20)
    const asked = road.sent.length
    const answer = road.chat('m')
    // One timer is about slow requests, the other is the pause.
    while (road.clock.pending < 2) await new Promise<void>((resolve) => void setImmediate(resolve))
    for (const exchange of road.gateway.live) exchange.cut?.cut()
    const { value, tookMs } = await whenDone(road.clock, answer)
    expect([value.status, tookMs, road.gateway.live.size]).toEqual([503, 0, 0])
    await road.clock.advance(20)
    expect(road.clock.pending).toBe(0)
    expect(road.sent.length).toBe(yaml.includes('wait') ? asked : asked + 1)
    expect(await value.json()).toMatchObject({ error: { code: 'shutting_down' } })
  })

  test('fallback.when_all_cooling: least_bad asks the one that recovers soonest', async () => {
    const road = await roadWith('when_all_cooling: least_bad', turns)
    await road.chat('m')
    await road.clock.advance(5000)
    const { value, tookMs } = await whenDone(road.clock, road.chat('m'))
    expect([value.status, tookMs]).toEqual([200, 0])
    expect(road.tried()).toEqual(['a/up', 'b/up', 'b/up'])
  })
})

describe('how long one request may take', () => {
  test.each([
    { fallback: 'deadline: 5s', tookMs: 5000, tried: 'a' },
    { fallback: 'deadline: 90s', tookMs: 90_000, tried: 'a' },
    { fallback: '', tookMs: 1_200_000, tried: 'a b' },
  ])('fallback.deadline: { $fallback } ends all attempts together', async ({ fallback, tookMs, tried }) => {
    const yaml = `${ladder}fallback: { ${fallback} }\ntimeout: { total: 600s }`
    const road = await openRoad(yaml, answering({ a: ['hang'], b: ['hang'] }))
    const { value, tookMs: took } = await whenDone(road.clock, road.chat('m'))
    expect([value.status, took]).toEqual([504, tookMs])
    expect(road.sent.map(({ url }) => url.hostname).join(' ')).toBe(tried)
  })

  test.each([
    { deadline: '2s', tookMs: 0, tried: 'a b' },
    { deadline: '20s', tookMs: 5000, tried: 'a a b' },
    { deadline: '0', tookMs: 5000, tried: 'a a b' },
  ])('fallback.deadline: a pause that would outlast $deadline is left out', async ({ deadline, tookMs, tried }) => {
    const yaml = `${ladder}fallback: { deadline: ${deadline} }\nretry: { max_retries: 1, base_delay: 5s, jitter: none }`
    const road = await openRoad(yaml, answering({ a: [503] }))
    const { value, tookMs: took } = await whenDone(road.clock, road.chat('m'))
    expect([value.status, took, road.sent.map(({ url }) => url.hostname).join(' ')]).toEqual([200, tookMs, tried])
  })
})

test.each([
  { asked: '30', told: '30' },
  { asked: '9999999', told: '60' },
  { asked: 'Fri, 31 Dec 2100 00:00:00 GMT', told: '60' },
  { asked: 'abc', told: 'abc' },
])('F20: a client is told to wait $told when its upstream says $asked', async ({ asked, told }) => {
  const road = await openRoad(ladder, () => errorAnswer(429, { 'retry-after': asked }))
  const { headers, status } = await road.chat('m')
  expect([status, headers.get('retry-after')]).toEqual([429, told])
})
