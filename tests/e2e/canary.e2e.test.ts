import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, startGateway, type RunningGateway } from '../support/gateway.ts'
import { rawRequest, type ClientAnswer, type ClientRequest } from '../support/raw-client.ts'
import {
  chunk,
  chunkedHead,
  closedPort,
  plainAnswer,
  rawOrigin,
  type RawOrigin,
  type RawPeer,
} from '../support/raw-origin.ts'
import { selfSigned } from '../support/tls.ts'

/** Each is found nowhere but where this test puts it. */
const secrets = {
  client: 'sk-client-canary-1a2b3c4d5e6f',
  wrongClient: 'wrong-client-canary-7a8b9c0d',
  admin: 'sk-admin-canary-1f2e3d4c5b6a',
  bearer: 'opaque.bearer.canary.0f1e2d3c',
  anthropic: 'sk-ant-canary-11aa22bb33cc44dd',
  gemini: 'AIzaCanary0000000000000000000000gemini',
  azure: 'azurecanary55ee66ff77008899aabb',
  fromFile: 'file-canary-99887766554433',
  common: 'common-canary-abc123def456',
  header: 'header-canary-fedcba987654',
  odd: `odd canary "quoted" \\ & 100% = "x"`,
  proxyUser: 'proxyuser-canary-314159',
  proxyPassword: 'proxypass-canary-271828',
  query: 'query-canary-161803398874',
} as const

const prompt = 'prompt-canary-the-private-words'
const saying = 'answer-canary-the-private-reply'

/** How a secret may stand somewhere: plain, in a URL, in JSON, in Base64, and the middle that masks never show. */
function formsOf(secret: string): readonly string[] {
  const plain = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), secret.slice(5, -4)]
  const basic = `${secrets.proxyUser}:${secrets.proxyPassword}`
  return [...plain, Buffer.from(secret).toString('base64'), Buffer.from(basic).toString('base64')]
}

function leaksIn(where: string, text: string): readonly string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    formsOf(secret)
      .filter((form) => text.includes(form))
      .slice(0, 1)
      .map(
        (form) => `${name} in ${where}: ${text.slice(Math.max(0, text.indexOf(form) - 80), text.indexOf(form) + 8)}`,
      ),
  )
}

/** What an answer shows to whoever gets it. */
function shown({ headers, text }: ClientAnswer): string {
  return [...headers].map(([name, value]) => `${name}: ${value}`).join('\n') + text
}

/** What the key of a backend was, as it arrived. */
function keyOf(peer: RawPeer): string {
  const names = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key']
  return names.map((name) => peer.request.header(name) ?? '').join('')
}

/** An upstream that tells whatever it was sent, in whatever way it is asked to. */
const scripts: Record<string, (peer: RawPeer) => void> = {
  good: (peer) =>
    peer.write(
      plainAnswer(`{"choices":[{"message":{"content":"${saying}"}}]}`, [
        'Content-Type: application/json',
        `X-Key-Was: ${keyOf(peer)}`,
        `X-Api-Key: ${keyOf(peer)}`,
        `Set-Cookie: key=${keyOf(peer)}`,
      ]),
    ),
  ...Object.fromEntries(
    [400, 401, 403, 404, 429, 500, 503].map((status) => [
      `e${status}`,
      (peer: RawPeer): void => {
        const error = { message: `wrong key ${keyOf(peer)}: ${JSON.stringify(peer.request.headers)}`, type: 'x' }
        const lines = ['Content-Type: application/json', `X-Key-Was: ${keyOf(peer)}`]
        peer.write(plainAnswer(JSON.stringify({ error }), lines, `${status} No`))
      },
    ]),
  ),
  breaks: (peer) => {
    peer.write(chunkedHead() + chunk(`data: {"choices":[{"index":0,"delta":{"content":"${saying}"}}]}\n\n`))
    peer.reset()
  },
  'error-event': (peer) => {
    const error = { message: `wrong key ${keyOf(peer)}` }
    peer.end(chunkedHead() + chunk(`data: ${JSON.stringify({ error })}\n\n`) + chunk(''))
  },
  garbage: (peer) => peer.end(`${keyOf(peer)}\r\n\r\n`),
  'bad-header': (peer) => peer.end(`HTTP/1.1 200 OK\r\nX Bad ${keyOf(peer)}\r\n\r\n`),
  'bad-json': (peer) => peer.end(plainAnswer(`<html>${keyOf(peer)}`, ['Content-Type: text/html'])),
}

const modes = ['bearer', 'anthropic', 'gemini', 'azure', 'fromFile', 'common', 'odd', 'fetched'] as const

let origin: RawOrigin
let tls: RawOrigin
let port = 0
let folder = ''

beforeAll(async () => {
  origin = await rawOrigin((peer) => {
    // The model stands in the path for Gemini, in the body for all others.
    const model = /"model"\s*:\s*"([^"]*)"/.exec(peer.request.body.toString())?.[1]
    const script = scripts[model ?? /models\/([^:]*):/.exec(peer.request.target)?.[1] ?? '']
    if (script === undefined) peer.reset()
    else script(peer)
  })
  tls = await rawOrigin((peer) => peer.write(plainAnswer('{}')), { tls: selfSigned })
  port = await closedPort()
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  writeFileSync(join(folder, 'key'), `${secrets.fromFile}\n`)
  chmodSync(join(folder, 'key'), 0o600)
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await Promise.all([origin.stop(), tls.stop()])
})

const env = {
  CLIENT_KEY: secrets.client,
  BEARER_KEY: secrets.bearer,
  ODD_KEY: secrets.odd,
  PROXY_URL: `http://${secrets.proxyUser}:${secrets.proxyPassword}@127.0.0.1:1`,
}

function config(logging: string): string {
  const url = origin.url.origin
  const aliases = modes.flatMap((mode) =>
    Object.keys(scripts).map((script) => `  ${mode}-${script}: { routes: [{ backend: ${mode}, model: ${script} }] }`),
  )
  return `
proxy_api_key: "\${CLIENT_KEY}"
admin: { key: ${secrets.admin} }
upstream_default_key: ${secrets.common}
backends:
  - { name: bearer, url: "${url}/v1", api_key: "\${BEARER_KEY}", protocol: any, headers: { X-Team-Token: ${secrets.header} } }
  - { name: anthropic, url: "${url}", api_key: ${secrets.anthropic}, protocol: anthropic }
  - { name: gemini, url: "${url}", api_key: ${secrets.gemini}, protocol: gemini }
  - { name: azure, url: "${url}", api_key: ${secrets.azure}, protocol: any, auth_mode: api-key }
  - { name: fromFile, url: "${url}", api_key: "\${file:${join(folder, 'key').replaceAll('\\', '/')}}", protocol: any }
  - { name: common, url: "${url}", protocol: any }
  - { name: odd, url: "${url}", api_key: "\${ODD_KEY}", protocol: any }
  - { name: fetched, url: "${url}", api_key: ${secrets.gemini}, protocol: any, transport: fetch }
  - { name: refused, url: "http://127.0.0.1:${port}", api_key: ${secrets.azure}, protocol: any }
  - { name: untrusted, url: "${tls.url.origin}", api_key: ${secrets.anthropic}, protocol: any }
  - { name: plain-tls, url: "https://127.0.0.1:${origin.url.port}", api_key: ${secrets.anthropic}, protocol: any }
  - { name: nowhere, url: "http://no-such.invalid", api_key: ${secrets.odd.slice(0, 3)}-${secrets.query}, protocol: any }
  - { name: proxied, url: "http://far.invalid", outbound_proxy: "\${PROXY_URL}", api_key: ${secrets.azure}, protocol: any }
models:
${aliases.join('\n')}
  refused: { routes: [{ backend: refused, model: x }] }
  untrusted: { routes: [{ backend: untrusted, model: x }] }
  plain-tls: { routes: [{ backend: plain-tls, model: x }] }
  nowhere: { routes: [{ backend: nowhere, model: x }] }
  proxied: { routes: [{ backend: proxied, model: x }] }
fallback: { cooldown_seconds: 0 }
timeout: { dns: 500ms, connect: 1s }
headers: { debug: true }
logging: { ${logging} }
`
}

/** A request for an alias in the dialect that its backend speaks. */
function requestFor(alias: string, stream: boolean): ClientRequest {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secrets.client}` }
  const messages = [{ role: 'user', content: prompt }]
  if (alias.startsWith('gemini-')) {
    const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
    const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: prompt }] }] })
    return { method: 'POST', path: `/v1beta/models/${alias}:${verb}`, headers, body }
  }
  const path = alias.startsWith('anthropic-') ? '/v1/messages' : '/v1/chat/completions'
  return { method: 'POST', path, headers, body: JSON.stringify({ model: alias, max_tokens: 5, messages, stream }) }
}

/** All that can go well and wrong, with what each client was shown. */
async function runAll(gateway: RunningGateway): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, string>()
  const ask = async (name: string, request: ClientRequest): Promise<void> => {
    try {
      seen.set(name, shown(await rawRequest(gateway.url, request)))
    } catch (error) {
      seen.set(name, String(error))
    }
  }
  const aliases = modes.flatMap((mode) => Object.keys(scripts).map((script) => `${mode}-${script}`))
  const others = ['refused', 'untrusted', 'plain-tls', 'nowhere', 'proxied', 'unknown']
  await Promise.all(
    [...aliases, ...others].map(async (alias) => {
      await ask(alias, requestFor(alias, alias.endsWith('breaks') || alias.endsWith('event')))
    }),
  )
  const { body = '', path } = requestFor('bearer-good', false)
  const turnedAway: Record<string, Record<string, string>> = {
    'a wrong key': { authorization: `Bearer ${secrets.wrongClient}` },
    'a basic key': { authorization: `Basic ${Buffer.from(secrets.wrongClient).toString('base64')}` },
    'two keys': { authorization: `Bearer ${secrets.client}`, 'x-api-key': secrets.wrongClient },
  }
  for (const [name, headers] of Object.entries(turnedAway)) await ask(name, { method: 'POST', path, headers, body })
  await ask('a key in the query', { method: 'POST', path: `${path}?key=${secrets.query}&x=1`, body })
  await ask('a key in a strange path', { path: `/nowhere?token=${secrets.query}` })
  await ask('health', { path: '/health' })
  await ask('models', { path: '/v1/models', headers: { authorization: `Bearer ${secrets.client}` } })
  for (const page of ['', '/requests?limit=500', '/routes', '/config', '/explain?model=bearer-good', '/nothing']) {
    await ask(`admin${page}`, { path: `/admin${page}`, headers: { authorization: `Bearer ${secrets.admin}` } })
    await ask(`admin${page}, refused`, { path: `/admin${page}`, headers: { 'x-api-key': secrets.wrongClient } })
  }
  return seen
}

function filesBelow(directory: string, except: string): { readonly where: string; readonly text: string }[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => file !== except)
    .map((file) => ({ where: file.slice(directory.length + 1), text: readFileSync(file, 'utf8') }))
}

const everything = 'level: debug, general_file: ./logs/proxy.log, separate_files: true, enable_metrics: true'
const dumps = 'categories: { request_body: { level: debug, path: ./logs/dumps } }'

describe.each([
  { name: 'the usual log', logging: 'level: info, general_file: ./logs/proxy.log', showsPrompts: false },
  { name: 'all that can be logged, in Chinese', logging: `${everything}, ${dumps}, language: zh`, showsPrompts: true },
  { name: 'all of it for machines', logging: `${everything}, ${dumps}, format: json`, showsPrompts: true },
])('I9, H13: no secret is told with $name', ({ logging, showsPrompts }) => {
  let seen: ReadonlyMap<string, string> = new Map()
  let texts: { readonly where: string; readonly text: string }[] = []

  beforeAll(async () => {
    await using gateway = await startGateway(config(logging), { env, waits: false })
    const [, url = ''] = await gateway.told(/(http:\/\/(?:127\.0\.0\.1|localhost):\d+)/)
    seen = await runAll(Object.assign(gateway, { url: url.replace('localhost', '127.0.0.1') }))
    gateway.rewrite(config(logging).replace(/^ {2}refused:.*$/m, `  refused: { nope: ${secrets.odd.slice(0, 3)} }`))
    await gateway.told(/unknown key|nope/)
    gateway.rewrite(`${config(logging)}\nproxy_api_key: [${secrets.client}]\n`)
    await gateway.told(/Cannot reload|config_rejected|重新加载失败/)
    expect(await gateway.stop()).toBe(0)
    texts = [...filesBelow(gateway.directory, gateway.configFile), { where: 'the console', text: gateway.output() }]
  })

  test('to a client, whatever the upstream says', () => {
    expect(seen.size).toBeGreaterThan(modes.length * Object.keys(scripts).length)
    expect([...seen].flatMap(([name, text]) => leaksIn(name, text))).toEqual([])
  })

  test('on the console or in a file', () => {
    expect(texts.map(({ text }) => text).join('')).toContain('bearer-e500')
    expect(texts.flatMap(({ where, text }) => leaksIn(where, text))).toEqual([])
  })

  test(`and ${showsPrompts ? 'prompts stand where they were asked for' : 'neither is a prompt or an answer'}`, () => {
    const told = texts.filter(({ text }) => text.includes(prompt) || text.includes(saying))
    expect(told.length > 0).toBe(showsPrompts)
    // Beside the model's own answers nobody is shown what others said.
    for (const [name, text] of seen) expect([name, text.includes(prompt)]).toEqual([name, false])
  })
})

describe('I9: no secret is told by a command', () => {
  const right = (): string => `listen: "127.0.0.1:0"\n${config('level: info')}`
  const wrong = (): string =>
    right()
      .replace('protocol: any, headers', 'protocol: sk, headers')
      .replace('models:\n', `models:\n  x: { routes: [{ backend: ${secrets.query.slice(0, 5)}, model: 5 }] }\n`)
      .replace(`url: "${tls.url.origin}"`, `url: "https://${secrets.proxyUser}:${secrets.proxyPassword}@h/"`)
      .replace('url: "http://far.invalid"', `url: "https://h/v1?key=${secrets.query}"`)

  test.each([
    { name: 'check', args: ['check'], yaml: right, exitCode: 0 },
    { name: 'check of a file with mistakes', args: ['check'], yaml: wrong, exitCode: 2 },
    { name: 'check for machines', args: ['check', '--json'], yaml: wrong, exitCode: 2 },
    { name: 'a start that fails', args: [], yaml: wrong, exitCode: undefined },
    { name: 'explain', args: ['explain', '--model', 'bearer-good'], yaml: right, exitCode: undefined },
    { name: 'doctor', args: ['doctor'], yaml: right, exitCode: undefined },
  ])('$name', async ({ args, yaml, exitCode }) => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, yaml())
    const child = Bun.spawn([...command, ...args, '-config', file], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: 15_000,
    })
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    if (exitCode !== undefined) expect(await child.exited).toBe(exitCode)
    expect(`${out}${err}`.length).toBeGreaterThan(0)
    expect(leaksIn(args.join(' '), `${out}${err}`)).toEqual([])
  })
})
