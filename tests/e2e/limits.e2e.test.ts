import { describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { noRedis, startRedis } from '../support/redis.ts'

const mock = `
proxy_api_key: sk-for-clients-0123456789
backends: [{ name: up, url: "mock://up" }]
models:
  m: { routes: [{ backend: up, model: ok }] }
  slow: { routes: [{ backend: up, model: "tokens=20+gap=30" }] }
`

async function ask({ url }: RunningGateway, model = 'm', extra: Record<string, unknown> = {}): Promise<Response> {
  return await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-for-clients-0123456789', 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...extra }),
  })
}

async function answeredOf(count: number, asking: (index: number) => Promise<Response>): Promise<number> {
  const answers = await Promise.all(Array.from({ length: count }, async (_each, index) => await asking(index)))
  await Promise.all(answers.map(async (answer) => await answer.text()))
  return answers.filter(({ status }) => status === 200).length
}

describe('one gateway', () => {
  test('F100: of 300 requests at once exactly 100 are admitted, and a reload gives nothing back', async () => {
    const limit = (count: number): string => `${mock}rate_limiting: { global: { requests_per_minute: ${count} } }\n`
    await using gateway = await startGateway(limit(100))
    expect(await answeredOf(300, async () => await ask(gateway))).toBe(100)
    const refused = await ask(gateway)
    expect(refused.status).toBe(429)
    const seconds = Number(refused.headers.get('retry-after'))
    expect(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60).toBe(true)
    gateway.rewrite(limit(110))
    await gateway.told(/Configuration reloaded/)
    expect(await answeredOf(50, async () => await ask(gateway))).toBe(10)
  })

  test('C221: streams that run fill the places, those that wait get theirs, and every place comes back', async () => {
    await using gateway = await startGateway(
      `${mock}concurrency: { enabled: true, max_requests: 2, max_queue_size: 2 }\n`,
    )
    const statuses = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const response = await ask(gateway, 'slow', { stream: true })
        await response.text()
        return response.status
      }),
    )
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 200, 200, 200, 503, 503])
    expect((await ask(gateway)).status).toBe(200)
  })

  test('who leaves the queue, or a stream, leaves no place taken', async () => {
    await using gateway = await startGateway(`${mock}concurrency: { enabled: true, max_requests: 1 }\n`)
    const leaving = new AbortController()
    const asked = {
      method: 'POST',
      headers: { authorization: 'Bearer sk-for-clients-0123456789' },
      signal: leaving.signal,
    }
    const body = JSON.stringify({ model: 'slow', stream: true, messages: [{ role: 'user', content: 'hi' }] })
    const all = [1, 2, 3].map(async () => await fetch(`${gateway.url}/v1/chat/completions`, { ...asked, body }))
    const first = await Promise.race(all)
    await Bun.sleep(100)
    leaving.abort()
    await first.text().catch(() => {})
    await Promise.allSettled(all)
    const last = await ask(gateway)
    expect(last.status).toBe(200)
  })
})

describe.skipIf(noRedis !== undefined)(
  `two gateways and one Redis${noRedis === undefined ? '' : ` (left out: ${noRedis})`}`,
  () => {
    test('C211 F80 F82: they share a limit; without Redis each goes on by itself; with it again they share', async () => {
      await using redis = await startRedis()
      const config = `${mock}rate_limiting: { backend: redis, redis: { url: "${redis.url}", timeout: 200ms }, global: { requests_per_minute: 40 } }\n`
      await using one = await startGateway(config)
      await using other = await startGateway(config)
      expect(await answeredOf(100, async (index) => await ask(index % 2 === 0 ? one : other))).toBe(40)
      await redis.kill()
      expect(await answeredOf(50, async () => await ask(one))).toBe(40)
      await one.told(/limits are not shared/)
      expect(await answeredOf(50, async () => await ask(other))).toBe(40)
      await using again = await startRedis(redis.port)
      expect(again.port).toBe(redis.port)
      for (let left = 100; left > 0 && !/limits are shared/.test(one.output()); left -= 1) {
        await (await ask(one)).text()
        await Bun.sleep(50)
      }
      await one.told(/limits are shared/)
    })
  },
)
