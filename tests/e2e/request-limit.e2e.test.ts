import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { environmentOf, isLinux, openFiles } from '../support/process.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const variable = 'BUN_CONFIG_MAX_HTTP_REQUESTS'
const config = `
backends: [{ name: up, url: "mock://up" }, { name: fetched, url: "http://127.0.0.1:9", transport: fetch }]
models: { m: { routes: [{ backend: up, model: ok }] } }`

describe.skipIf(!isLinux)('the second start that lifts the limit of parallel requests', () => {
  test('happens in the same process and leaves nothing open', async () => {
    await using started = await startGateway(config)
    await using spared = await startGateway(config, { env: { [variable]: '65535' } })
    expect(environmentOf(started.pid)[variable]).toBe('65535')
    expect(openFiles(started.pid)).toHaveLength(openFiles(spared.pid).length)
    expect(openFiles(started.pid).some((file) => file.startsWith('socket:'))).toBe(true)
    expect((await rawRequest(started.url, chatRequest('m'))).status).toBe(200)
    expect(await started.stop()).toBe(0)
  })

  test('does not happen when the variable is set', async () => {
    await using gateway = await startGateway(config, { env: { [variable]: '300' } })
    expect(environmentOf(gateway.pid)[variable]).toBe('300')
  })

  test('does not happen when no backend goes by fetch', async () => {
    await using gateway = await startGateway(config.replace('transport: fetch', 'transport: own'))
    expect(environmentOf(gateway.pid)[variable]).toBeUndefined()
  })

  test('keeps every other variable and every argument as it is', async () => {
    await using first = await startGateway(config)
    const folder = join(first.directory, `a "b" 'c' $d é`)
    mkdirSync(folder)
    const file = join(folder, 'config .yaml')
    copyFileSync(first.configFile, file)
    const env = { ODD: `1 "2" '3' $4 é\n5`, EMPTY: '' }
    await using gateway = await startGateway('', { hasFile: false, args: ['-config', file], env })
    expect(environmentOf(gateway.pid)).toMatchObject(env)
    expect((await rawRequest(gateway.url, chatRequest('m'))).status).toBe(200)
  })

  test.each([
    { name: 'a configuration that is wrong', yaml: 'models: 5', args: [], code: 1 },
    { name: 'a flag that does not exist', yaml: config, args: ['--no-such-flag'], code: 2 },
  ])('keeps the exit code of $name', async ({ yaml, args, code }) => {
    await using gateway = await startGateway(yaml, { args, waits: false })
    expect(await gateway.exited).toBe(code)
  })
})

test('N126: 500 streams on one backend all run at once, and the gateway stays awake', async () => {
  await using mock = servedMock()
  await using gateway = await startGateway(`
backends: [{ name: up, url: "${mock.url}/v1" }]
models: { m: { routes: [{ backend: up, model: "tokens=200+gap=100" }] } }`)
  const clients = await Promise.all(Array.from({ length: 500 }, async () => await rawClient(gateway.url)))
  try {
    const startedMs = performance.now()
    const streams = clients.map((client) => client.send(chatRequest('m')))
    await Promise.all(streams.map(async (stream) => await stream.begun))
    expect(performance.now() - startedMs).toBeLessThan(2000)
    // Every one has its first bytes, and none has ended.
    expect([mock.diary.requests.length, mock.diary.ends.length]).toEqual([500, 0])

    const waitsMs: number[] = []
    for (let turn = 0; turn < 15; turn += 1) {
      const askedMs = performance.now()
      expect((await rawRequest(gateway.url, { path: '/health' })).status).toBe(200)
      waitsMs.push(performance.now() - askedMs)
    }
    expect(waitsMs.toSorted((a, b) => a - b)[7]).toBeLessThan(100)
    expect(mock.diary.ends).toHaveLength(0)
  } finally {
    for (const client of clients) client.close()
  }
  // Whoever leaves is followed.
  for (const deadlineMs = performance.now() + 2000; mock.diary.ends.length < 500 && performance.now() < deadlineMs;)
    await Bun.sleep(20)
  expect(mock.diary.ends.filter((how) => how === 'aborted')).toHaveLength(500)
})
