import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '#cli/cli.ts'
import { FakeIo } from '../../support/fake-io.ts'

const config = `
proxy_api_key: sk-client-0042
compat: { translate: false }
backends:
  - { name: a, url: "https://a.test/v1", api_key: "sk-backend-secret-1", weight: 3 }
  - { name: b, url: "https://b.test/v1", timeout: { connect: 3s } }
  - { name: c, url: "https://c.test", protocol: anthropic }
  - { name: d, url: "https://d.test/v1", enabled: auto, api_key: "\${D_KEY}" }
  - { name: e, url: "https://e.test/v1", enabled: false }
models:
  opus:
    streaming: { heartbeat: 5s, client_timeout: 0 }
    routes:
      - { backend: a, model: big, priority: 1 }
      - { backend: b, model: big, priority: 1 }
      - { backend: c, model: big, priority: 1 }
      - { backend: d, model: big, priority: 1 }
      - { backend: b, model: old, priority: 2, enabled: false }
  sonnet:
    routes:
      - { backend: e, model: small, priority: 1 }
      - { backend: b, model: small, priority: 1 }
      - { backend: a, model: small, priority: 2 }
  closed:
    routes: [{ backend: e, model: small }]
fallback: { alias_fallback: { opus: [sonnet] }, cooldown_seconds: 10, respect_retry_after: false }
`

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-explain-'))
  file = join(folder, 'config.yaml')
  writeFileSync(file, config)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function explained(...args: readonly string[]): Promise<{ code: number; out: string; errors: string }> {
  const io = new FakeIo()
  const code = await run(['explain', '-config', file, ...args], io)
  return { code, out: io.out.replaceAll(file, 'config.yaml'), errors: io.errors }
}

test('reads files of older programs as a start does', async () => {
  const backendsFile = join(folder, 'backends.json')
  writeFileSync(
    backendsFile,
    '{"services": {"s": {"model": {"m": {"backends": [{"id": "a", "url": "http://127.0.0.1:9"}]}}}}}',
  )
  const io = new FakeIo()
  expect(await run(['explain', '--backends-file', backendsFile, '--model', 's/m'], io)).toBe(0)
  expect(io.out).toContain('asks s/m/a first')
})

describe('llm-proxy explain', () => {
  test('tells a person who would be asked, in order, with shares, who is passed over, and the rules', async () => {
    const { code, out } = await explained('--model', 'opus', '--stream', '--key', 'sk-client-0042')
    expect(code).toBe(0)
    expect(out).toBe(`"opus" at /v1/chat/completions (openai, a stream): config.yaml asks a/big first, then 2 more

Order:
  "opus", priority 1
    1. a / big (openai), 75 % of the traffic
       may take 10s to connect, 10m to its first byte, 2m to its first content, 1m between two events
    2. b / big (openai), 25 % of the traffic
       may take 3s to connect, 10m to its first byte, 2m to its first content, 1m between two events
  fallback "sonnet", priority 1
    3. b / small (openai)
  fallback "sonnet", priority 2
    4. a / small (openai), never reached with 3 attempts
  Among routes of one priority chance decides by weight; this is the order of seed 1.

Passed over:
  c / big: it does not speak the openai dialect
    if it does, say so: "protocol: openai", or "any", at the route or its backend

Switched off:
  d / big of "opus": its backend is off, since environment variable "D_KEY" is not set
  b / old of "opus": it is switched off ("enabled: false")
  e / small of "sonnet": its backend is switched off ("enabled: false")

Key of the client: accepted, the caller is "default"

Rules:
  One request makes at most 3 attempts.
  A route that fails by its own fault rests for 10s.
  While every route rests, the client gets 503 with Retry-After.
  A silent stream gives a sign of life every 5s.
  A stream that breaks after its first content ends with an error that the client can read.
`)
  })

  test('tells which routes are asked by translation, behind those that need none', async () => {
    writeFileSync(file, config.replace('translate: false', 'translate: true'))
    const { code, out } = await explained('--model', 'opus', '--path', '/v1/messages')
    expect([code, out.split('\n').filter((line) => /^ +\d\. .* \/ big /.test(line))]).toEqual([
      0,
      [
        '    1. c / big (anthropic), 100 % of the traffic',
        '    2. a / big (openai), translated to chat, 0 % of the traffic',
        '    3. b / big (openai), translated to chat, 0 % of the traffic',
      ],
    ])
  })

  test('the path decides the dialect', async () => {
    const { code, out } = await explained('--model', 'opus', '--path', '/v1/messages')
    expect([code, out.split('\n')[0]]).toEqual([
      0,
      '"opus" at /v1/messages (anthropic): config.yaml asks c/big first, and nobody after it',
    ])
  })

  test('fallback aliases that are wholly off are told, too', async () => {
    writeFileSync(
      file,
      config
        .replace('opus: [sonnet]', 'opus: [closed, gone]')
        .replace('  closed:', '  gone: { enabled: false, routes: [{ backend: a, model: x }] }\n  closed:'),
    )
    const { code, out } = await explained('--model', 'opus')
    expect(code).toBe(0)
    expect(out).toContain('e / small of "closed": its backend is switched off ("enabled: false")')
    expect(out).toContain('a / x of "gone": its alias is switched off ("enabled: false")')
  })

  test('keys that only the service has are not needed, and that of the clients is not judged', async () => {
    writeFileSync(
      file,
      config.replace('sk-client-0042', '"${CLIENT_KEY}"').replace('"sk-backend-secret-1"', '"${cred:a}"'),
    )
    const { code, out, errors } = await explained('--model', 'opus', '--key', 'sk-x')
    expect([code, errors]).toEqual([0, ''])
    expect(out).toContain('config.yaml asks a/big first, then 2 more')
    expect(out).toContain('d / big of "opus": its backend is off, since environment variable "D_KEY" is not set')
    expect(out).toContain('Key of the client: not checked')
  })

  test.each([
    {
      name: 'an unknown model, with what may be meant',
      args: ['--model', 'opsu'],
      says: /refuses with 404: .*did you mean "opus"\?/,
    },
    {
      name: 'a model whose routes are all off',
      args: ['--model', 'closed'],
      says: /refuses with 503: every route of it is switched off[^]*e \/ small of "closed": its backend is switched off/,
    },
    {
      name: 'a dialect that nobody speaks',
      args: ['--model', 'sonnet', '--path', '/v1/messages'],
      says: /refuses with 400: none of its backends speaks the anthropic dialect/,
    },
    {
      name: 'a wrong key',
      args: ['--model', 'opus', '--key', 'sk-wrong'],
      says: /refused with 401: .*the API key is unknown[^]*With a key that is accepted:/,
    },
    {
      name: 'a wrong key in a header',
      args: ['--model', 'opus', '-H', 'x-api-key: sk-wrong'],
      says: /refused with 401/,
    },
    {
      name: 'two different keys',
      args: ['--model', 'opus', '--key', 'sk-client-0042', '-H', 'x-api-key: other'],
      says: /two different API keys/,
    },
  ])('ends with 1 for $name', async ({ args, says }) => {
    const { code, out } = await explained(...args)
    expect(code).toBe(1)
    expect(out).toMatch(says)
  })

  test('headers may be given again and again', async () => {
    const { code, out, errors } = await explained(
      '-m',
      'opus',
      '-H',
      'x-a: 1',
      '-H',
      'Authorization: Bearer sk-client-0042',
    )
    expect([code, errors]).toEqual([0, ''])
    expect(out).toContain('accepted, the caller is "default"')
  })

  test('without a key it says that one is asked for', async () => {
    const { code, out } = await explained('--model', 'opus')
    expect(code).toBe(0)
    expect(out).toContain('Key of the client: one is asked for; give it with --key to see whether it is accepted')
  })

  test.each([
    { args: [], says: 'name the model' },
    { args: ['--model', 'opus', '--seed', 'x'], says: '--seed: a seed is a whole number' },
    { args: ['--model', 'opus', '--seed', '4294967296'], says: '--seed: a seed is a whole number' },
    { args: ['--model', 'opus', '--header', 'nonsense'], says: '--header: write it as "Name: value"' },
    { args: ['--model', 'opus', '--header', 'x: a\nb'], says: '--header: "x" cannot have this value' },
    { args: ['--model', 'opus', '--key', 'a b'], says: '--key: it holds characters' },
    {
      args: ['--model', 'opus', '--key', 'a', '-H', 'authorization: Bearer b'],
      says: '--key: the header "Authorization" is given too',
    },
    { args: ['--model', 'opus', '--path', 'v1/messages'], says: '--path: models are asked for below "/v1/"' },
    { args: ['--model', 'opus', '--path', '/messages'], says: '--path: models are asked for below "/v1/"' },
    { args: ['opus'], says: '"opus" is one word too many' },
  ])('B79: ends with 2 for wrong usage: $args', async ({ args, says }) => {
    const { code, out, errors } = await explained(...args)
    expect([code, out]).toEqual([2, ''])
    expect(errors).toContain(says)
  })

  test('a configuration with errors is told as check tells it', async () => {
    writeFileSync(file, `${config}listen: nowhere\n`)
    const { code, errors } = await explained('--model', 'opus')
    expect(code).toBe(2)
    expect(errors).toMatch(/config\.yaml:\d+:9 listen: expected an address/)
  })

  test('a missing file is named', async () => {
    rmSync(file)
    const { code, errors } = await explained('--model', 'opus')
    expect([code, errors]).toEqual([2, `llm-proxy explain: Cannot read "${file}": there is no such file\n`])
  })

  test('JSON for programs, the same every time', async () => {
    const { code, out } = await explained('--model', 'opus', '--json', '--seed', '7')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      key: { accepted: true },
      choice: { model: 'opus', verdict: 'asks', seed: 7, attemptsMax: 3 },
      refusal: null,
      switchedOff: [{ backend: 'd' }, { backend: 'b' }, { backend: 'e' }],
    })
    expect((await explained('--model', 'opus', '--json', '--seed', '7')).out).toBe(out)
  })

  test('no secret of the file is ever printed', async () => {
    for (const args of [[], ['--json'], ['--key', 'sk-client-0042'], ['--key', 'sk-wrong-9999']]) {
      const { out, errors } = await explained('--model', 'opus', ...args)
      expect(out + errors).not.toMatch(/sk-backend-secret-1|sk-client-0042|sk-wrong-9999/)
    }
  })
})
