import { describe, expect, test } from 'bun:test'
import { seededRandom } from '#ports/random.ts'
import { chatAnswer, openRoad, type Road } from '../support/road.ts'
import { answering, errorAnswer, ladder, silentStream, whenDone, type Turn } from '../support/scripted.ts'

/** One alias with one route on each of these hosts, all alike. */
function alike(names: string, more = ''): string {
  const backends = Array.from(names, (name) => `{ name: ${name}, url: "http://${name}/v1" }`)
  const routes = Array.from(names, (name) => `{ backend: ${name}, model: up }`)
  return `
backends: [${backends.join(', ')}]
models: { m: { routes: [${routes.join(', ')}] } }
fallback: { cooldown_seconds: 0 }
${more}`
}

/** The hosts that one request after the other asks, those of one request joined. */
async function ask(road: Road, requests: number, stepMs = 0): Promise<string[]> {
  const asked: string[] = []
  for (let count = 0; count < requests; count += 1) {
    const from = road.sent.length
    await (await road.chat('m')).text()
    asked.push(hostsOf(road, from))
    if (stepMs > 0) await road.clock.advance(stepMs)
  }
  return asked
}

function hostsOf({ sent }: Road, from = 0): string {
  return sent
    .slice(from)
    .filter(({ method }) => method === 'POST')
    .map(({ url }) => url.hostname)
    .join('')
}

function told(road: Road, event: string): number {
  return road.lines.filter((line) => line.event === event).length
}

describe('circuits', () => {
  test.each([
    { written: '', openMs: [1000, 2000, 4000, 8000] },
    { written: ', max_open_timeout: 3s', openMs: [1000, 2000, 3000, 3000] },
    { written: ', max_open_timeout: 1ms', openMs: [1000, 1000, 1000, 1000] },
  ])(
    'circuit_breaker.max_open_timeout: { $written } ends the doubling of open_timeout',
    async ({ written, openMs }) => {
      const breaker = `circuit_breaker: { failure_threshold: 1, open_timeout: 1s${written} }`
      const road = await openRoad(`${ladder}fallback: { cooldown_seconds: 0 }\n${breaker}`, answering({ a: [500] }))
      for (const forMs of openMs) {
        expect(await ask(road, 1)).toEqual(['ab'])
        await road.clock.advance(forMs - 1)
        expect(await ask(road, 1)).toEqual(['b'])
        await road.clock.advance(1)
      }
      const opened = road.lines.filter(({ event }) => event === 'circuit_opened')
      expect(opened.map(({ fields }) => fields['forMs'])).toEqual([...openMs])
    },
  )

  test.each([
    { written: '', asked: 2 },
    { written: ', max_ejection_percent: 25', asked: 3 },
    { written: ', max_ejection_percent: 75', asked: 1 },
    { written: ', max_ejection_percent: 100', asked: 0 },
  ])('circuit_breaker.max_ejection_percent: { $written } leaves $asked of four', async ({ written, asked }) => {
    const yaml = alike('abcd', `circuit_breaker: { failure_threshold: 1${written} }`)
    const road = await openRoad(yaml, () => errorAnswer(500))
    await ask(road, 20)
    const hosts = await ask(road, 20)
    expect(new Set(hosts.join('')).size).toBe(asked)
    const response = await road.chat('m')
    // Who is left is asked, and its own error is told; else there is nobody to ask.
    expect(response.status).toBe(asked === 0 ? 503 : 500)
    expect(told(road, 'circuit_opened')).toBe(4)
  })

  test('the circuit of an only route opens, since it protects its backend', async () => {
    const road = await openRoad(alike('a', 'circuit_breaker: { failure_threshold: 1 }'), answering({ a: [500] }))
    expect(await ask(road, 3)).toEqual(['a', '', ''])
    const response = await road.chat('m')
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '60'])
  })
})

describe('D37: load_balancing.fail_open', () => {
  const checks = 'health_check: { path: /well, interval: 10s, failure_threshold: 1, success_threshold: 1 }\n'

  /** Two backends; checks of those in `down` fail, whatever they answer to requests. */
  async function roadWith(more: string, down: Set<string>, answers: Readonly<Record<string, readonly Turn[]>> = {}) {
    const script = answering(answers)
    const road = await openRoad(`${ladder}${checks}${more}`, async (request, at) =>
      request.method === 'GET'
        ? new Response('', { status: down.has(request.url.hostname) ? 500 : 200 })
        : await script(request, at),
    )
    const stop = road.startChecks()
    await road.clock.advance(1000)
    return { road, stop }
  }

  test.each([
    { written: '', down: '', asked: ['a'], status: 200 },
    { written: '', down: 'a', asked: ['b'], status: 200 },
    { written: '', down: 'ab', asked: ['a'], status: 200 },
    { written: 'load_balancing: { fail_open: true }', down: 'ab', asked: ['a'], status: 200 },
    { written: 'load_balancing: { fail_open: false }', down: 'a', asked: ['b'], status: 200 },
    { written: 'load_balancing: { fail_open: false }', down: 'ab', asked: [''], status: 503 },
  ])('"$written" while the checks of "$down" fail: $asked', async ({ written, down, asked, status }) => {
    const { road, stop } = await roadWith(written, new Set(down))
    expect(await ask(road, 1)).toEqual([...asked])
    const response = await road.chat('m')
    expect(response.status).toBe(status)
    if (status === 503) {
      const { error } = (await response.json()) as { error: { code: string; message: string } }
      expect(error.code).toBe('no_backend_available')
      expect(error.message).toContain('every route of it is cooling down or fails its health checks')
      // The next check.
      expect(Number(response.headers.get('retry-after'))).toBeWithin(8, 12)
    }
    stop()
  })

  test('a backend that fails a request that was let through rests like any other', async () => {
    const { road, stop } = await roadWith('', new Set('ab'), { a: [500] })
    expect(await ask(road, 2)).toEqual(['ab', 'b'])
    stop()
  })

  test('C109: traffic comes back with the first good check', async () => {
    const down = new Set('a')
    const { road, stop } = await roadWith('', down)
    expect(await ask(road, 2)).toEqual(['b', 'b'])
    down.clear()
    await road.clock.advance(12_000)
    expect(await ask(road, 2)).toEqual(['a', 'a'])
    stop()
  })
})

describe('C108: load_balancing.failover_timeout', () => {
  test.each<{ name: string; a: Turn }>([
    { name: 'a stream that does not begin', a: 'hang' },
    { name: 'a stream that begins without content', a: (signal) => silentStream(signal) },
  ])('$name is given up after it, and the next node is asked', async ({ a }) => {
    const road = await openRoad(`${ladder}load_balancing: { failover_timeout: 7s }`, answering({ a: [a] }))
    const { value, tookMs } = await whenDone(road.clock, road.chat('m', { stream: true }), 60_000, 50)
    expect([value.status, hostsOf(road)]).toEqual([200, 'ab'])
    expect(tookMs).toBeWithin(7000, 7200)
  })

  test('a connection waits no longer for the first byte of any answer', async () => {
    const road = await openRoad(`${ladder}load_balancing: { failover_timeout: 7s }`, answering({}))
    await (await road.chat('m')).text()
    expect(road.sent[0]?.clocks.firstByteMs).toBe(7000)
  })

  test('the keys that it stands for win over it', async () => {
    const own = 'timeout: { first_byte: 3s }\nstreaming: { time_to_first_token: 4s }'
    const road = await openRoad(`${ladder}load_balancing: { failover_timeout: 7s }\n${own}`, answering({}))
    const candidate = road.gateway.current().plans.get('m')?.tiers[0]?.candidates[0]
    expect([candidate?.backend.timeouts.firstByteMs, candidate?.streamClocks.firstContentMs]).toEqual([3000, 4000])
  })
})

describe('C106: a standby node', () => {
  test('is asked only when the first fails', async () => {
    const road = await openRoad(ladder, answering({ a: [200, 200, 200, 500] }))
    expect(await ask(road, 6)).toEqual(['a', 'a', 'a', 'ab', 'b', 'b'])
  })
})

describe('D22: a client that stays with a route, when that goes and comes back', () => {
  const keyed = { 'x-llm-proxy-affinity': 'one conversation' }

  /** Whom the client asks before its route fails, while that rests, and after. */
  async function journey(balancing: string): Promise<string[]> {
    let failing = ''
    const yaml = alike('abc', '')
      .replace('routes:', `${balancing}, routes:`)
      .replace('cooldown_seconds: 0', 'cooldown_seconds: 30')
    const road = await openRoad(yaml, ({ url }) => (url.hostname === failing ? errorAnswer(500) : chatAnswer()))
    const asked = async (): Promise<string> => {
      const from = road.sent.length
      await (await road.chat('m', {}, { headers: keyed })).text()
      return hostsOf(road, from).at(-1) ?? ''
    }
    const before = await asked()
    failing = before
    const during = await asked()
    failing = ''
    await road.clock.advance(30_000)
    return [before, during, await asked()]
  }

  test('by affinity it stays with the one that took over', async () => {
    const [before, during, after] = await journey('affinity: {}')
    expect(during).not.toBe(before)
    expect(after).toBe(during)
  })

  test('by hash it goes back', async () => {
    const [before, during, after] = await journey('strategy: hash')
    expect(during).not.toBe(before)
    expect(after).toBe(before)
  })
})

/** Hosts that fail by chance, each in its own share of requests. */
class Fleet {
  readonly failing: Record<string, number> = {}
  readonly #random = seededRandom(7)
  readonly answer = ({ url }: { readonly url: URL }): Response =>
    this.#random.unit() < (this.failing[url.hostname] ?? 0) ? errorAnswer(500) : chatAnswer()
}

interface Traffic {
  /** Of the requests that reached a host, by host. */
  readonly share: Readonly<Record<string, number>>
  /** The most routes that were left out at one moment. */
  readonly outMax: number
  /** Requests whose client got an error. */
  readonly failed: number
}

/** So many requests, evenly spread over time. */
async function traffic(road: Road, requests: number, stepMs: number): Promise<Traffic> {
  const from = road.sent.length
  let outMax = 0
  let failed = 0
  const { breakers } = road.gateway
  const plan = road.gateway.current().plans.get('m')
  const keys = plan?.tiers.flatMap(({ candidates }) => candidates.map(({ stateKey }) => stateKey)) ?? []
  for (let count = 0; count < requests; count += 1) {
    const response = await road.chat('m')
    await response.text()
    if (response.status !== 200) failed += 1
    const nowMs = road.clock.monotonicMs()
    const out = keys.filter((key) => (breakers.look(key, nowMs, undefined, plan?.outlier).ejectedForMs ?? 0) > 0)
    outMax = Math.max(outMax, out.length)
    await road.clock.advance(stepMs)
  }
  const hosts = hostsOf(road, from)
  const share: Record<string, number> = {}
  for (const host of hosts) share[host] = (share[host] ?? 0) + 1 / hosts.length
  return { share, outMax, failed }
}

describe('outliers, measured over thousands of requests', () => {
  const detection = 'outlier_detection: {}\n'

  test('of four routes the one that fails 60 % has hardly any traffic, and its share again when it is well', async () => {
    const fleet = new Fleet()
    const road = await openRoad(alike('abcd', detection), fleet.answer)
    fleet.failing['a'] = 0.6
    const ill = await traffic(road, 4000, 25)
    expect(ill.share['a']).toBeLessThan(0.06)
    for (const host of 'bcd') expect(ill.share[host]).toBeWithin(0.28, 0.36)
    expect([ill.outMax, ill.failed]).toEqual([1, 0])
    expect(told(road, 'route_ejected')).toBeGreaterThan(1)

    fleet.failing['a'] = 0
    await road.clock.advance(300_000)
    const well = await traffic(road, 3000, 25)
    for (const host of 'abcd') expect(well.share[host]).toBeWithin(0.22, 0.28)
    expect(well.outMax).toBe(0)
    expect(told(road, 'route_readmitted')).toBe(told(road, 'route_ejected'))
  })

  test('without the detection it has its share of first attempts, and fails them', async () => {
    const fleet = new Fleet()
    const road = await openRoad(alike('abcd'), fleet.answer)
    fleet.failing['a'] = 0.6
    const ill = await traffic(road, 1000, 25)
    expect(ill.share['a']).toBeWithin(0.18, 0.26)
    expect(told(road, 'route_ejected')).toBe(0)
  })

  test('however many fail, half of the alias stays in use', async () => {
    const fleet = new Fleet()
    const road = await openRoad(alike('abcd', detection), fleet.answer)
    for (const host of 'abc') fleet.failing[host] = 0.9
    const ill = await traffic(road, 3000, 25)
    expect(ill.outMax).toBe(2)
    // Beside the good one the third is still asked, since another ejection would leave less than half.
    expect(ill.failed).toBeLessThan(30)
  })

  test('where all fail alike nobody is left out', async () => {
    const fleet = new Fleet()
    const road = await openRoad(alike('abcd', detection), fleet.answer)
    for (const host of 'abcd') fleet.failing[host] = 0.7
    const ill = await traffic(road, 2000, 25)
    expect([ill.outMax, told(road, 'route_ejected')]).toEqual([0, 0])
  })

  test('an only route is never left out', async () => {
    const fleet = new Fleet()
    const road = await openRoad(alike('a', detection), fleet.answer)
    fleet.failing['a'] = 1
    expect((await traffic(road, 200, 25)).outMax).toBe(0)
  })

  test('with circuits as well, half of the alias is asked at every moment', async () => {
    const fleet = new Fleet()
    const yaml = alike('abcd', `${detection}circuit_breaker: { failure_threshold: 3, open_timeout: 5s }`)
    const road = await openRoad(yaml, fleet.answer)
    for (const host of 'abcd') fleet.failing[host] = 0.8
    const ill = await traffic(road, 3000, 25)
    // Three attempts each at those that are left: nobody is ever told that there is nobody to ask.
    expect(road.settled.filter(({ refusal }) => refusal?.code === 'no_backend_available')).toEqual([])
    expect(Object.keys(ill.share).toSorted().join('')).toBe('abcd')
  })
})

describe('outlier_detection', () => {
  /** The hosts of requests that come every 100 ms; `a` fails all of them, `b` none. */
  async function asked(section: string, requests: number, stepMs = 100): Promise<{ road: Road; hosts: string[] }> {
    const road = await openRoad(`${ladder}fallback: { cooldown_seconds: 0 }\n${section}`, answering({ a: [500] }))
    return { road, hosts: await ask(road, requests, stepMs) }
  }

  test.each([
    { section: '', isOut: false },
    { section: 'outlier_detection: {}', isOut: true },
    { section: 'outlier_detection: { enabled: true }', isOut: true },
    { section: 'outlier_detection: { enabled: false }', isOut: false },
  ])('outlier_detection.enabled: "$section" leaves it out: $isOut', async ({ section, isOut }) => {
    const { hosts } = await asked(section, 25)
    expect(hosts.slice(20)).toEqual(Array(5).fill(isOut ? 'b' : 'ab'))
  })

  test.each([
    { written: '', least: 20 },
    { written: 'min_requests: 3', least: 3 },
    { written: 'min_requests: 50', least: 50 },
  ])('outlier_detection.min_requests: { $written } leaves it out after $least', async ({ written, least }) => {
    const { hosts } = await asked(`outlier_detection: { ${written} }`, least + 2)
    expect(hosts).toEqual([...Array<string>(least).fill('ab'), 'b', 'b'])
  })

  test.each([
    { written: '', stepMs: 400, isOut: true },
    { written: '', stepMs: 600, isOut: false },
    { written: 'interval: 20s', stepMs: 600, isOut: true },
    { written: 'interval: 2s', stepMs: 400, isOut: false },
  ])('outlier_detection.interval: { $written } with a request every $stepMs ms: $isOut', async (row) => {
    const { hosts } = await asked(`outlier_detection: { ${row.written} }`, 30, row.stepMs)
    expect(hosts.includes('b')).toBe(row.isOut)
  })

  test.each([
    { written: '', bad: 5, isOut: true },
    { written: '', bad: 4, isOut: false },
    { written: 'failure_percent: 30', bad: 3, isOut: true },
    { written: 'failure_percent: 95', bad: 9, isOut: false },
  ])('outlier_detection.failure_percent: { $written } with $bad of ten: $isOut', async ({ written, bad, isOut }) => {
    let count = 0
    const yaml = `${ladder}fallback: { cooldown_seconds: 0 }\noutlier_detection: { ${written} }`
    const road = await openRoad(yaml, ({ url }) => {
      if (url.hostname === 'b') return chatAnswer()
      count += 1
      return count % 10 >= 10 - bad ? errorAnswer(500) : chatAnswer()
    })
    const hosts = await ask(road, 200, 10)
    expect(hosts.includes('b')).toBe(isOut)
  })

  test.each([
    { written: '', seconds: [30, 60, 90, 120, 150] },
    { written: 'ejection_time: 2s', seconds: [2, 4, 6] },
    { written: 'ejection_time: 2s, max_ejection_time: 5s', seconds: [2, 4, 5, 5] },
    { written: 'ejection_time: 2s, max_ejection_time: 1s', seconds: [2, 2] },
  ])(
    'outlier_detection.ejection_time and max_ejection_time: { $written }: $seconds s',
    async ({ written, seconds }) => {
      const { road, hosts } = await asked(`outlier_detection: { min_requests: 1, ${written} }`, 1, 0)
      expect(hosts).toEqual(['ab'])
      for (const forSeconds of seconds) {
        await road.clock.advance(forSeconds * 1000 - 1)
        expect(await ask(road, 1)).toEqual(['b'])
        await road.clock.advance(1)
        expect(await ask(road, 1)).toEqual(['ab'])
      }
    },
  )

  test.each([
    { written: '', left: 2 },
    { written: 'max_ejection_percent: 25', left: 3 },
    { written: 'max_ejection_percent: 75', left: 1 },
    { written: 'max_ejection_percent: 100', left: 1 },
  ])('outlier_detection.max_ejection_percent: { $written } leaves $left of four', async ({ written, left }) => {
    const fleet = new Fleet()
    const road = await openRoad(alike('abcd', `outlier_detection: { ${written} }`), fleet.answer)
    for (const host of 'abc') fleet.failing[host] = 1
    expect((await traffic(road, 600, 10)).outMax).toBe(4 - left)
  })
})

describe('load_balancing.slow_start', () => {
  test.each([
    { written: '', share: 0.5 },
    { written: 'load_balancing: { slow_start: 100s }', share: 0.336 },
  ])(
    '"$written" gives a route that comes back $share of the traffic in its first 100 s',
    async ({ written, share }) => {
      const fleet = new Fleet()
      const yaml = alike('ab', `${written}\ncircuit_breaker: { failure_threshold: 1, success_threshold: 1 }`)
      const road = await openRoad(yaml, fleet.answer)
      fleet.failing['a'] = 1
      await ask(road, 10)
      fleet.failing['a'] = 0
      await road.clock.advance(60_000)
      while (!(await ask(road, 1)).includes('a')) {
        // The probe comes by chance.
      }
      expect(told(road, 'circuit_closed')).toBe(1)
      const during = await traffic(road, 2000, 50)
      // ∫ e/(1+e) of a ramp e from 0.1 to 1.
      expect(Math.abs((during.share['a'] ?? 0) - share)).toBeLessThan(0.03)
      const after = await traffic(road, 2000, 50)
      expect(Math.abs((after.share['a'] ?? 0) - 0.5)).toBeLessThan(0.03)
    },
  )

  test('D37: also after failed health checks', async () => {
    let isDown = true
    const checks = 'health_check: { path: /well, interval: 10s, failure_threshold: 1, success_threshold: 1 }'
    const yaml = alike('ab', `${checks}\nload_balancing: { slow_start: 100s }`)
    const road = await openRoad(yaml, ({ method, url }) => {
      if (method === 'POST') return chatAnswer()
      return new Response('', { status: url.hostname === 'a' && isDown ? 500 : 200 })
    })
    const stop = road.startChecks()
    await road.clock.advance(1000)
    expect(hostsOfAll(await ask(road, 20))).toBe('b')
    isDown = false
    await road.clock.advance(12_000)
    const { share } = await traffic(road, 400, 10)
    expect(share['a']).toBeWithin(0.07, 0.2)
    await road.clock.advance(100_000)
    expect((await traffic(road, 1000, 10)).share['a']).toBeWithin(0.45, 0.55)
    stop()
  })
})

function hostsOfAll(asked: readonly string[]): string {
  return [...new Set(asked.join(''))].toSorted().join('')
}
