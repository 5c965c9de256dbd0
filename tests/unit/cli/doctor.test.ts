import { afterEach, beforeEach, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { doctor, type DoctorOptions } from '#cli/doctor.ts'
import type { Io } from '#cli/io.ts'
import { closedPort, plainAnswer, rawOrigin, type RawOrigin } from '../../support/raw-origin.ts'

let folder = ''
let out = ''
let errors = ''
let env: Record<string, string> = {}

const io: Io = {
  stdout: (text) => void (out += text),
  stderr: (text) => void (errors += text),
  print: async (text) => void (out += await Promise.resolve(text)),
  flushed: async () => {},
  get env() {
    return env
  },
  isTty: false,
  onSignal: () => () => {},
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-doctor-'))
  out = ''
  errors = ''
  env = {}
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const config = (): string => join(folder, 'config.yaml')

async function examined(text: string, options: Partial<DoctorOptions> = {}): Promise<number> {
  writeFileSync(config(), text, { mode: 0o600 })
  return await doctor({ config: config(), bundle: undefined, url: undefined, json: false, ...options }, io)
}

/** Answers every request for a list with these models. */
async function lister(...ids: readonly string[]): Promise<RawOrigin> {
  const body = JSON.stringify({ data: ids.map((id) => ({ id })) })
  return await rawOrigin((peer) => {
    const hasKey = peer.request.header('authorization') !== undefined
    peer.end(hasKey ? plainAnswer(body, [`Date: ${new Date().toUTCString()}`]) : plainAnswer('{}', [], '401 No'))
  })
}

const good = `listen: "127.0.0.1:0"
proxy_api_key: sk-canary-proxy-1234567890
backends: [{ name: a, url: "mock://a" }]
models: { m: { routes: [{ backend: a, model: ok }] } }
`

test('a good configuration on a good machine ends with 0', async () => {
  expect(await examined(good)).toBe(0)
  expect(out).toStartWith(`configuration ${config()}\n  ok    1 backend, 1 alias\n`)
  expect(out).toContain('\nbackend a (mock://a)\n  ok    the built-in mock backend')
  expect(out).toContain('\nmachine\n  ok    "127.0.0.1:0" takes whatever port is free\n')
})

test('backends are told in the order of the file, whoever is done first', async () => {
  await using slow = await lister('x')
  const port = await closedPort()
  const code = await examined(`${good.replace(/backends[\s\S]*/, '')}
backends:
  - { name: one, url: "${slow.url.href}v1", api_key: sk-one-12345678 }
  - { name: two, url: "http://127.0.0.1:${port}/v1" }
models: { m: { routes: [{ backend: one, model: y }, { backend: two, model: z }] } }
`)
  expect(code).toBe(1)
  const at = (text: string): number => out.indexOf(text)
  expect(at('backend one')).toBeGreaterThan(0)
  expect(at('warn  the model "y" is not in the list  — correct the name in models."m"')).toBeGreaterThan(
    at('backend one'),
  )
  expect(at('backend two')).toBeGreaterThan(at('backend one'))
  expect(at(`fail  connect to 127.0.0.1:${port} directly`)).toBeGreaterThan(at('backend two'))
  expect(out).toContain('the clock agrees with that of one')
  expect(out).toMatch(/\n1 failed, \d+ to look at\.\n$/)
})

test('many backends are looked at, each once', async () => {
  await using origin = await lister('x')
  const names = Array.from({ length: 20 }, (_, index) => `b${index}`)
  await examined(`${good.replace(/backends[\s\S]*/, '')}
backends:
${names.map((name) => `  - { name: ${name}, url: "${origin.url.href}v1", api_key: sk-${name}-12345678 }`).join('\n')}
models: { m: { routes: [${names.map((name) => `{ backend: ${name}, model: x }`).join(', ')}] } }
`)
  expect(out.match(/the key is accepted/g)?.length).toBe(20)
  expect(origin.received.length).toBe(40)
})

test('a backend is asked for a list in each protocol that routes want of it, by the client that its requests take', async () => {
  await using origin = await lister('x')
  await examined(`${good.replace(/backends[\s\S]*/, '')}
backends: [{ name: one, url: "${origin.url.origin}", api_key: sk-one-12345678, transport: fetch, auth_mode: authorization }]
models:
  m: { routes: [{ backend: one, model: x }, { backend: one, model: x, protocol: ollama }] }
`)
  expect(origin.received.map(({ target }) => target)).toEqual(['/v1/models', '/v1/models', '/api/tags', '/api/tags'])
  expect(out.match(/the key is accepted, the model list has 1 model/g)?.length).toBe(2)
})

test('the address is the one that a start in this environment would take', async () => {
  const port = await closedPort()
  env = { PROXY_PORT: String(port), FLOW_PROXY_HOST: '127.0.0.1' }
  await examined(good)
  expect(out).toContain(`ok    "127.0.0.1:${port}" is free`)
})

test('mistakes in the configuration are told with their lines, and the machine is looked at all the same', async () => {
  expect(await examined(`${good}listen2: x\nmax_body_size: many\n`)).toBe(1)
  expect(out).toContain(`fail  ${config()}:6:16 max_body_size: expected`)
  expect(out).toContain('— correct it in line 6\n')
  expect(out).toContain(`warn  ${config()}:5:1 listen2: warning: unknown key`)
  expect(out.indexOf('max_body_size')).toBeLessThan(out.indexOf('listen2'))
  expect(out).toContain('\nmachine\n')
  expect(out).not.toContain('backend a (')
})

test('no more than ten mistakes are told', async () => {
  await examined(`${good}${Array.from({ length: 15 }, (_, index) => `wrong${index}: 1\n`).join('')}`)
  expect(out).toContain('warn  5 more problems  — "llm-proxy check" tells all of them')
})

test.skipIf(process.platform === 'win32')('a file with keys that others can read is told', async () => {
  writeFileSync(config(), good)
  chmodSync(config(), 0o644)
  await doctor({ config: config(), bundle: undefined, url: undefined, json: false }, io)
  expect(out).toContain(`warn  others can read ${config()}, and it holds keys  — chmod 600 ${config()}`)
})

test('a file without keys may be read by everybody', async () => {
  env = { KEY: 'sk-canary-env-1234567890' }
  writeFileSync(config(), good.replace('sk-canary-proxy-1234567890', '"${KEY}"'))
  chmodSync(config(), 0o644)
  await doctor({ config: config(), bundle: undefined, url: undefined, json: false }, io)
  expect(out).not.toContain('others can read')
})

test('a backend that an unset variable switches off is told', async () => {
  const text = good.replace('url: "mock://a"', 'url: "mock://a", api_key: "${NOT_SET}", enabled: auto')
  await examined(text)
  expect(out).toContain(
    'warn  backend "a" is off: NOT_SET is not set  — set NOT_SET, also for the service, to switch it on',
  )
})

test.each([
  {
    name: 'a missing file',
    options: { config: '/none/config.yaml' },
    says: 'Cannot read "/none/config.yaml": there is no such file\n',
  },
  { name: 'no address', options: { url: 'gateway' }, says: 'llm-proxy doctor: --url: expected an address such as' },
  {
    name: 'credentials in the address',
    options: { url: 'https://u:p@gateway' },
    says: 'llm-proxy doctor: --url: expected',
  },
])('$name ends with 2', async ({ options, says }) => {
  expect(await examined(good, options)).toBe(2)
  expect(errors).toStartWith(says)
  expect(out).toBe('')
})

test('--json prints one object for programs', async () => {
  expect(await examined(good, { json: true })).toBe(0)
  const printed: { ok: boolean; sections: { title: string; findings: { level: string }[] }[] } = JSON.parse(out)
  expect(printed.ok).toBe(true)
  expect(printed.sections.map(({ title }) => title)).toEqual([
    `configuration ${config()}`,
    'backend a (mock://a)',
    'machine',
  ])
  expect(printed.sections[0]?.findings[0]).toMatchObject({ level: 'ok', what: '1 backend, 1 alias' })
})

test('--url asks the gateway as its clients see it', async () => {
  await using front = await rawOrigin((peer) => {
    const { target } = peer.request
    if (target === '/health') return peer.end(plainAnswer('{"service":"llm-proxy","version":"9.9"}'))
    peer.end(plainAnswer('data: {}\n\n'.repeat(5), ['Content-Type: text/event-stream']))
  })
  expect(await examined(good, { url: front.url.href })).toBe(1)
  expect(out).toContain(`\nin front ${front.url.origin}\n  ok    connected to `)
  expect(out).toContain('ok    llm-proxy 9.9 answers\n  fail  streams are buffered on their way')
  expect(front.received.map(({ target }) => target)).toEqual(['/health', '/admin/sse-probe'])
  expect(front.received[1]?.header('authorization')).toBe('Bearer sk-canary-proxy-1234567890')
})

// Each in a place of its own, where it might come out.
const canaries = {
  proxy: 'sk-canary-proxy-0a1b2c3d4e5f',
  admin: 'canary-admin-0a1b2c3d4e5f6a7b',
  backend: 'canarybackend0a1b2c3d4e5f6a7b',
  header: 'canary-header-0a1b2c3d4e5f6a',
  password: 'canary-password-0a1b2c3d4e5f',
  environment: 'canary-environment-0a1b2c3d4',
  file: 'canary-file-0a1b2c3d4e5f6a7b8',
  wrong: 'canary-wrong-name-0a1b2c3d4e5',
  comment: 'canary-comment-0a1b2c3d4e5f6',
  foreign: 'sk-canary-foreign-0a1b2c3d4e',
}

test.each([
  { form: 'text', bundleName: 'report.txt', json: false },
  { form: 'JSON', bundleName: 'report.json', json: false },
  { form: 'JSON on request', bundleName: 'report', json: true },
])('no secret is in any output or in a bundle of $form', async ({ bundleName, json }) => {
  // A backend that sends back whatever it is sent, in its header lines too.
  await using mean = await rawOrigin((peer) => {
    const told = JSON.stringify(peer.request.headers)
    const location = peer.request.header('authorization') ?? 'none'
    peer.end(
      plainAnswer(
        `{"error":{"message":${JSON.stringify(told)},"code":"${canaries.backend}"}}`,
        [`Location: /${location}`],
        '302 No',
      ),
    )
  })
  mkdirSync(join(folder, 'logs'))
  writeFileSync(join(folder, 'key'), canaries.file)
  writeFileSync(
    join(folder, 'logs', 'p_2026-01-13.log'),
    `2026-01-13 09:41:00 [INFO] one\nAuthorization: Bearer ${canaries.foreign}\n${Object.values(canaries).slice(0, 7).join(' ')}\n`,
  )
  env = {
    SOME_API_KEY: 'canary-used-0a1b2c3d4e5f6a7b',
    OTHER_API_KEY: canaries.environment,
    HTTPS_PROXY: `http://u:${canaries.password}@p:1`,
  }
  const bundle = join(folder, bundleName)
  await examined(
    `listen: "127.0.0.1:0"
# ${canaries.comment}
proxy_api_key: ${canaries.proxy}
proxy_api_kee: ${canaries.wrong}
admin: { key: ${canaries.admin} }
outbound_proxy: { url: "http://u:${canaries.password}@127.0.0.1:${await closedPort()}" }
logging: { general_file: ${join(folder, 'logs', 'p.log')} }
backends:
  - { name: a, url: "${mean.url.href}v1", api_key: ${canaries.backend}, headers: { x-team-token: ${canaries.header} } }
  - { name: b, url: "${mean.url.href}v1", api_key: "\${file:${join(folder, 'key')}}" }
  - { name: c, url: "http://example.test/v1", api_key: "\${SOME_API_KEY}" }
models: { m: { routes: [{ backend: a, model: ok }, { backend: b, model: ok }, { backend: c, model: ok }] } }
`,
    { bundle, json },
  )
  expect(mean.received.length).toBeGreaterThanOrEqual(2)
  const report = readFileSync(bundle, 'utf8')
  expect(report).toContain('2026-01-13 09:41:00 [INFO] one')
  for (const canary of Object.values(canaries)) {
    expect(out).not.toContain(canary)
    expect(errors).not.toContain(canary)
    expect(report).not.toContain(canary)
  }
})

test('a bundle holds what others need to help', async () => {
  const bundle = join(folder, 'report.txt')
  expect(await examined(`${good}wrong: 1\n`, { bundle })).toBe(0)
  const report = readFileSync(bundle, 'utf8')
  expect(report).toMatch(
    /^== llm-proxy doctor ==\nmade at: \d{4}-.*Z\nversion: .*\ncommit: .*\nbuilt: .*\nruntime: bun /,
  )
  expect(report).toContain('\n== Findings ==\nconfiguration ')
  expect(report).toContain('\n== Problems of the configuration ==\n')
  expect(report).toContain('wrong: warning: unknown key')
  expect(report).toContain('without secrets ==\nlisten: 127.0.0.1:0\nproxy_api_key: "****"\n')
  expect(report).toContain('\n== Log ==\nthere is no log file')
  if (process.platform !== 'win32') expect(statSync(bundle).mode & 0o777).toBe(0o600)
  expect(out).toContain(`Wrote ${bundle}`)
})

test('a bundle never takes the place of another file', async () => {
  const bundle = join(folder, 'mine.txt')
  writeFileSync(bundle, 'mine')
  expect(await examined(good, { bundle })).toBe(2)
  expect(readFileSync(bundle, 'utf8')).toBe('mine')
  expect(errors).toContain('it exists already')
})

test('a bundle that cannot be written is told', async () => {
  const bundle = join(folder, 'none', 'report.txt')
  expect(await examined(good, { bundle })).toBe(1)
  expect(existsSync(bundle)).toBe(false)
  expect(errors).toContain(`llm-proxy doctor: Cannot write "${bundle}"`)
})
