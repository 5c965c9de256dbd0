import { describe, expect, test } from 'bun:test'
import { openRoad, type Road } from '../support/road.ts'
import { answering, errorAnswer, ladder, whenDone, type Turn } from '../support/scripted.ts'

/** Who was asked for one request, and after how many milliseconds each time. */
async function attemptsOf(yaml: string, a: readonly Turn[], seed = 1): Promise<{ hosts: string; atMs: number[] }> {
  const atMs: number[] = []
  const script = answering({ a })
  const road = await openRoad(
    `${ladder}${yaml}`,
    async (request, at) => {
      atMs.push(at.clock.monotonicMs())
      return await script(request, at)
    },
    seed,
  )
  const { value } = await whenDone(road.clock, road.chat('m'), 3_600_000, 50)
  await value.text()
  return { hosts: hostsOf(road), atMs }
}

function hostsOf({ sent }: Road, from = 0): string {
  return sent
    .slice(from)
    .map(({ url }) => url.hostname)
    .join(' ')
}

describe('attempts again on the same route', () => {
  test.each([
    { retry: '', hosts: 'a b' },
    { retry: 'max_retries: 0', hosts: 'a b' },
    { retry: 'max_retries: 1', hosts: 'a a b' },
    { retry: 'max_retries: 3', hosts: 'a a a a b' },
  ])('B108: retry.max_retries: { $retry } asks $hosts', async ({ retry, hosts }) => {
    expect((await attemptsOf(`retry: { ${retry} }\nfallback: { max_retries: 0 }`, [503])).hosts).toBe(hosts)
  })

  test('B108: they count as attempts of the request', async () => {
    expect((await attemptsOf('retry: { max_retries: 9 }\nfallback: { max_retries: 2 }', [503])).hosts).toBe('a a')
  })

  test('B108: the first good answer ends them', async () => {
    const { hosts } = await attemptsOf('retry: { max_retries: 9 }\nfallback: { max_retries: 0 }', [503, 'dead', 200])
    expect(hosts).toBe('a a a')
  })

  test.each([
    { retry: '', status: 503, hosts: 'a a b' },
    { retry: '', status: 500, hosts: 'a b' },
    { retry: ', on_status: [500]', status: 500, hosts: 'a a b' },
    { retry: ', on_status: ["50x"]', status: 500, hosts: 'a a b' },
    { retry: ', on_status: [500]', status: 503, hosts: 'a b' },
    { retry: ', on_status: []', status: 503, hosts: 'a b' },
  ])('B108: retry.on_status: { $retry } with $status asks $hosts', async ({ retry, status, hosts }) => {
    expect((await attemptsOf(`retry: { max_retries: 1${retry} }`, [status])).hosts).toBe(hosts)
  })

  test.each([
    { key: 'defaults', retry: '', atMs: [0, 200, 600, 1400, 3000, 3000] },
    { key: 'retry.base_delay', retry: 'base_delay: 500ms', atMs: [0, 500, 1500, 3500, 7500, 7500] },
    { key: 'retry.base_delay', retry: 'base_delay: 0', atMs: [0, 0, 0, 0, 0, 0] },
    { key: 'retry.multiplier', retry: 'multiplier: 3', atMs: [0, 200, 800, 2600, 7600, 7600] },
    { key: 'retry.multiplier', retry: 'multiplier: 1', atMs: [0, 200, 400, 600, 800, 800] },
    { key: 'retry.max_delay', retry: 'max_delay: 700ms', atMs: [0, 200, 600, 1300, 2000, 2000] },
    { key: 'retry.max_delay', retry: 'base_delay: 2s, max_delay: 30s', atMs: [0, 2000, 6000, 14_000, 30_000, 30_000] },
  ])('B108: $key: { $retry } waits so long between them', async ({ retry, atMs }) => {
    const yaml = `retry: { max_retries: 4, jitter: none, ${retry} }\nfallback: { max_retries: 0 }`
    expect((await attemptsOf(yaml, [503])).atMs).toEqual([...atMs])
  })

  test.each([
    { jitter: 'none', least: 1000, most: 1000 },
    { jitter: '0', least: 1000, most: 1000 },
    { jitter: '0.2', least: 800, most: 1000 },
    { jitter: '1', least: 0, most: 1000 },
    { jitter: 'full', least: 0, most: 1000 },
  ])('B108: retry.jitter $jitter leaves between $least and $most of 1000 ms', async ({ jitter, least, most }) => {
    const pauses: number[] = []
    for (let seed = 1; seed <= 20; seed += 1) {
      const yaml = `retry: { max_retries: 1, base_delay: 1s, jitter: ${jitter} }`
      const { atMs } = await attemptsOf(yaml, [503], seed)
      pauses.push((atMs[1] ?? NaN) - (atMs[0] ?? NaN))
    }
    const range = most - least
    // Never outside, and, of twenty, some near both ends.
    expect(Math.min(...pauses)).toBeWithin(least, least + range * 0.3 + 1)
    expect(Math.max(...pauses)).toBeWithin(most - range * 0.3, most + 1)
  })

  test('B108: retry.jitter is full when nothing is said', async () => {
    const delays = new Set<number>()
    for (let seed = 1; seed <= 5; seed += 1) {
      const { atMs } = await attemptsOf('retry: { max_retries: 1, base_delay: 1s }', [503], seed)
      delays.add(atMs[1] ?? NaN)
    }
    expect(delays.size).toBeGreaterThan(3)
    expect(Math.min(...delays)).toBeLessThan(500)
  })
})

describe('the circuit breaker', () => {
  const noRest = 'fallback: { cooldown_seconds: 0 }'

  async function roadWith(breaker: string, a: readonly Turn[]): Promise<Road> {
    return await openRoad(`${ladder}${noRest}\n${breaker}`, answering({ a }))
  }

  /** Asks so many times and tells who was asked for each. */
  async function ask(road: Road, times: number): Promise<string[]> {
    const asked: string[] = []
    for (let turn = 0; turn < times; turn += 1) {
      const before = road.sent.length
      await (await road.chat('m')).text()
      asked.push(hostsOf(road, before))
    }
    return asked
  }

  test.each([
    { breaker: '', failures: 8, opens: false },
    { breaker: 'circuit_breaker: {}', failures: 5, opens: true },
    { breaker: 'circuit_breaker: { enabled: true }', failures: 5, opens: true },
    { breaker: 'circuit_breaker: { enabled: false }', failures: 8, opens: false },
    { breaker: 'circuit_breaker: { enabled: false, failure_threshold: 2 }', failures: 8, opens: false },
  ])('B109: circuit_breaker.enabled: "$breaker" opens after five failures: $opens', async (row) => {
    const road = await roadWith(row.breaker, [500])
    expect(await ask(road, row.failures)).toEqual(Array(row.failures).fill('a b'))
    expect(await ask(road, 2)).toEqual(row.opens ? ['b', 'b'] : ['a b', 'a b'])
  })

  test.each([1, 2, 7])('B109: circuit_breaker.failure_threshold: %d failures in a row open it', async (threshold) => {
    const road = await roadWith(`circuit_breaker: { failure_threshold: ${threshold} }`, [500])
    expect(await ask(road, threshold + 1)).toEqual([...Array<string>(threshold).fill('a b'), 'b'])
  })

  test('B109: a good answer between them starts the count anew', async () => {
    const road = await roadWith('circuit_breaker: { failure_threshold: 2 }', [500, 200, 500, 200, 500])
    expect(await ask(road, 5)).toEqual(['a b', 'a', 'a b', 'a', 'a b'])
  })

  test.each([
    { written: '', seconds: 60 },
    { written: ', open_timeout: 5s', seconds: 5 },
    { written: ', open_timeout: 2m', seconds: 120 },
  ])('B109: circuit_breaker.open_timeout: { $written } keeps it open for $seconds seconds', async (row) => {
    const road = await roadWith(`circuit_breaker: { failure_threshold: 1${row.written} }`, [500])
    expect(await ask(road, 1)).toEqual(['a b'])
    await road.clock.advance(row.seconds * 1000 - 1)
    expect(await ask(road, 1)).toEqual(['b'])
    await road.clock.advance(1)
    expect(await ask(road, 2)).toEqual(['a b', 'b'])
  })

  test.each([
    { written: '', closesAfter: 2 },
    { written: ', success_threshold: 1', closesAfter: 1 },
    { written: ', success_threshold: 4', closesAfter: 4 },
  ])('B109: circuit_breaker.success_threshold: { $written } closes after $closesAfter good probes', async (row) => {
    // Two failures open it; it is closed again when one failure alone does not.
    const breaker = `circuit_breaker: { failure_threshold: 2${row.written} }`
    const early = await roadWith(breaker, [500, 500, ...Array<Turn>(row.closesAfter - 1).fill(200), 500])
    await ask(early, 2)
    await early.clock.advance(60_000)
    expect(await ask(early, row.closesAfter + 1)).toEqual([...Array<string>(row.closesAfter - 1).fill('a'), 'a b', 'b'])

    const closed = await roadWith(breaker, [500, 500, ...Array<Turn>(row.closesAfter).fill(200), 500])
    await ask(closed, 2)
    await closed.clock.advance(60_000)
    expect(await ask(closed, row.closesAfter)).toEqual(Array(row.closesAfter).fill('a'))
    expect(await ask(closed, 3)).toEqual(['a b', 'a b', 'b'])
    expect(closed.lines.filter(({ event }) => event === 'circuit_closed').length).toBe(1)
  })
})

describe('what counts as a failure', () => {
  /** Does an answer of `a` lead on to `b`? */
  async function leadsOn(detection: string, a: Turn): Promise<boolean> {
    const road = await openRoad(`${ladder}detection: { ${detection} }`, answering({ a: [a] }))
    await (await road.chat('m')).text()
    return hostsOf(road) === 'a b'
  }

  test.each([
    { detection: '', on: [400, 418, 429, 500, 599], not: [] },
    { detection: 'error_codes: ["4xx", "5xx"]', on: [400, 418, 429, 500, 599], not: [] },
    { detection: 'error_codes: ["5xx"]', on: [500, 503, 599], not: [400, 429] },
    { detection: 'error_codes: ["429"]', on: [429], not: [400, 428, 500] },
    { detection: 'error_codes: [429, 503]', on: [429, 503], not: [400, 500] },
    { detection: 'error_codes: ["429", "abc", "", "50x"]', on: [429, 500, 504], not: [400, 510] },
    { detection: 'error_codes: []', on: [], not: [400, 500] },
  ])('B28 B29 B30 B31: detection.error_codes: { $detection }', async ({ detection, on, not }) => {
    for (const status of on) expect([status, await leadsOn(detection, status)]).toEqual([status, true])
    for (const status of not) expect([status, await leadsOn(detection, status)]).toEqual([status, false])
  })

  const codes = 'error_codes: ["5xx"], error_patterns:'

  test.each([
    { detection: 'error_codes: ["5xx"]', says: 'quota exceeded', found: false },
    { detection: `${codes} ["quota"]`, says: 'quota exceeded', found: true },
    { detection: `${codes} ["quota"]`, says: 'Quota exceeded', found: false },
    { detection: `${codes} ["busy", "quota"]`, says: 'quota exceeded', found: true },
    { detection: `${codes} ["quota.exceeded"]`, says: 'quota exceeded', found: false },
    { detection: `${codes} ["re:(?i)quota.exceeded"]`, says: 'Quota exceeded', found: true },
    { detection: `${codes} ["re:^quota"]`, says: 'quota exceeded', found: false },
  ])('B32: detection.error_patterns: { $detection } in "$says": $found', async ({ detection, says, found }) => {
    expect(await leadsOn(detection, () => errorAnswer(418, {}, says))).toBe(found)
    expect(await leadsOn(detection, () => errorAnswer(418, {}, 'something else'))).toBe(false)
  })

  test('B36: an error that leads nowhere is the client’s to see as it came', async () => {
    const road = await openRoad(
      `${ladder}detection: { error_codes: [] }`,
      answering({ a: [() => errorAnswer(429, { 'retry-after': '7', 'x-up': '1' }, 'slow down')] }),
    )
    const response = await road.chat('m')
    const { headers } = response
    expect([response.status, headers.get('retry-after'), headers.get('x-up')]).toEqual([429, '7', '1'])
    expect(await response.text()).toBe('{"error":{"message":"slow down"}}')
  })
})
