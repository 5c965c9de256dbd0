import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { chatRequest, rawClient, rawRequest, type ClientRequest } from '../support/raw-client.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const isWindows = process.platform === 'win32'

/** Every alias is a behaviour of the built-in mock backend. */
function configOf(more = ''): string {
  const models = {
    short: 'tokens=12+gap=50',
    endless: 'tokens=10000+gap=50',
    silent: 'hang',
    flood: 'tokens=100000',
    quick: 'ok',
  }
  const aliases = Object.entries(models).map(
    ([alias, model]) => `  ${alias}: { routes: [{ backend: up, model: "${model}" }] }`,
  )
  return `backends: [{ name: up, url: "mock://up" }]\nmodels:\n${aliases.join('\n')}\n${more}\n`
}

async function stopping(gateway: RunningGateway, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  gateway.signal(signal)
  await gateway.told(/Shutting down on /)
}

describe.skipIf(isWindows)('the order to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'B118, N129: on %s a running stream is finished and told, then the process ends with 0',
    async (signal) => {
      await using gateway = await startGateway(configOf('logging: { general_file: ./logs/proxy.log }'))
      using client = await rawClient(gateway.url)
      const stream = client.send(chatRequest('short'))
      await stream.begun
      await stopping(gateway, signal)
      const { status, text, isWhole } = await stream.ended
      expect([status, isWhole]).toEqual([200, true])
      expect(text).toEndWith('data: [DONE]\n\n')
      expect(await gateway.exited).toBe(0)

      const [name = ''] = readdirSync(join(gateway.directory, 'logs'))
      const lines = readFileSync(join(gateway.directory, 'logs', name), 'utf8')
        .trim()
        .split('\n')
        .slice(-3)
      expect(lines[0]).toContain(`Shutting down on ${signal}: 1 request in flight, waiting up to 30s`)
      expect(lines[1]).toMatch(/\[INFO\] \[req_[0-9a-f]{24}\] Request finished: backend=up status=200/)
      expect(lines[2]).toContain('[INFO] Shut down: 0 requests in flight')
      for (const line of lines) expect(gateway.output()).toContain(line)
    },
  )

  test('with nothing to do the process ends at once', async () => {
    await using gateway = await startGateway(configOf())
    await (await fetch(`${gateway.url}/health`)).text()
    const startedMs = performance.now()
    expect(await gateway.stop()).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })

  test('B118: a request that waits for its answer gets it', async () => {
    await using gateway = await startGateway(configOf('').replace('model: "ok"', 'model: "slow=500"'))
    using client = await rawClient(gateway.url)
    const answer = client.send(chatRequest('quick', { stream: false }))
    await gateway.told(/Request received/)
    await stopping(gateway)
    expect(await answer.ended).toMatchObject({ status: 200, isWhole: true })
    expect(await client.closed).toBe('fin')
    expect(await gateway.exited).toBe(0)
  })

  test('B118: no new connections are taken, and requests that come on others get 503', async () => {
    await using gateway = await startGateway(configOf())
    using busy = await rawClient(gateway.url)
    using idle = await rawClient(gateway.url)
    using late = await rawClient(gateway.url)
    using probe = await rawClient(gateway.url)
    const drains = Promise.withResolvers<void>()
    const lateAnswer = late.send({ ...chatRequest('quick'), after: drains.promise })
    const readiness = probe.send({ path: '/ready', after: drains.promise })
    const stream = busy.send(chatRequest('short'))
    await stream.begun
    expect((await idle.send(chatRequest('quick')).ended).status).toBe(200)
    await stopping(gateway)
    drains.resolve()

    expect(await rawClient(gateway.url).catch(() => 'refused')).toBe('refused')
    expect(await idle.closed).toBe('fin')
    const { status, headers, text } = await lateAnswer.ended
    expect(status).toBe(503)
    expect([headers.get('connection'), headers.get('retry-after')]).toEqual(['close', '1'])
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'shutting_down' } })
    expect(await late.closed).toBe('fin')
    const ready = await readiness.ended
    expect([ready.status, JSON.parse(ready.text).checks.draining]).toEqual([503, 'the server is shutting down'])
    expect((await stream.ended).isWhole).toBe(true)
    expect(await gateway.exited).toBe(0)
  })
})

describe.skipIf(isWindows)('when the time to finish is over', () => {
  const dialects: readonly { name: string; request: ClientRequest; says: RegExp; never: string }[] = [
    {
      name: 'Chat Completions',
      request: chatRequest('endless'),
      says: /\n\ndata: \{"error":\{"message":"[^"]*shutting down","type":"server_error","code":"shutting_down".*\}\n\n$/,
      never: '[DONE]',
    },
    {
      name: 'Responses',
      request: {
        method: 'POST',
        path: '/v1/responses',
        headers: { 'content-type': 'application/json' },
        body: '{"model":"endless","stream":true,"input":"hi"}',
      },
      says: /\n\nevent: response\.failed\ndata: \{.*shutting down.*\}\n\n$/,
      never: 'response.completed',
    },
    {
      name: 'Messages',
      request: {
        method: 'POST',
        path: '/v1/messages',
        headers: { 'content-type': 'application/json' },
        body: '{"model":"endless","stream":true,"max_tokens":10000,"messages":[{"role":"user","content":"hi"}]}',
      },
      says: /\n\nevent: error\ndata: \{"type":"error".*shutting down.*\}\n\n$/,
      never: 'message_stop',
    },
    {
      name: 'Gemini',
      request: {
        method: 'POST',
        path: '/v1beta/models/endless:streamGenerateContent?alt=sse',
        headers: { 'content-type': 'application/json' },
        body: '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}',
      },
      says: /\{"error":\{"code":503,"message":"[^"]*shutting down","status":"UNAVAILABLE"\}\}$/,
      never: '"finishReason":"STOP"',
    },
  ]

  test('a stream of each kind ends with an error of its own protocol, a waiting request with 503, the process with 0', async () => {
    await using gateway = await startGateway(configOf('shutdown: { drain_timeout: 1s }'))
    const clients = await Promise.all([...dialects, undefined].map(async () => await rawClient(gateway.url)))
    const waiting = clients[dialects.length]?.send(chatRequest('silent', { stream: false }))
    const streams = dialects.map(({ request }, index) => clients[index]?.send(request))
    await Promise.all(streams.map(async (stream) => await stream?.begun))
    const startedMs = performance.now()
    await stopping(gateway)
    for (const [index, stream] of streams.entries()) {
      const answer = await stream?.ended
      expect(answer?.text).toMatch(dialects[index]?.says ?? /^$/)
      expect(answer?.text).not.toContain(dialects[index]?.never ?? '')
      expect(answer?.isWhole).toBe(dialects[index]?.request.path === '/v1/responses')
    }
    const refused = await waiting?.ended
    expect([refused?.status, refused?.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await gateway.exited).toBe(0)
    expect(performance.now() - startedMs).toBeWithin(900, 3000)
    const output = gateway.output()
    expect(output).toMatch(/\[WARN\] Shut down by force: 5 requests were cut\n$/)
    expect(output.match(/\[WARN\] \[req_\w+\] Stream broken: .*shutting down/g)).toHaveLength(4)
    expect(output).toMatch(/Request failed: status=503 code=shutting_down/)
    for (const client of clients) client.close()
  })

  test('a second signal does not wait for it', async () => {
    await using gateway = await startGateway(configOf())
    using client = await rawClient(gateway.url)
    const stream = client.send(chatRequest('endless'))
    await stream.begun
    await stopping(gateway)
    const startedMs = performance.now()
    gateway.signal('SIGTERM')
    const { text, isWhole } = await stream.ended
    expect([text.includes('shutting_down'), isWhole]).toEqual([true, false])
    expect(await gateway.exited).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(1000)
    expect(gateway.output()).toMatch(/\[WARN\] Shut down by force: 1 request was cut\n$/)
  })

  test('clients that ask nothing, ask half of something or read nothing do not hold it up', async () => {
    await using gateway = await startGateway(configOf('shutdown: { drain_timeout: 1s }'))
    using halfway = await rawClient(gateway.url)
    using slow = await rawClient(gateway.url)
    using silent = await rawClient(gateway.url)
    silent.pause()
    void halfway.send({ ...chatRequest('quick'), length: 1000 })
    await slow.send(chatRequest('flood')).begun
    slow.pause()
    const startedMs = performance.now()
    await stopping(gateway)
    expect(gateway.output()).toContain('2 requests in flight')
    expect(await gateway.exited).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(4000)
  })
})

describe.skipIf(isWindows)('a unix socket', () => {
  async function onSocket(path: string): Promise<RunningGateway> {
    return await startGateway(`listen: "unix:${path}"\n${configOf()}`, { waits: false })
  }

  test('serves, is gone after the end, and a stale one is no obstacle', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-socket-'))
    const path = join(folder, 'proxy.sock')
    {
      await using killed = await onSocket(path)
      await killed.told(/listening on unix:/)
      killed.signal('SIGKILL')
      await killed.exited
      expect(existsSync(path)).toBe(true)
    }
    await using gateway = await onSocket(path)
    await gateway.told(/listening on unix:/)
    const answer = await rawRequest(`unix:${path}`, chatRequest('quick'))
    expect([answer.status, answer.isWhole]).toEqual([200, true])
    await gateway.told(/Request received: model=quick client=\S+/)
    const [curl] = await gateway.told(/^curl [\s\S]*?\}'$/m)
    expect(curl).toContain(`--unix-socket ${path}`)
    expect(await gateway.stop()).toBe(0)
    expect(existsSync(path)).toBe(false)
    rmSync(folder, { recursive: true })
  })

  test('of a running gateway is not taken over by a second one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-socket-'))
    const path = join(folder, 'proxy.sock')
    await using first = await onSocket(path)
    await first.told(/listening on unix:/)
    await using second = await onSocket(path)
    expect(await second.exited).toBe(1)
    expect(second.output()).toContain(`Cannot listen on "${path}"`)
    expect((await rawRequest(`unix:${path}`, { path: '/healthz' })).text).toBe('ok')
    expect(await first.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })
})
