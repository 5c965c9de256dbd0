import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { closedPort } from '../support/raw-origin.ts'
import { command, startGateway, type RunningGateway } from '../support/gateway.ts'

const clientKey = 'sk-client-canary-77aa'
const adminKey = 'admin-canary-0123456789'
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })

const head = `
proxy_api_key: ${clientKey}
admin: { key: ${adminKey} }
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
`

async function chat(gateway: RunningGateway, extra: object = {}): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...bearer(clientKey), 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...extra }),
  })
  await response.text()
  return response.headers.get('x-request-id') ?? ''
}

type Summary = Record<string, unknown> & {
  readonly daily: unknown[]
  readonly by_model: unknown[]
  readonly recent: unknown[]
}

async function summary(gateway: RunningGateway, query = ''): Promise<Summary> {
  const response = await fetch(`${gateway.url}/api/usage/summary${query}`, { headers: bearer(adminKey) })
  expect(response.status).toBe(200)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is in it is what the tests ask
  return (await response.json()) as Summary
}

/** Usage is in a file for the next process a second later, or when the process stops. */
const fileOf = (gateway: RunningGateway): string => join(gateway.directory, 'data', 'usage.db')

test('C539: /ready names the storage whose file cannot be written, and requests are answered all the same', async () => {
  await using gateway = await startGateway(`${head}usage: { file: ./data/usage.db }\n`)
  await chat(gateway)
  expect(await readiness(gateway)).toEqual([200, 'ok'])
  await using broken = await startGateway(`${head}usage: { file: ./config.yaml/usage.db }\n`)
  await broken.told(/usage\.db/)
  const [status, storage] = await readiness(broken)
  expect(status).toBe(503)
  expect(storage).toContain('"usage.file" cannot be written')
  expect(await chat(broken)).toMatch(/^req_/)
})

async function readiness(gateway: RunningGateway): Promise<[status: number, storage: unknown]> {
  const response = await fetch(`${gateway.url}/ready`)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is in it is what the test asks
  const { checks } = (await response.json()) as { checks: Record<string, unknown> }
  return [response.status, checks['storage']]
}

describe('GET /api/usage/summary', () => {
  test('A67 C1010: after three calls it shows their tokens and what they cost, by day, model, route and caller', async () => {
    await using gateway = await startGateway(`${head}usage: { pricing: { ok: { input: 1, output: 2 } } }\n`)
    await chat(gateway)
    await chat(gateway)
    await chat(gateway, { stream: true, stream_options: { include_usage: true } })
    const told = await summary(gateway, '?days=7')
    expect(told).toMatchObject({ days: 7, total_requests: 3, success_requests: 3, success_rate: 1, error_requests: 0 })
    const { prompt_tokens: input, completion_tokens: output, total_tokens: all, estimated_cost_usd: usd } = told
    expect(Number(input)).toBeGreaterThan(0)
    expect(Number(output)).toBeGreaterThan(0)
    expect(all).toBe(Number(input) + Number(output))
    // N220: a few tokens cost millionths, and are not told as nothing.
    expect(Number(usd)).toBeCloseTo((Number(input) + 2 * Number(output)) / 1e6, 9)
    expect(told.daily).toHaveLength(1)
    expect(told.by_model).toMatchObject([{ model: 'm', total_requests: 3 }])
    expect(told['by_backend']).toMatchObject([{ backend: 'up', upstream_model: 'ok', total_requests: 3 }])
    expect(told['by_caller']).toMatchObject([{ caller: 'default', total_requests: 3 }])
    expect(told.recent).toHaveLength(3)
    expect(told.recent[0]).toMatchObject({ model: 'm', backend: 'up', status_code: 200 })
  })

  test.each([
    ['without the key', '', {}, 401],
    ["with the clients' key", '', bearer(clientKey), 401],
    ['with a bad number of days', '?days=0', bearer(adminKey), 400],
    ['with too many days', '?days=366', bearer(adminKey), 400],
    ['with another parameter', '?day=3', bearer(adminKey), 400],
  ])('%s it is refused', async (_name, query, headers, status) => {
    await using gateway = await startGateway(head)
    for (const page of ['summary', 'stream']) {
      const response = await fetch(`${gateway.url}/api/usage/${page}${query}`, { headers })
      expect(response.status).toBe(status)
      await response.text()
    }
  })

  test('usage.enabled: false: there is no such page', async () => {
    await using gateway = await startGateway(`${head}usage: { enabled: false }\n`)
    const response = await fetch(`${gateway.url}/api/usage/summary`, { headers: bearer(adminKey) })
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('usage.enabled')
  })

  test('usage.file keeps the sums over restarts, and usage.retention_days drops older days', async () => {
    await using first = await startGateway(`${head}usage: { file: "USAGE" }\n`.replace('USAGE', './data/usage.db'))
    await chat(first)
    await first.stop()
    const { Database } = await import('bun:sqlite')
    const file = fileOf(first)
    const database = new Database(file)
    database.run('UPDATE usage_daily SET requests = 41')
    database.run(
      "INSERT INTO usage_daily (day, caller, alias, backend, model, requests, updated_ms) VALUES ('2001-01-01', 'c', 'a', 'b', 'm', 7, 1)",
    )
    database.close()
    await using next = await startGateway(`${head}usage: { file: "${file}", retention_days: 30 }\n`)
    await chat(next)
    for (let look = 0; look < 100 && (await summary(next))['total_requests'] !== 42; look++) await Bun.sleep(50)
    expect((await summary(next, '?days=365'))['total_requests']).toBe(42)
    await next.stop()
    const kept = new Database(file, { readonly: true })
    expect(kept.query('SELECT COUNT(*) AS days FROM usage_daily').get()).toEqual({ days: 1 })
    kept.close()
  })
})

test('C1011: GET /api/usage/stream tells the summary at once, and anew when something changed', async () => {
  await using gateway = await startGateway(head)
  const leave = new AbortController()
  const response = await fetch(`${gateway.url}/api/usage/stream?days=1`, {
    headers: bearer(adminKey),
    signal: leave.signal,
  })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  const decoder = new TextDecoder()
  let text = ''
  const reader = response.body?.getReader()
  const until = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) {
      const step = await reader?.read()
      if (step === undefined || step.done) throw new Error(`It ended after: ${text}`)
      text += decoder.decode(step.value, { stream: true })
    }
  }
  await until(/^event: usage\ndata: \{"days":1,.*"total_requests":0/)
  await chat(gateway)
  await until(/\n\nevent: usage\ndata: \{.*"total_requests":1,/)
  leave.abort()
})

test('the log, why and the last requests tell what a request took and cost', async () => {
  const listen = `listen: "127.0.0.1:${await closedPort()}"`
  await using gateway = await startGateway(`${listen}\n${head}usage: { pricing: { ok: { input: 1, output: 2 } } }\n`)
  const id = await chat(gateway)
  await gateway.told(/Request finished:.* tokens=\d+\+\d+ cost=\$[\d.e-]+ end=complete/)
  const page = await fetch(`${gateway.url}/admin/requests/${id}`, { headers: bearer(adminKey) })
  expect(await page.json()).toMatchObject({ usage: { source: 'upstream' }, costUsd: expect.any(Number) })
  const told = Bun.spawnSync([...command, 'why', id, '-config', gateway.configFile], { env: { PATH: '' } })
  expect(told.stdout.toString()).toMatch(/it took \d+ tokens and gave \d+, for \$/)
})

test('usage.pricing_source: prices of a server are used, which is shown usage.pricing_key, and read anew by usage.pricing_refresh', async () => {
  let input = 0.001
  const seen: (string | null)[] = []
  using prices = Bun.serve({
    port: 0,
    fetch(request) {
      seen.push(request.headers.get('authorization'))
      const entry = { model_name: 'ok', model_info: { input_cost_per_token: input, output_cost_per_token: 0 } }
      return Response.json({ data: [entry] })
    },
  })
  const source = `pricing_source: "http://127.0.0.1:${prices.port}/model/info", pricing_key: sk-prices-canary, pricing_refresh: 1s`
  await using gateway = await startGateway(`${head}usage: { ${source} }\n`)
  await gateway.told(/Prices read from .*: 1 model\n/)
  await chat(gateway)
  const first = await summary(gateway)
  expect(first['estimated_cost_usd']).toBeCloseTo(Number(first['prompt_tokens']) * 0.001, 6)
  expect(seen[0]).toBe('Bearer sk-prices-canary')
  input = 0.002
  for (let look = 0; look < 100 && seen.length < 3; look++) await Bun.sleep(50)
  await chat(gateway)
  const second = await summary(gateway)
  const spent = Number(second['estimated_cost_usd']) - Number(first['estimated_cost_usd'])
  expect(spent).toBeCloseTo((Number(second['prompt_tokens']) - Number(first['prompt_tokens'])) * 0.002, 6)
  expect(gateway.output()).not.toContain('sk-prices-canary')
})
