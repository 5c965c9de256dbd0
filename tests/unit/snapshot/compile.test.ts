import { describe, expect, test } from 'bun:test'
import type { ConfigInput } from '#config/schema.ts'
import { stateKeysOf } from '#snapshot/compile.ts'
import { compileInput, snapshotOf } from '../../support/compiled.ts'

type BackendInput = NonNullable<ConfigInput['backends']>[number]

/** The one backend of a configuration, compiled. */
function backendOf(backend: Partial<BackendInput>, input: ConfigInput = {}) {
  const snapshot = snapshotOf({ ...input, backends: [{ name: 'a', url: 'http://a.test/v1', ...backend }] })
  const compiled = snapshot.backends.get('a')
  if (compiled === undefined) throw new Error('The backend is switched off')
  return compiled
}

const models: ConfigInput['models'] = { m: { routes: [{ backend: 'a', model: 'x' }] } }

/** The plan of the alias "m" under these settings. */
function planOf(input: ConfigInput) {
  const plan = snapshotOf({ backends: [{ name: 'a', url: 'http://a.test' }], models, ...input }).plans.get('m')
  if (plan === undefined) throw new Error('The alias has no plan')
  return plan
}

describe('keys', () => {
  test('B01: the client key opens, others do not', () => {
    const { keys } = snapshotOf({ proxy_api_key: 'sk-client' })
    expect(keys.isOpen).toBe(false)
    expect(keys.find('sk-client')?.caller).toEqual({ id: 'default' })
    expect(keys.find('sk-other')).toBeUndefined()
  })

  test.each([{}, { proxy_api_key: '' }])('B02: no key asks for none (%j)', (input) => {
    expect(snapshotOf(input).keys.isOpen).toBe(true)
  })

  test.each([
    { name: 'its own key first', own: 'own', common: 'common', reuse: true, key: 'own' },
    { name: 'the common key next', own: undefined, common: 'common', reuse: true, key: 'common' },
    { name: 'an empty key is none', own: '', common: 'common', reuse: false, key: 'common' },
    { name: 'the gateway key only on demand', own: undefined, common: undefined, reuse: true, key: 'sk-client' },
    { name: 'B04 N105: no key at all otherwise', own: undefined, common: undefined, reuse: false, key: undefined },
  ])('a backend is sent $name', ({ own, common, reuse, key }) => {
    const backend = backendOf(own === undefined ? {} : { api_key: own }, {
      proxy_api_key: 'sk-client',
      reuse_gateway_key: reuse,
      ...(common === undefined ? {} : { upstream_default_key: common }),
    })
    expect(backend.apiKey?.reveal()).toBe(key)
  })

  test('every secret is known for masking, those of switched-off backends and of headers included, each once', () => {
    const { secrets } = snapshotOf(
      {
        proxy_api_key: 'sk-client',
        upstream_default_key: 'sk-common',
        backends: [
          { name: 'a', url: 'http://a.test', api_key: 'sk-a', headers: { 'X-Team': 'research-team' } },
          { name: 'b', url: 'http://b.test', api_key: 'sk-a', headers: { Authorization: 'Bearer sk-header-value' } },
          { name: 'c', url: 'http://c.test', api_key: 'sk-c', enabled: false, headers: { 'X-Key-Version': '2' } },
          { name: 'd', url: 'http://d.test', api_key: '' },
        ],
      },
      { secrets: ['from-a-file'] },
    )
    expect(secrets.map((secret) => secret.reveal()).toSorted()).toEqual([
      'from-a-file',
      'sk-a',
      'sk-c',
      'sk-client',
      'sk-common',
      'sk-header-value',
    ])
  })

  test('a snapshot that is printed shows no secret', () => {
    const snapshot = snapshotOf({
      proxy_api_key: 'sk-client',
      upstream_default_key: 'sk-common',
      backends: [{ name: 'a', url: 'http://a.test', api_key: 'sk-own' }],
      models,
    })
    const printed = Bun.inspect(snapshot, { depth: 10 }) + JSON.stringify([...snapshot.settings, ...snapshot.backends])
    for (const secret of ['sk-client', 'sk-common', 'sk-own']) expect(printed).not.toContain(secret)
  })
})

describe('listen', () => {
  test.each([
    { listen: ':8080', host: '127.0.0.1', asked: ':8080' },
    { listen: '0.0.0.0:8080', host: '127.0.0.1', asked: '0.0.0.0:8080' },
    { listen: '[::]:8080', host: '127.0.0.1', asked: '[::]:8080' },
    { listen: 'localhost:8080', host: 'localhost', asked: undefined },
    { listen: '[::1]:8080', host: '::1', asked: undefined },
  ])('without a client key $listen is kept to loopback, and what was asked for is told', ({ listen, host, asked }) => {
    const { snapshot, problems } = compileInput({ listen })
    expect(snapshot?.listen).toEqual({ kind: 'tcp', host, port: 8080 })
    expect(snapshot?.listenAsked).toBe(asked)
    const message = `listening on loopback only, although "${asked}" was asked for: set "proxy_api_key" or "allow_unauthenticated: true"`
    expect(problems).toEqual(asked === undefined ? [] : [{ severity: 'note', path: ['listen'], message }])
  })

  test('an address that nobody asked for is not told as if someone had', () => {
    const { snapshot, problems } = compileInput({ listen: ':8080' }, { listenIsDefault: true })
    expect([snapshot?.listen, snapshot?.listenAsked]).toEqual([
      { kind: 'tcp', host: '127.0.0.1', port: 8080 },
      undefined,
    ])
    expect(problems.map(({ message }) => message)).toEqual([
      'without "proxy_api_key" only programs of this machine can connect: set it, or "allow_unauthenticated: true"',
    ])
  })

  test('without a client key a socket file stays as it is', () => {
    expect(snapshotOf({ listen: 'unix:/run/p.sock' }).listen).toEqual({ kind: 'unix', path: '/run/p.sock' })
  })

  test.each([{ proxy_api_key: 'sk-client' }, { allow_unauthenticated: true }])('%j opens every address', (input) => {
    const { snapshot, problems } = compileInput({ listen: ':8080', ...input })
    expect(snapshot?.listen).toEqual({ kind: 'tcp', host: undefined, port: 8080 })
    expect(problems).toEqual([])
  })
})

describe('backends', () => {
  test.each([
    { url: 'https://api.test/v1/', href: 'https://api.test/v1' },
    { url: 'https://api.test/a%2Fb/v1//', href: 'https://api.test/a%2Fb/v1' },
    { url: 'https://api.test', href: 'https://api.test/' },
    { url: 'mock://demo', href: 'mock://demo' },
    { url: 'mock://demo/', href: 'mock://demo' },
  ])('the path of $url is kept without its last slash', ({ url, href }) => {
    expect(backendOf({ url }).url.href).toBe(href)
  })

  test('its own time limits come before the common ones, each for itself', () => {
    const { timeouts } = backendOf({ timeout: { connect: 5, total: 0 } }, { timeout: { connect: 20, total: '5m' } })
    expect(timeouts).toEqual({
      queueMs: 30_000,
      dnsMs: 5000,
      connectMs: 5000,
      tlsMs: 5000,
      writeMs: 60_000,
      firstByteMs: 600_000,
      idleMs: 120_000,
      totalMs: 0,
    })
  })

  test('what else a backend says is handed on', () => {
    const backend = backendOf(
      { auth_mode: 'X-API-Key', headers: { 'X-Org': 'o' }, api_version: '2025-01-01' },
      { proxy: { forward_client_ip: true } },
    )
    expect(backend).toMatchObject({
      authMode: 'x-api-key',
      headers: [['X-Org', 'o']],
      apiVersion: '2025-01-01',
      forwardClientIp: true,
    })
  })

  test('what it is sent and a client must not see is told apart from what may be seen', () => {
    const { secrets } = backendOf({
      api_key: 'backend-key-0042',
      headers: { 'X-Org': 'organization', 'X-Auth': 'Basic own-token-0042', 'X-Api-Key': 'short' },
    })
    expect(secrets.map((secret) => secret.reveal())).toEqual(['backend-key-0042', 'own-token-0042'])
  })

  test('two backends of one name refuse the configuration', () => {
    const { snapshot, problems } = compileInput({
      backends: [
        { name: 'a', url: 'http://a.test' },
        { name: 'a', url: 'http://b.test' },
      ],
    })
    expect(snapshot).toBeUndefined()
    expect(problems).toEqual([
      {
        severity: 'error',
        path: ['backends', 1, 'name'],
        message: '"a" is already the name of another backend, and each must have its own',
      },
    ])
  })

  test.each(['Content-Length', 'transfer-encoding', 'Connection'])('the header %s cannot be set', (header) => {
    const { snapshot, problems } = compileInput({
      backends: [{ name: 'a', url: 'http://a.test', headers: { [header]: '1' } }],
    })
    expect(snapshot).toBeUndefined()
    expect(problems).toMatchObject([{ severity: 'error', path: ['backends', 0, 'headers', header] }])
  })
})

describe('policies', () => {
  test('B26 B27: max_retries bounds all attempts, 0 does not', () => {
    expect(planOf({ fallback: { max_retries: 4 } }).attemptsMax).toBe(4)
    expect(planOf({ fallback: { max_retries: 0 } }).attemptsMax).toBe(Infinity)
    expect(planOf({}).attemptsMax).toBe(3)
  })

  test('the fallback section decides about rests', () => {
    const plan = planOf({
      fallback: {
        cooldown_seconds: 2.5,
        retry_after_max: '1m',
        respect_retry_after: false,
        cooldown_on: [400, '42x'],
        when_all_cooling: 'wait',
        deadline: '20s',
      },
    })
    expect(plan).toMatchObject({
      deadlineMs: 20_000,
      whenAllCooling: 'wait',
      cooldown: { cooldownMs: 2500, retryAfterMsMax: 60_000, respectRetryAfter: false },
    })
    expect([400, 401, 422, 500].map((status) => plan.cooldown.cools(status))).toEqual([true, false, true, false])
  })

  test('by default no status cools beyond the built-in rule', () => {
    const { cooldown } = planOf({})
    expect([400, 404, 429, 500].some((status) => cooldown.cools(status))).toBe(false)
  })

  test('B31: without a detection section every 4xx and 5xx leads on', () => {
    const { detection } = planOf({})
    expect([400, 404, 429, 500, 529].every((status) => detection.matchesStatus(status))).toBe(true)
    expect(detection.findPattern('quota')).toBeUndefined()
  })

  test('B108: the retry section is about the same route and is off by default', () => {
    expect(planOf({}).retry).toMatchObject({ retriesMax: 0, jitter: 1 })
    const { retry } = planOf({
      retry: { max_retries: 2, base_delay: '1s', max_delay: '4s', multiplier: 3, jitter: 'none', on_status: ['5xx'] },
    })
    expect(retry).toMatchObject({ retriesMax: 2, baseMs: 1000, delayMsMax: 4000, multiplier: 3, jitter: 0 })
    expect([retry.retriesStatus(500), retry.retriesStatus(429)]).toEqual([true, false])
  })

  test('B109: the circuit breaker is off unless its section is there and enabled', () => {
    expect(planOf({}).breaker).toBeUndefined()
    expect(planOf({ circuit_breaker: { enabled: false } }).breaker).toBeUndefined()
    expect(planOf({ circuit_breaker: {} }).breaker).toEqual({
      failureThreshold: 5,
      openMs: 60_000,
      openMsMax: 600_000,
      successThreshold: 2,
      outPercentMax: 50,
    })
  })

  test('an outlier detection without numbers has its defaults, and a switched-off one is absent', () => {
    expect(planOf({}).outlier).toBeUndefined()
    expect(planOf({ outlier_detection: { enabled: false } }).outlier).toBeUndefined()
    expect(planOf({ outlier_detection: {} }).outlier).toEqual({
      windowMs: 10_000,
      requestsMin: 20,
      failurePercent: 50,
      ejectionMs: 30_000,
      ejectionMsMax: 300_000,
      outPercentMax: 50,
    })
  })

  test('a first pause above the limit is told', () => {
    const { problems } = compileInput({ retry: { base_delay: '10s', max_delay: '5s' } })
    expect(problems).toMatchObject([{ severity: 'warning', path: ['retry', 'base_delay'] }])
  })
})

describe('the whole', () => {
  test('every problem is told at once, and one error is enough for no snapshot', () => {
    const { snapshot, problems } = compileInput({
      backends: [
        { name: 'a', url: 'http://a.test' },
        { name: 'a', url: 'http://a.test' },
      ],
      models: { m: { routes: [{ backend: 'nowhere', model: 'x' }] } },
      fallback: { alias_fallback: { ghost: ['m'], m: ['m'] }, cooldown_on: ['soon'] },
      detection: { error_codes: ['oops'], error_patterns: ['re:('] },
    })
    expect(snapshot).toBeUndefined()
    expect(problems.map(({ severity, path }) => `${severity} ${path.join('.')}`).toSorted()).toEqual([
      'error backends.1.name',
      'error detection.error_patterns.0',
      'error fallback.alias_fallback.ghost',
      'error models.m.routes.0.backend',
      'warning detection.error_codes.0',
      'warning fallback.alias_fallback.m.0',
      'warning fallback.cooldown_on.0',
    ])
  })

  test('plain settings are handed on', () => {
    const snapshot = snapshotOf(
      {
        models_require_auth: true,
        max_body_size: '1mb',
        errors: { unknown_model_status: 400 },
        headers: { debug: true },
        shutdown: { drain_timeout: '5s' },
        trusted_proxies: ['10.0.0.0/8', '::1'],
        logging: { level: 'debug' },
      },
      { version: 7, digest: 'abc', file: undefined },
    )
    expect(snapshot).toMatchObject({
      version: 7,
      digest: 'abc',
      file: undefined,
      modelsRequireAuth: true,
      bodyBytesMax: 1_048_576,
      unknownModelStatus: 400,
      debugHeaders: true,
      drainMs: 5000,
    })
    expect(snapshot.logging.level).toBe('debug')
    expect(['10.1.2.3', '::1', '11.0.0.1'].map((address) => snapshot.trustedProxies.includes(address))).toEqual([
      true,
      true,
      false,
    ])
  })

  test('a sample with a backend switched off and a fallback to an unknown alias loads, and both are told', () => {
    const { snapshot, problems } = compileInput({
      proxy_api_key: 'sk-your-unified-api-key',
      backends: [
        { name: 'provider-a', url: 'https://api.provider-a.com/v1', api_key: 'sk-real-api-key-a', enabled: true },
        { name: 'provider-b', url: 'https://api.provider-b.com/v1', api_key: 'sk-real-api-key-b', enabled: false },
      ],
      models: {
        'anthropic/claude-opus-4-5': {
          enabled: true,
          routes: [
            { backend: 'provider-a', model: 'claude-opus-4-5', priority: 1, enabled: true },
            { backend: 'provider-b', model: 'claude-opus-4-5', priority: 2 },
          ],
        },
        'anthropic/claude-sonnet-4-5': {
          routes: [{ backend: 'provider-a', model: 'claude-sonnet-4-5', priority: 1 }],
        },
      },
      fallback: {
        alias_fallback: {
          'anthropic/claude-opus-4-5': ['anthropic/claude-sonnet-4-5', 'google/gemini-3-pro-preview'],
          'anthropic/claude-sonnet-4-5': ['google/gemini-3-pro-preview'],
        },
      },
    })
    const opus = snapshot?.plans.get('anthropic/claude-opus-4-5')
    expect(opus?.tiers.flatMap(({ candidates }) => candidates.map(({ id }) => id))).toEqual([
      'provider-a/claude-opus-4-5',
      'provider-a/claude-sonnet-4-5',
    ])
    expect(problems.map(({ severity }) => severity).toSorted()).toEqual(['note', 'warning', 'warning'])
  })

  test('an empty configuration is a snapshot that answers nothing', () => {
    const { snapshot, problems } = compileInput({})
    expect([snapshot?.plans.size, snapshot?.backends.size, snapshot?.aliases]).toEqual([0, 0, []])
    expect(problems).toEqual([])
  })

  test('stateKeysOf() names every route that can be tried, once', () => {
    const snapshot = snapshotOf({
      backends: [
        { name: 'a', url: 'http://a.test' },
        { name: 'off', url: 'http://off.test', enabled: false },
      ],
      models: {
        m: { routes: [{ backend: 'a', model: 'x' }] },
        n: {
          routes: [
            { backend: 'a', model: 'x' },
            { backend: 'a', model: 'y' },
            { backend: 'off', model: 'z' },
          ],
        },
      },
    })
    expect([...stateKeysOf(snapshot)]).toEqual(['["a","x"]', '["a","y"]', '["a"]'])
  })
})
