import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { askChat } from '../support/ask.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { isLinux, residentBytes } from '../support/process.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'

// Each way of saving, F55 to F58, F60 to F62 and F65 are proven in reload.e2e.test.ts, which is about nothing else. Here
// stands what a bad configuration must not do.

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const good = `
listen: "127.0.0.1:0"
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
`

const refused = /\[WARN\] Cannot reload .*, the last good configuration stays.*/

interface BadEdit {
  readonly name: string
  readonly text: string
  /** What the line in the log says, place included. */
  readonly says: RegExp
}

const edits: readonly BadEdit[] = [
  { name: 'F54: text that is no YAML', text: `${good}models: {\n  m: [\n`, says: /config\.yaml:\d+:\d+/ },
  { name: 'F54: bytes that are no text', text: `${good}\0\u{fffd}\u0001`, says: /config\.yaml/ },
  {
    name: 'F59: a route to a backend that does not exist',
    text: good.replace('backend: up', 'backend: un'),
    says: /config\.yaml:4:\d+ models\.m\.routes\[0\]\.backend: .*"un"/,
  },
  {
    name: 'F59: two backends of one name',
    text: good.replace(
      '[{ name: up, url: "mock://up" }]',
      '[{ name: up, url: "mock://up" }, { name: up, url: "mock://b" }]',
    ),
    says: /config\.yaml:3:\d+ backends\[1\]\.name: /,
  },
  {
    name: 'F59: a priority that is none',
    text: good.replace('model: ok }', 'model: ok, priority: 1.5 }'),
    says: /config\.yaml:4:\d+ models\.m\.routes\[0\]\.priority: /,
  },
  {
    name: 'F59: a limit that is none',
    text: `${good}timeout: { idle: soon }\n`,
    says: /config\.yaml:5:\d+ timeout\.idle: /,
  },
  {
    name: 'F62: a variable that is not set',
    text: good.replace('mock://up', '${NO_SUCH_VARIABLE}'),
    says: /config\.yaml:3:\d+ .*NO_SUCH_VARIABLE/,
  },
  {
    name: 'F63: a million routes',
    text: `${good}  n:\n    routes:\n${'      - { backend: up, model: ok }\n'.repeat(1_000_000)}`,
    says: /larger than \d+mb/,
  },
  {
    name: 'F63: more routes than an alias may have',
    text: good.replace(
      'routes: [{ backend: up, model: ok }]',
      `routes: [${'{backend: up, model: ok},'.repeat(20_000)}]`,
    ),
    says: /models\.m\.routes|larger than/,
  },
  { name: 'F64: a bomb of aliases', text: bomb(), says: /alias/i },
  { name: 'F64: an anchor that holds itself', text: `${good}x: &x [*x]\n`, says: /config\.yaml/ },
]

describe.concurrent('a bad edit is refused whole, told once with its place, and the old configuration serves on', () => {
  test.each(edits)('$name', async ({ text, says }) => {
    await using gateway = await startGateway(good)
    const before = isLinux ? residentBytes(gateway.pid) : 0
    using client = await rawClient(gateway.url)
    // A change that is good stands beside the bad one, and must not be taken either.
    writeFileSync(gateway.configFile, text.replace('model: ok', 'model: e500'))
    const [line] = await gateway.told(refused, 5000)
    expect(line).toMatch(says)
    // It waits for nobody: a request on an open connection is served as before.
    expect((await client.send(chatRequest('m', { stream: false })).ended).status).toBe(200)
    expect((await askChat(gateway.url, 'm')).status).toBe(200)
    const ready = await rawRequest(gateway.url, { path: '/ready' })
    expect([ready.status, JSON.parse(ready.text).config_version]).toEqual([200, 1])
    if (isLinux) expect(residentBytes(gateway.pid) - before).toBeLessThan(400_000_000)
    expect(countOf(gateway, refused)).toBe(1)
    writeFileSync(
      gateway.configFile,
      good.replace('models:', 'models_require_auth: false\nmodels:').replace('m:', 'n:'),
    )
    await gateway.told(/reloaded: version=2/)
    expect((await askChat(gateway.url, 'n')).status).toBe(200)
  })
})

test('F54: readiness says that the file cannot be used, although the gateway is ready', async () => {
  await using gateway = await startGateway(good)
  writeFileSync(gateway.configFile, 'models: [')
  await gateway.told(refused)
  const { status, text } = await rawRequest(gateway.url, { path: '/ready' })
  expect(status).toBe(200)
  expect(JSON.parse(text).checks.config).not.toBe('ok')
})

test('F55: a file that grows while it is read is not taken before it is still', async () => {
  await using gateway = await startGateway(good)
  // Each part by itself is a valid configuration, only the last one is what was meant.
  const block = good.replace('models: { m: { routes: [{ backend: up, model: ok }] } }', 'models:')
  writeFileSync(gateway.configFile, `${block}  m: { routes: [{ backend: up, model: ok }] }\n`)
  for (let turn = 0; turn < 20; turn += 1) {
    appendFileSync(gateway.configFile, `  n${turn}: { routes: [{ backend: up, model: ok }] }\n`)
    await Bun.sleep(20)
  }
  await gateway.told(/alias n19 added/)
  expect(countOf(gateway, /reloaded: version=/)).toBeLessThan(5)
  expect((await askChat(gateway.url, 'n19')).status).toBe(200)
})

test('F58: requests go on while the file is away, and the next one counts', async () => {
  await using gateway = await startGateway(good)
  rmSync(gateway.configFile)
  await gateway.told(/\[WARN\] Cannot read /)
  expect((await askChat(gateway.url, 'm')).status).toBe(200)
  writeFileSync(gateway.configFile, good.replace('m:', 'n:'))
  await gateway.told(/reloaded: version=2/)
  expect([(await askChat(gateway.url, 'm')).status, (await askChat(gateway.url, 'n')).status]).toEqual([404, 200])
})

test('F60: under load no request sees two configurations, and none is lost', async () => {
  const version = (at: number): string =>
    good.replace('model: ok }', `model: "ok", priority: ${at} }`).replace('mock://up', `mock://up-${at}`)
  await using gateway = await startGateway(version(1))
  const statuses: number[] = []
  const over = { now: false }
  const clients = Promise.all(
    Array.from({ length: 8 }, async () => {
      using client = await rawClient(gateway.url)
      while (!over.now) statuses.push((await client.send(chatRequest('m', { stream: false })).ended).status)
    }),
  )
  for (let at = 2; at <= 6; at += 1) {
    writeFileSync(gateway.configFile, version(at))
    await gateway.told(new RegExp(`reloaded: version=${at} `))
  }
  over.now = true
  await clients
  expect(statuses.length).toBeGreaterThan(50)
  expect(statuses.filter((status) => status !== 200)).toEqual([])
  await eventually(() => countOf(gateway, /Request finished/) === statuses.length)
})

function countOf(gateway: RunningGateway, pattern: RegExp): number {
  return [...gateway.output().matchAll(new RegExp(pattern, 'g'))].length
}

/** Ten lines that would be ten billion values. */
function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let at = 1; at < 10; at += 1)
    lines.push(`a${at}: &a${at} [${Array.from({ length: 10 }, () => `*a${at - 1}`).join(', ')}]`)
  return `${good}${lines.join('\n')}\n`
}
