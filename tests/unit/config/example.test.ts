import { expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keysOf } from '#config/keys.ts'
import { ConfigSchema } from '#config/schema.ts'
import { authority, forLocalhost } from '../../support/certificates.ts'
import { compileText, problemLines } from '../../support/config.ts'
import { selfSigned } from '../../support/tls.ts'

const root = join(import.meta.dir, '..', '..', '..')
const example = readFileSync(join(root, 'config.example.yaml'), 'utf8')
const files = {
  '/etc/llm-proxy/ca.pem': { content: selfSigned.cert, shared: true },
  '/etc/llm-proxy/client.pem': { content: selfSigned.cert, shared: true },
  '/etc/llm-proxy/client.key': { content: selfSigned.key },
}
const keys = {
  OPENAI_API_KEY: 'sk-o',
  ANTHROPIC_API_KEY: 'sk-a',
  GEMINI_API_KEY: 'g',
  AZURE_OPENAI_API_KEY: 'z',
  UPSTREAM_API_KEY: 'u',
  ADMIN_KEY: 'admin-key-0123456789',
}

test('the example loads without a problem when every key is there', async () => {
  expect(await problemLines(example, { env: keys })).toEqual([])
})

test('without any key it loads too, with one note for each backend that is off', async () => {
  const lines = await problemLines(example)
  expect(lines.map((line) => /note: backend "(\w+)" is off/.exec(line)?.[1])).toEqual([
    'openai',
    'anthropic',
    'google',
    'azure',
  ])
})

test('B84: its first alias is that of the README and is answered by the mock backend', async () => {
  const { loaded, compilation } = await compileText(example)
  const [first = ''] = Object.keys(loaded.config?.models ?? {})
  expect(first).toBe('anthropic/claude-opus-4-5')
  expect(compilation?.snapshot?.plans.get(first)?.tiers[0]?.candidates[0]?.backend.url.protocol).toBe('mock:')
})

test('it still loads with every setting that is commented out switched on', async () => {
  // Settings in comments are one "# " deep; sentences do not look like `key: value`.
  const uncommented = example.replaceAll(/^( *)# ?((?: *)(?:[a-z0-9_]+|OpenAI-Organization):(?: |$).*)$/gm, '$1$2')
  const here = process.cwd()
  const there = {
    ...files,
    [`${here}/backends.json`]: { content: '{ "services": {} }' },
    [`${here}/tls/fullchain.pem`]: { content: forLocalhost.cert, shared: true },
    [`${here}/tls/privkey.pem`]: { content: forLocalhost.key },
    [`${here}/tls/clients.pem`]: { content: authority, shared: true },
  }
  const lines = await problemLines(uncommented, { env: keys, files: there })
  expect(lines.filter((line) => !line.includes('note:'))).toEqual([])
  const { loaded } = await compileText(uncommented, { env: keys, files: there })
  expect(loaded.config).toMatchObject({
    circuit_breaker: { failure_threshold: 5 },
    outbound_proxy: { url: 'http://proxy.example.com:3128' },
    backends: [
      {},
      { headers: { 'OpenAI-Organization': 'org-1234' }, timeout: { connect: 10_000 }, pool: { max_idle: 512 } },
      {},
      {},
      {},
    ],
    upstream_default_key: 'u',
  })
})

test('the backend with credentials in its comments is one that loads', async () => {
  const [written = ''] = /^ {2}# - \{ name: "pool"[\s\S]*?^ {2}# {3}\] \}$/m.exec(example) ?? []
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const account = {
    type: 'service_account',
    client_email: 'robot@project.test',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
  const directory = process.cwd().replaceAll('\\', '/')
  const there = {
    '/run/secrets/key-2': { content: 'key-2' },
    [`${directory}/secrets.json`]: { content: '[{ "clientId": "a", "clientSecret": "b", "tenant": "c" }]' },
    [`${directory}/google.json`]: { content: JSON.stringify(account) },
  }
  const env = { KEY_1: 'key-1', KEY_3: 'key-3', SECRET: 'a-secret' }
  const yaml = `proxy_api_key: sk-x\nbackends:\n${written.replaceAll(/^ {2}# /gm, '  ')}`
  const { compilation, problems } = await compileText(yaml, { env, files: there })
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  expect(compilation?.snapshot?.credentials[0]?.names).toHaveLength(13)
})

test('every key of the schema occurs in it', () => {
  const missing = keysOf(ConfigSchema)
    .map(({ path }) => path.split('.').at(-1) ?? '')
    .filter((key) => !new RegExp(`(^|[\\s{,#-])${RegExp.escape(key)}:`, 'm').test(example))
  expect(missing).toEqual([])
})

test('its first line tells editors where the schema is', () => {
  expect(example.split('\n', 1)[0]).toBe('# yaml-language-server: $schema=./config.schema.json')
})
