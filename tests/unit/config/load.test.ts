import { expect, test } from 'bun:test'
import { refuses } from '#config/problem.ts'
import { compileText, loadText, problemLines } from '../../support/config.ts'

/** The sample of the first version's README, with its indentation. */
const sample = `listen: ":8080"
# one key
proxy_api_key: "sk-your-unified-api-key"
backends:
  - name: "provider-a"
    url: "https://api.provider-a.com/v1"
    api_key: "sk-real-api-key-a"
    enabled: true
  - name: "provider-b"
    url: "https://api.provider-b.com/v1"
    api_key: "sk-real-api-key-b"
    enabled: false
models:
  "anthropic/claude-opus-4-5":
    enabled: true
    routes:
      - backend: "provider-a"
        model: "claude-opus-4-5"
        priority: 1
        enabled: true
      - backend: "provider-b"
        model: "claude-opus-4-5"
        priority: 2
  "anthropic/claude-sonnet-4-5":
    routes:
      - backend: "provider-a"
        model: "claude-sonnet-4-5"
        priority: 1
fallback:
  cooldown_seconds: 300
  max_retries: 3
  alias_fallback:
    "anthropic/claude-opus-4-5":
      - "anthropic/claude-sonnet-4-5"
      - "google/gemini-3-pro-preview"
    "anthropic/claude-sonnet-4-5":
      - "google/gemini-3-pro-preview"
detection:
  error_codes: ["4xx", "5xx"]
  error_patterns:
    - "insufficient_quota"
    - "rate_limit"
    - "exceeded"
    - "billing"
    - "quota"
logging:
  level: "info"
  general_file: "./logs/proxy.log"
  separate_files: false
  request_dir: "./logs/requests"
  error_dir: "./logs/errors"
  mask_sensitive: true
  enable_metrics: false
  max_file_size_mb: 100
`

test('a configuration in the documented form loads without an error', async () => {
  const { compilation, problems } = await compileText(sample)
  expect(refuses(problems)).toBe(false)
  expect(compilation?.snapshot?.aliases).toEqual(['anthropic/claude-opus-4-5', 'anthropic/claude-sonnet-4-5'])
  expect(compilation?.snapshot?.plans.get('anthropic/claude-opus-4-5')?.tiers.map((tier) => tier.level)).toEqual([
    'l1',
    'l2',
  ])
})

test('B110: the other spellings of keys give the same configuration as our own', async () => {
  const own = await loadText(`
listen: "127.0.0.1:9001"
retry: { max_retries: 2, base_delay: 100ms, max_delay: 5000ms, multiplier: 2, jitter: 0.1 }
circuit_breaker: { enabled: true, failure_threshold: 5, success_threshold: 2, open_timeout: 60s }
timeout: { connect: 10s, first_byte: 60s, idle: 60s, write: 60s, total: 10m }
detection: { error_codes: ["429", "5xx"], error_patterns: ['re:(?i)\\QOverloaded\\E'] }
logging: { level: debug, max_file_size_mb: 50 }
`)
  const later = await loadText(`
server: { host: 127.0.0.1, port: 9001 }
fallback:
  enable_backoff: true
  backoff_initial_delay: 100
  backoff_max_delay: 5000
  backoff_multiplier: 2.0
  backoff_jitter: 0.1
  enable_circuit_breaker: true
  circuit_failure_threshold: 5
  circuit_success_threshold: 2
  circuit_open_timeout: 60s
timeout: { connect_timeout: 10s, read_timeout: 60s, write_timeout: 60s, total_timeout: 10m }
error_fallback:
  server_error: { enabled: true }
  client_error: { enabled: true, codes: [429], patterns: ["Overloaded"] }
logging:
  rotation: { max_size_mb: 50 }
  categories: { general: { level: debug } }
`)
  const isAboutEmptiness = ({ message }: { message: string }): boolean =>
    message.includes('neither backends nor models')
  expect(own.problems.filter((problem) => !isAboutEmptiness(problem))).toEqual([])
  expect(later.problems.filter((problem) => problem.severity !== 'note').every(isAboutEmptiness)).toBe(true)
  expect(later.config).toEqual(own.config)
})

test('B110: patterns of error_fallback do not look at case, as they did not before', async () => {
  const text = 'error_fallback: { client_error: { enabled: true, patterns: ["Overloaded"] } }\n'
  const { compilation } = await compileText(`proxy_api_key: sk-test\n${text}models: { m: { routes: [] } }\n`)
  const detection = compilation?.snapshot?.plans.get('m')?.detection
  expect(detection?.findPattern('the model is OVERLOADED')).toBeDefined()
  expect(detection?.findPattern('fine')).toBeUndefined()
})

test('thresholds of a breaker that was never switched on do not switch it on', async () => {
  const { config } = await loadText('fallback: { circuit_failure_threshold: 3 }\n')
  expect(config?.circuit_breaker).toMatchObject({ enabled: false, failure_threshold: 3 })
})

test('a reference alone may stand for a number or a boolean', async () => {
  const text = `
fallback: { max_retries: "\${RETRIES}" }
models_require_auth: \${CLOSED}
retry: { jitter: "\${JITTER}" }
errors:
  unknown_model_status: \${STATUS}
backends: [{ name: a, url: mock://a, enabled: "\${ON}" }]
models: { m: { routes: [{ backend: a, model: ok }] } }
listen: ":\${PORT}"
`
  const env = { RETRIES: '5', CLOSED: 'true', JITTER: '0.5', STATUS: '400', ON: 'false', PORT: '9000' }
  const { config, problems } = await loadText(text, { env })
  expect(problems).toEqual([])
  expect(config).toMatchObject({
    fallback: { max_retries: 5 },
    models_require_auth: true,
    retry: { jitter: 0.5 },
    errors: { unknown_model_status: 400 },
    backends: [{ enabled: false }],
    listen: ':9000',
  })
})

test('a quoted number that is no reference stays text', async () => {
  expect(await problemLines('proxy_api_key: sk-test\nfallback: { max_retries: "5" }\n')).toEqual([
    'config.yaml:2:26 fallback.max_retries: expected a number, not "5"',
  ])
})

test('a value cannot inject YAML', async () => {
  const { config } = await loadText('proxy_api_key: ${KEY}\n', { env: { KEY: 'a\nlisten: ":1"' } })
  expect(config).toMatchObject({ proxy_api_key: 'a\nlisten: ":1"', listen: ':8080' })
})

test('enabled: auto switches a backend off while its key is unset or empty, and tells which variable', async () => {
  const text = `backends:
  - { name: a, url: "https://a.example", enabled: auto, api_key: "\${A_KEY}" }
  - { name: b, url: "https://b.example", enabled: auto, api_key: "\${B_KEY}" }
  - { name: c, url: "https://c.example", enabled: auto, api_key: "\${C_KEY}" }
`
  const { config, off } = await loadText(text, { env: { B_KEY: '', C_KEY: 'sk-c' } })
  expect(config?.backends.map(({ enabled }) => enabled)).toEqual([false, false, true])
  expect(off.map(({ name, variable }) => `${name}: ${variable}`)).toEqual(['a: A_KEY', 'b: B_KEY'])
})

test('the digest changes with the text and with the content of a file that it names', async () => {
  const text = 'proxy_api_key: ${file:/run/key}\n'
  expect(await digestOf(text, 'one')).toBe(await digestOf(text, 'one'))
  expect(await digestOf(text, 'two')).not.toBe(await digestOf(text, 'one'))
  expect(await digestOf(`${text}# more\n`, 'one')).not.toBe(await digestOf(text, 'one'))
})

test('files that the configuration names are known for the watch, found or not, and their contents for masking', async () => {
  const text = 'proxy_api_key: ${file:/run/key}\nupstream_default_key: ${file:/run/none}\n'
  const { files, secrets } = await loadText(text, { files: { '/run/key': { content: 'sk-key\n' } } })
  expect(files).toEqual(['/run/key', '/run/none'])
  expect(secrets.map((secret) => secret.reveal())).toEqual(['sk-key'])
})

test('F63: a file beyond one megabyte is refused before it is parsed', async () => {
  expect(await problemLines('#'.repeat(1024 * 1024 + 1))).toEqual(['config.yaml:1:1 the file is larger than 1mb'])
})

test('a map that is merged into itself does not hang', async () => {
  const lines = await problemLines('x-a: &a\n  <<: *a\n  connect: never\ntimeout:\n  <<: *a\n')
  expect(lines.length).toBeGreaterThan(0)
})

test('thousands of faults are cut short', async () => {
  const routes = '      - { backend: 5, model: 6 }\n'.repeat(1000)
  const { problems } = await loadText(`models:\n  m:\n    routes:\n${routes}`)
  expect(problems.length).toBe(501)
  expect(problems[0]?.message).toBe('1500 more faults are not listed')
})

const limits = '{ queue: 6s, dns: 7s, connect: 1s, tls: 8s, write: 2s, first_byte: 3s, idle: 4s, total: 5s }'
const limitsMs = {
  queueMs: 6000,
  dnsMs: 7000,
  connectMs: 1000,
  tlsMs: 8000,
  writeMs: 2000,
  firstByteMs: 3000,
  idleMs: 4000,
  totalMs: 5000,
}

test('every time limit of a backend is its own', async () => {
  const text = `backends: [{ name: a, url: mock://a, timeout: ${limits} }]\n`
  const { compilation } = await compileText(text)
  expect(compilation?.snapshot?.backends.get('a')?.timeouts).toEqual(limitsMs)
})

test('B111: every common time limit reaches the backends', async () => {
  const { compilation } = await compileText(`timeout: ${limits}\nbackends: [{ name: a, url: mock://a }]\n`)
  expect(compilation?.snapshot?.backends.get('a')?.timeouts).toEqual(limitsMs)
})

test('B109: the numbers of the circuit breaker are those of its section', async () => {
  const text =
    'circuit_breaker: { failure_threshold: 7, open_timeout: 8s, success_threshold: 9 }\nmodels: { m: { routes: [] } }\n'
  const { compilation } = await compileText(text)
  expect(compilation?.snapshot?.plans.get('m')?.breaker).toEqual({
    failureThreshold: 7,
    openMs: 8000,
    openMsMax: 600_000,
    successThreshold: 9,
    outPercentMax: 50,
  })
})

test('B28 B32: codes and patterns of the file decide what leads on', async () => {
  const text = 'detection: { error_codes: [418], error_patterns: ["out of tea"] }\nmodels: { m: { routes: [] } }\n'
  const { compilation } = await compileText(text)
  const detection = compilation?.snapshot?.plans.get('m')?.detection
  expect([418, 500].map((status) => detection?.matchesStatus(status))).toEqual([true, false])
  expect(detection?.findPattern('we are out of tea')).toBe('out of tea')
})

async function digestOf(source: string, content: string): Promise<string> {
  return (await loadText(source, { files: { '/run/key': { content } } })).digest
}

test.each([
  { text: 'listen: ":18080"', lacks: 'neither backends nor models' },
  { text: 'backends: [{ name: a, url: mock://a }]', lacks: 'no models' },
])('a configuration that can serve nothing is told: $text', async ({ text, lacks }) => {
  expect(await problemLines(`proxy_api_key: sk-test\n${text}\n`)).toEqual([
    `config.yaml:1:1 warning: the configuration has ${lacks}, so every request for a model is refused`,
  ])
})

test.each([
  ['with a byte order mark', '\uFFFD\uFFFDl\0i\0'],
  ['little endian', 'l\0i\0s\0t\0'],
  ['big endian', '\0l\0i\0s'],
])('a file in UTF-16 is told as such: %s', async (_name, text) => {
  expect(await problemLines(text)).toEqual(['config.yaml:1:1 the file is UTF-16, save it as UTF-8'])
})

const sameColumn =
  'this line does not begin at the same column as those above it: indent it like them, or begin a list entry with "- "'

test.each([
  ['b:\n  - name: a\n    url: x\n   key: y\n', `4:4 ${sameColumn}`],
  ['b:\n  - name: a\n    url: x\n  name: c\n', `4:3 ${sameColumn}`],
  ['listen: ":1"\n  proxy_api_key: x\n', `2:3 ${sameColumn}`],
  ['b:\n  - n: a\n    u: x\n - n: b\n', '4:2 this list entry does not begin at the same column as those above it'],
  ['b:\n  - name: a\n    api_key:"x"\nmodels: {}\n', '3:5 a blank is missing after "api_key:"'],
  ['listen:":1"\nmodels: {}\n', '1:1 a blank is missing after "listen:"'],
  ['b:\n  - name: a\n    url：mock://a\n    x: y\n', '3:5 write an ASCII colon and a blank (": ") instead of "："'],
  ['a: 1\nlisten ":1"\nb: 2\n', '2:1 this line is no "key: value", expected a key, a colon and a blank'],
  ['a: {b: 1\nc: 2\n', '2:1 a map in { } is not closed above this line, expected "}"'],
  ['a: b: c\n', '1:4 this line has a second ": ": put the value in quotes, or begin a new line'],
  ['a: @x\n', '1:4 a text cannot begin with "@": put it in quotes'],
  [
    'a: "C:\\path"\n',
    String.raw`1:7 between double quotes "\" has a meaning of its own: use single quotes, or write "\\"`,
  ],
])('YAML %j is complained about in plain words', async (text, told) => {
  expect(await problemLines(text)).toEqual([`config.yaml:${told}`])
})

test.each([
  ['8080', 'expected text, not 8080 (write ":8080")'],
  ['"8080"', '"unix:/path", not "8080" (write ":8080")'],
])('a bare port is not enough to listen, and the right form is told: %s', async (written, told) => {
  const [line = ''] = await problemLines(`proxy_api_key: k\nlisten: ${written}\n`)
  expect(line).toEndWith(told)
})

test('a name that is near to none is answered with five of those that there are, but with no stand-in', async () => {
  const backends = ['b1', 'b2', 'b3', 'b4', 'b5', 'b6']
    .map((name) => `  - { name: ${name}, url: "mock://x" }`)
    .join('\n')
  const lines = await problemLines(`
proxy_api_key: k
backends:
  - { url: "mock://x" }
${backends}
models: { m: { routes: [{ backend: elsewhere, model: x }] } }
`)
  expect(lines[0]).toEndWith('backends[0].name: this key is required')
  expect(lines[1]).toEndWith('no backend is named "elsewhere" (there are: "b1", "b2", "b3", "b4", "b5", …)')
})

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

test('a certificate may be read by everybody, its private key may not', async () => {
  const text = `
backends:
  - { name: a, url: "https://a.test", tls: { ca: "\${file:/tls/ca.pem}", cert: "\${file:/tls/ca.pem}", key: "\${file:/tls/key.pem}" } }
models: { m: { routes: [{ backend: a, model: x }] } }
`
  const key = pem.replaceAll('CERTIFICATE', 'PRIVATE KEY')
  const files = { '/tls/ca.pem': { content: pem, shared: true }, '/tls/key.pem': { content: key, shared: true } }
  const { problems, config } = await loadText(text, { files })
  expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'backends[0].tls.key: others can read file "/tls/key.pem": set its mode to 600',
  ])
  // The last line break of a file is not part of its value.
  expect(config?.backends[0]?.tls).toMatchObject({ ca: pem.trimEnd(), key: key.trimEnd() })
})

const bothNames: readonly { written: string; verify: boolean | undefined; told: string[] }[] = [
  { written: 'tls_verify: false', verify: false, told: ['note read as "backends[0].tls.verify"'] },
  {
    written: 'tls_verify: false, tls: { server_name: x }',
    verify: false,
    told: ['note read as "backends[0].tls.verify"'],
  },
  {
    written: 'tls_verify: false, tls: { verify: false }',
    verify: false,
    told: ['warning does nothing, since "backends[0].tls.verify" is given too'],
  },
  {
    written: 'tls_verify: "${OFF}", tls: { verify: false }',
    verify: false,
    told: ['warning does nothing, since "backends[0].tls.verify" is given too'],
  },
  {
    written: 'tls_verify: false, tls: { verify: true }',
    verify: undefined,
    told: ['error contradicts "backends[0].tls.verify", keep one of them'],
  },
  {
    written: 'tls_verify: true, tls: { verify: false }',
    verify: undefined,
    told: ['error contradicts "backends[0].tls.verify", keep one of them'],
  },
]

test.each(bothNames)(
  'the older name of tls.verify counts, but not against it: $written',
  async ({ written, verify, told }) => {
    const text = `backends: [{ name: a, url: "https://a.test", ${written} }]\nmodels: { m: { routes: [] } }\n`
    const { config, problems } = await loadText(text, { env: { OFF: 'false' } })
    expect(problems.map(({ severity, message }) => `${severity} ${message}`)).toEqual(told)
    expect(config?.backends[0]?.tls.verify).toBe(verify)
  },
)
