import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { asObject, parseJson } from '#kit/json-value.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { NamedOrigin } from '../support/named-origin.ts'
import { chatRequest, rawRequest } from '../support/raw-client.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const isWindows = process.platform === 'win32'

/** Who answered each of so many requests. */
async function answeredBy(ask: () => Promise<string>, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let count = 0; count < requests; count += 1) {
    const name = /"content":"(\w+)"/.exec(await ask())?.[1] ?? 'nobody'
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** Status of each backend of the service `svc` by its id, as everybody can see it. */
async function statusOf(gateway: RunningGateway): Promise<Record<string, unknown>> {
  const { text } = await rawRequest(gateway.url, { path: '/api/health/status' })
  const models = asObject(asObject(asObject(parseJson(text))?.['data'])?.['svc'])
  const entries: unknown[] = Array.isArray(models?.['m']) ? models['m'] : []
  return Object.fromEntries(
    entries.map((entry) => [String(asObject(entry)?.['id']), asObject(entry)?.['status']] as const),
  )
}

async function untilStatus(gateway: RunningGateway, wanted: Record<string, string>): Promise<void> {
  const seen: { last: unknown } = { last: undefined }
  const look = async (): Promise<boolean> => Bun.deepEquals((seen.last = await statusOf(gateway)), wanted)
  const untilMs = performance.now() + 8000
  while (!(await look())) {
    if (performance.now() > untilMs)
      throw new Error(`The status stays ${JSON.stringify(seen.last)}\n${gateway.output()}`)
    await Bun.sleep(25)
  }
}

describe('two backends that are processes', () => {
  test('D21 D32 D35 C109: a service leaves the one that dies, and goes back when it is started again', async () => {
    await using a = await NamedOrigin.start('a')
    await using b = await NamedOrigin.start('b')
    await using gateway = await startGateway(`
health_check: { interval: 400ms, timeout: 300ms }
fallback: { cooldown_seconds: 0 }
services:
  svc:
    models:
      m:
        affinity: { by: "off" }
        backends:
          - { id: a, url: "${a.url}" }
          - { id: b, url: "${b.url}" }
`)
    const ask = async (): Promise<string> => {
      const { status, text } = await rawRequest(gateway.url, {
        path: '/svc/m/v1/chat/completions',
        method: 'POST',
        body: '{}',
      })
      expect(status).toBe(200)
      return text
    }
    await untilStatus(gateway, { a: 'healthy', b: 'healthy' })
    expect(a.requests.every((line) => line === 'GET /health')).toBe(true)
    expect(await answeredBy(ask, 20)).toEqual({ a: 10, b: 10 })

    await a.kill()
    // Nobody knows yet: the other one takes over within the same request.
    expect(await answeredBy(ask, 4)).toEqual({ b: 4 })
    await untilStatus(gateway, { a: 'unhealthy', b: 'healthy' })
    await gateway.told(/\[WARN\] Backend is down: backend=svc\/m\/a reason=the connection was refused/)
    expect(await answeredBy(ask, 10)).toEqual({ b: 10 })

    await a.start()
    await untilStatus(gateway, { a: 'healthy', b: 'healthy' })
    await gateway.told(/\[INFO\] Backend is well again: backend=svc\/m\/a latency=\d+ms/)
    expect(await answeredBy(ask, 20)).toEqual({ a: 10, b: 10 })
  })

  test.skipIf(isWindows)('D33 C532: an alias leaves the one that hangs; when both do, readiness says so', async () => {
    await using a = await NamedOrigin.start('a')
    await using b = await NamedOrigin.start('b')
    await using gateway = await startGateway(`
proxy_api_key: sk-client
health_check: { interval: 400ms, timeout: 300ms, success_threshold: 1 }
backends:
  - { name: a, url: "${a.url}/v1" }
  - { name: b, url: "${b.url}/v1" }
models:
  m:
    routes:
      - { backend: a, model: up, priority: 1 }
      - { backend: b, model: up, priority: 2 }
`)
    const ask = async (): Promise<string> =>
      (await rawRequest(gateway.url, chatRequest('m', { stream: false }, 'sk-client'))).text
    const readiness = async (): Promise<number> => (await rawRequest(gateway.url, { path: '/ready' })).status
    await eventually(() => a.requests.includes('GET /v1/models') && b.requests.includes('GET /v1/models'))
    expect(await answeredBy(ask, 3)).toEqual({ a: 3 })
    expect(await readiness()).toBe(200)

    a.signal('SIGSTOP')
    await gateway.told(/Backend is down: backend=a reason=no answer within 300ms/)
    // The way to the one that hangs would take the whole timeout.
    const startedMs = performance.now()
    expect(await answeredBy(ask, 5)).toEqual({ b: 5 })
    expect(performance.now() - startedMs).toBeLessThan(2000)
    expect(await readiness()).toBe(200)

    b.signal('SIGSTOP')
    await gateway.told(/Backend is down: backend=b/)
    expect(await readiness()).toBe(503)

    a.signal('SIGCONT')
    await gateway.told(/Backend is well again: backend=a/)
    expect(await readiness()).toBe(200)
    expect(await answeredBy(ask, 3)).toEqual({ a: 3 })
    b.signal('SIGCONT')
  })

  test('D66: a reload keeps the state of a backend, and checks one at once that moved', async () => {
    await using a = await NamedOrigin.start('a')
    await using b = await NamedOrigin.start('b')
    const yaml = (urlOfA: string, more = ''): string => `
health_check: { interval: 1h }
services: { svc: { models: { m: { backends: [{ id: a, url: "${urlOfA}" }, { id: b, url: "${b.url}" }] } } } }
${more}`
    await using gateway = await startGateway(yaml(a.url))
    await untilStatus(gateway, { a: 'healthy', b: 'healthy' })
    await b.kill()
    gateway.rewrite(yaml(a.url, 'models_require_auth: true'))
    await gateway.told(/Configuration reloaded: version=2/)
    expect(await statusOf(gateway)).toEqual({ a: 'healthy', b: 'healthy' })
    gateway.rewrite(yaml('http://127.0.0.1:1'))
    await gateway.told(/Backend is down: backend=svc\/m\/a/)
    expect(await statusOf(gateway)).toEqual({ a: 'unhealthy', b: 'healthy' })
  })

  test('the first answer does not wait for checks, and the end does not either', async () => {
    await using a = await NamedOrigin.start('a')
    a.signal('SIGSTOP')
    await using gateway = await startGateway(`
health_check: { timeout: 60s }
backends: [{ name: a, url: "${a.url}" }, { name: pretends, url: "mock://x" }]
models: { m: { routes: [{ backend: pretends, model: ok }] } }
`)
    await Bun.sleep(300)
    expect((await rawRequest(gateway.url, chatRequest('m', { stream: false }))).status).toBe(200)
    const startedMs = performance.now()
    expect(await gateway.stop()).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(3000)
    a.signal('SIGCONT')
  })
})
