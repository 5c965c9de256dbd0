import { describe, expect, test } from 'bun:test'
import { legacyConfig, reloadWatch } from '#config/legacy.ts'
import { clientTimeoutKeys, logFileIn } from '#config/legacy-variables.ts'

const secretsFile = 'secrets.json'
const backendsFile = './config/backends.json'

function treeOf(files: Parameters<typeof legacyConfig>[0], env: Record<string, string> = {}): unknown {
  return JSON.parse(legacyConfig(files, env).text)
}

describe('a start with --secrets-file', () => {
  test('A37 A38 A51 A61: sends everything to one backend, and is a proxy for it', () => {
    expect(treeOf({ secretsFile })).toMatchObject({
      listen: '127.0.0.1:8899',
      backends: [
        {
          name: 'flow',
          url: 'https://flow.ciandt.com/flow-llm-proxy',
          credentials: [{ type: 'jwt', secrets_file: 'secrets.json' }],
          timeout: { connect: '30s', write: '30s', first_byte: '600s' },
        },
      ],
      passthrough: { backends: [{ backend: 'flow' }], affinity: { by: 'off' } },
      forward_proxy: { enabled: true },
    })
  })

  test.each([
    { env: { FLOW_PROXY_TARGET_URL: 'https://x' }, wanted: { backends: [{ url: '${FLOW_PROXY_TARGET_URL}' }] } },
    { env: { FLOW_PROXY_LOG_LEVEL: 'Warning' }, wanted: { logging: { level: 'warn' } } },
    {
      env: { FLOW_PROXY_LOG_DIR: '/var/log/flow/' },
      wanted: { logging: { general_file: '/var/log/flow/llm-proxy.log', max_age_days: 7, max_total_size_mb: 100 } },
    },
    {
      env: { FLOW_PROXY_LOG_DIR: 'logs', FLOW_PROXY_LOG_RETENTION_DAYS: '3', FLOW_PROXY_LOG_MAX_SIZE_MB: '5' },
      wanted: { logging: { max_age_days: 3, max_total_size_mb: 5 } },
    },
    { env: { FLOW_PROXY_CLIENT_TIMEOUT: '600' }, wanted: clientTimeoutKeys(600) },
    { env: { FLOW_PROXY_NUM_WORKERS: '4' }, wanted: { server: { workers: 4 } } },
    { env: { FLOW_PROXY_OWN_HOSTS: 'a, b:1' }, wanted: { forward_proxy: { own_hosts: ['a', 'b:1'] } } },
    { env: { ALLOW_UNAUTHENTICATED: 'true' }, wanted: { allow_unauthenticated: true } },
  ])('A41 A60 A64: $env is $wanted', ({ env, wanted }) => {
    expect(treeOf({ secretsFile }, env)).toMatchObject(wanted)
    expect(legacyConfig({ secretsFile }, env).problems).toEqual([])
  })

  test('keeps log files for ever when the janitor is switched off', () => {
    const env = { FLOW_PROXY_LOG_DIR: 'logs', FLOW_PROXY_LOG_CLEANUP_ENABLED: 'false' }
    expect(treeOf({ secretsFile }, env)).toHaveProperty('logging', { general_file: 'logs/llm-proxy.log' })
  })

  test.each([
    { env: { FLOW_PROXY_CLIENT_TIMEOUT: '0' }, severity: 'warning', says: '1 is used' },
    { env: { FLOW_PROXY_CLIENT_TIMEOUT: '100000' }, severity: 'warning', says: '86400 is used' },
    { env: { FLOW_PROXY_NUM_WORKERS: '1.5' }, severity: 'error', says: 'expected a whole number, not "1.5"' },
    { env: { FLOW_PROXY_LOG_LEVEL: 'LOUD' }, severity: 'warning', says: 'expected DEBUG, INFO, WARNING or ERROR' },
    { env: { FLOW_PROXY_THREADED: '0' }, severity: 'note', says: 'does nothing' },
    { env: { FLOW_PROXY_PLUGIN_POOL_SIZE: '64' }, severity: 'note', says: 'does nothing' },
  ])('A60: of $env is told: $says', ({ env, severity, says }) => {
    const [name = ''] = Object.keys(env)
    const { problems } = legacyConfig({ secretsFile }, Object.fromEntries(Object.entries(env)))
    expect(problems).toEqual([expect.objectContaining({ name, severity, message: expect.stringContaining(says) })])
  })
})

describe('a start with --backends-file', () => {
  test('D45 D47: names the file, and its text holds no key', () => {
    const { text } = legacyConfig({ backendsFile }, { BACKEND_API_KEY: 'your-secret-key-here' })
    expect(JSON.parse(text)).toMatchObject({
      listen: ':8000',
      services_file: './config/backends.json',
      proxy_api_key: '${BACKEND_API_KEY}',
    })
    // Every client has this key.
    expect(JSON.parse(text)).toHaveProperty('admin', { config_with_client_key: true })
    expect(text).not.toContain('your-secret')
  })

  test.each([
    { env: { LOG_LEVEL: 'DEBUG' }, wanted: { logging: { level: 'debug' } } },
    { env: { log_level: 'ERROR' }, wanted: { logging: { level: 'error' } } },
    { env: { HEALTH_CHECK_INTERVAL: '12.5' }, wanted: { health_check: { interval: '12500ms' } } },
    { env: { HEALTH_CHECK_TIMEOUT: '5' }, wanted: { health_check: { timeout: '5000ms' } } },
    { env: { REQUEST_TIMEOUT: '30' }, wanted: { timeout: { connect: '10s', first_byte: '30000ms', idle: '300s' } } },
    { env: {}, wanted: { timeout: { first_byte: '300s' } } },
    { env: { UPSTREAM_DEFAULT_KEY: 'k' }, wanted: { upstream_default_key: '${UPSTREAM_DEFAULT_KEY}' } },
    { env: { REUSE_GATEWAY_KEY: 'yes' }, wanted: { reuse_gateway_key: true } },
  ])('D33 D46 D48 D14: $env is $wanted', ({ env, wanted }) => {
    expect(treeOf({ backendsFile }, Object.fromEntries(Object.entries(env)))).toMatchObject(wanted)
  })

  test.each([
    { env: { BACKEND_AUTH_MODE: 'x-api-key' }, wanted: { auth_mode: 'x-api-key' } },
    { env: { BACKEND_AUTH_MODE: 'cookie' }, wanted: { auth_mode: 'none' } },
    {
      env: { MAX_CONNECTIONS: '200', MAX_KEEPALIVE_CONNECTIONS: '50' },
      wanted: { max_connections: 200, pool: { max_idle: 50 } },
    },
    { env: {}, wanted: {} },
  ])('D49 D51: $env is $wanted for each backend', ({ env, wanted }) => {
    expect(legacyConfig({ backendsFile }, Object.fromEntries(Object.entries(env))).serviceDefaults).toEqual(wanted)
  })

  test.each([
    { env: { BACKEND_API_KEY: ' ' }, severity: 'warning', says: 'is empty, so no key is asked for' },
    { env: { MAX_CONNECTIONS: 'many' }, severity: 'error', says: 'expected a number from 1 to 65535, not "many"' },
    { env: { REUSE_GATEWAY_KEY: 'maybe' }, severity: 'error', says: 'expected true or false' },
    { env: { CONFIG_RELOAD_INTERVAL: '0' }, severity: 'error', says: 'expected a number from 0.1' },
  ])('D27: of $env is told: $says', ({ env, severity, says }) => {
    const { problems } = legacyConfig({ backendsFile }, Object.fromEntries(Object.entries(env)))
    expect(problems).toEqual([expect.objectContaining({ severity, message: expect.stringContaining(says) })])
  })

  test('D66: CONFIG_RELOAD_WATCH and CONFIG_RELOAD_INTERVAL say how it is watched', () => {
    expect(reloadWatch({})).toEqual({ isOn: true, pollMs: undefined })
    expect(reloadWatch({ CONFIG_RELOAD_WATCH: 'False', CONFIG_RELOAD_INTERVAL: '0.5' })).toEqual({
      isOn: false,
      pollMs: 500,
    })
  })
})

test('both together listen where the services did, and have what each needs', () => {
  expect(treeOf({ secretsFile, backendsFile })).toMatchObject({
    listen: ':8000',
    services_file: './config/backends.json',
    passthrough: { backends: [{ backend: 'flow' }] },
  })
})

test.each([{ secretsFile }, { backendsFile }, { secretsFile, backendsFile }])(
  'with %j a backend that failed is asked again at once, as before, and proxies in front are believed',
  (files) => {
    expect(treeOf(files, { TRUSTED_PROXIES: '10.0.0.0/8, ::1,' })).toMatchObject({
      fallback: { when_all_cooling: 'least_bad' },
      trusted_proxies: ['10.0.0.0/8', '::1'],
    })
  },
)

test('filters of the one backend are not for those of the services', () => {
  const { filters } = Object(treeOf({ secretsFile, backendsFile }))
  expect(filters.map(({ match }: { match: object }) => match)).toEqual(
    ['anthropic-version', 'anthropic-beta', 'x-api-key'].map((header) => ({
      path: '/v1/messages*',
      headers: [header],
      backends: ['flow'],
    })),
  )
})

test.each([
  { url: 'foo', shown: '"foo"' },
  { url: 'https://me:secret@flow.example.com/x', shown: '"https://…@flow.example.com/x"' },
])('of the address $url is told $shown, and no password', ({ url, shown }) => {
  const { problems } = legacyConfig({ secretsFile }, { FLOW_PROXY_TARGET_URL: url })
  expect(problems).toEqual([
    expect.objectContaining({
      severity: 'error',
      message: expect.stringMatching(new RegExp(`, not ${shown.replaceAll('.', String.raw`\.`)}$`)),
    }),
  ])
})

test('a dollar sign in the name of a file is one', () => {
  expect(treeOf({ secretsFile: 'a$$b${c}.json' })).toMatchObject({
    backends: [{ credentials: [{ secrets_file: 'a$$$$b$${c}.json' }] }],
  })
})

test.each([
  ['logs', 'logs/llm-proxy.log'],
  ['/', '/llm-proxy.log'],
  ['a/b//', 'a/b/llm-proxy.log'],
])('logFileIn() of %j is %j', (directory, file) => {
  expect(logFileIn(directory)).toBe(file)
})
