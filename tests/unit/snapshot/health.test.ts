import { describe, expect, test } from 'bun:test'
import type { HealthPolicy } from '#core/health.ts'
import type { ConfigInput } from '#config/schema.ts'
import { checkedBackends } from '#snapshot/health.ts'
import { compileInput, snapshotOf } from '../../support/compiled.ts'

type BackendInput = NonNullable<ConfigInput['backends']>[number]

/** How the backend `a` is checked. */
function policyOf(backend: Partial<BackendInput>, input: ConfigInput = {}): HealthPolicy | undefined {
  const snapshot = snapshotOf({ ...input, backends: [{ name: 'a', url: 'https://a.test/v1', ...backend }] })
  return snapshot.backends.get('a')?.health
}

/** The one backend of the service `s`, model `m`, and how it is checked. */
function servicePolicyOf(backend: object, input: ConfigInput = {}): HealthPolicy | undefined {
  const services = { s: { models: { m: { backends: [{ id: 'x', url: 'http://x.test:8000', ...backend }] } } } }
  return snapshotOf({ ...input, services }).backends.get('s/m/x')?.health
}

describe('which backends are checked', () => {
  test.each([
    { row: 'none, unasked', input: {}, own: undefined, isChecked: false },
    { row: 'all, with the section', input: { health_check: {} }, own: undefined, isChecked: true },
    {
      row: 'none, with the section switched off',
      input: { health_check: { enabled: false } },
      own: undefined,
      isChecked: false,
    },
    { row: 'the one that says how', input: {}, own: { path: '/up' }, isChecked: true },
    { row: 'the one that has a section, if an empty one', input: {}, own: {}, isChecked: true },
    {
      row: 'not the one that does not want to',
      input: { health_check: {} },
      own: { enabled: false },
      isChecked: false,
    },
    {
      row: 'the one that wants to, whatever the file says',
      input: { health_check: { enabled: false } },
      own: { enabled: true },
      isChecked: true,
    },
  ] satisfies { row: string; input: ConfigInput; own: BackendInput['health_check']; isChecked: boolean }[])(
    'backends[]: $row',
    ({ input, own, isChecked }) => {
      expect(policyOf(own === undefined ? {} : { health_check: own }, input) !== undefined).toBe(isChecked)
    },
  )

  test('D32: those of services unasked, unless the file says otherwise', () => {
    expect(servicePolicyOf({})).toBeDefined()
    expect(servicePolicyOf({}, { health_check: { enabled: false } })).toBeUndefined()
    expect(servicePolicyOf({ health_check: { enabled: false } })).toBeUndefined()
  })

  test('N008: those of passthrough only with the section', () => {
    const passthrough = { backends: [{ id: 'x', url: 'http://x.test' }] }
    expect(checkedBackends(snapshotOf({ passthrough })).size).toBe(0)
    const checked = checkedBackends(snapshotOf({ passthrough, health_check: {} }))
    expect(Array.from(checked.values(), ({ health }) => health?.url.href)).toEqual(['http://x.test/v1/models'])
  })

  test('never those that only pretend', () => {
    expect(policyOf({ url: 'mock://a' }, { health_check: { enabled: true } })).toBeUndefined()
    expect(servicePolicyOf({ url: 'mock://a' })).toBeUndefined()
  })
})

describe('how a backend is checked', () => {
  test('D32 D33: of services GET /health, expecting 200, every 30 s within 5 s', () => {
    const policy = servicePolicyOf({})
    expect(policy).toMatchObject({
      method: 'GET',
      intervalMs: 30_000,
      timeoutMs: 5000,
      failureThreshold: 3,
      successThreshold: 2,
    })
    expect(policy?.url.href).toBe('http://x.test:8000/health')
    expect([200, 204, 301, 500].filter((status) => policy?.expects(status))).toEqual([200])
  })

  test.each([
    { protocol: 'openai', url: 'https://a.test/v1', asked: 'https://a.test/v1/models' },
    { protocol: 'openai', url: 'https://a.test', asked: 'https://a.test/v1/models' },
    { protocol: 'any', url: 'https://a.test/api/v1', asked: 'https://a.test/api/v1/models' },
    { protocol: 'anthropic', url: 'https://a.test', asked: 'https://a.test/v1/models?limit=1' },
    { protocol: 'gemini', url: 'https://a.test/v1beta', asked: 'https://a.test/v1beta/models?pageSize=1' },
    { protocol: 'gemini', url: 'https://a.test', asked: 'https://a.test/v1beta/models?pageSize=1' },
    { protocol: 'ollama', url: 'http://a.test:11434/v1', asked: 'http://a.test:11434/api/tags' },
    { protocol: 'cohere', url: 'https://a.test/compatibility/v1', asked: 'https://a.test/v1/models?page_size=1' },
    { protocol: 'azure', url: 'https://a.test', asked: 'https://a.test/openai/models?api-version=2024-10-21' },
    { protocol: 'azure', url: 'https://a.test/openai/v1', asked: 'https://a.test/openai/v1/models' },
  ] satisfies { protocol: NonNullable<BackendInput['protocol']>; url: string; asked: string }[])(
    'without a path the list of models, which costs no tokens: $protocol at $url',
    ({ protocol, url, asked }) => {
      const policy = policyOf({ protocol, url }, { health_check: {} })
      expect(policy?.url.href).toBe(asked)
      expect([200, 204, 301, 401].filter((status) => policy?.expects(status))).toEqual([200, 204])
    },
  )

  test('D36: the nearer word counts, key by key', () => {
    const common = { path: '/up?deep=1', interval: '60s', timeout: '10s', headers: { 'x-one': '1', 'x-two': '2' } }
    const own = {
      method: 'options',
      expect: [200, '204', '4xx'],
      timeout: '2s',
      headers: { 'x-two': 'two' },
      failure_threshold: 5,
      success_threshold: 1,
    }
    const policy = policyOf({ health_check: own }, { health_check: common })
    expect(policy).toMatchObject({
      method: 'OPTIONS',
      headers: [
        ['x-one', '1'],
        ['x-two', 'two'],
      ],
      intervalMs: 60_000,
      timeoutMs: 2000,
      failureThreshold: 5,
      successThreshold: 1,
    })
    expect(policy?.url.href).toBe('https://a.test/v1/up?deep=1')
    expect([200, 201, 204, 403, 500].filter((status) => policy?.expects(status))).toEqual([200, 204, 403])
  })

  test('a header of the backend takes the place of a common one, however it is spelt', () => {
    const health_check = { headers: { 'x-probe': 'two', 'x-own': '1' } }
    const common = { headers: { 'X-Probe': 'one', 'X-Other': '3' } }
    expect(policyOf({ health_check }, { health_check: common })?.headers).toEqual([
      ['X-Other', '3'],
      ['x-probe', 'two'],
      ['x-own', '1'],
    ])
  })

  test('a status that is none is an error with its place', () => {
    const input = { health_check: { expect: ['2xx', 'ok'] } }
    const own = [{ name: 'a', url: 'https://a.test', health_check: { expect: [99] } }]
    const told = compileInput({ ...input, backends: own }).problems.map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    )
    expect(told).toContain('health_check.expect.1: "ok" is no status code, write one such as 200 or "2xx"')
    expect(told).toContain('backends.0.health_check.expect.0: "99" is no status code, write one such as 200 or "2xx"')
  })
})

test('headers that belong to the connection cannot be set', () => {
  const health_check = { headers: { 'Content-Length': '3' } }
  const { problems } = compileInput({ health_check, backends: [{ name: 'a', url: 'https://a.test', health_check }] })
  const message = '"Content-Length" belongs to the connection and cannot be set'
  expect(problems.map((problem) => `${problem.path.join('.')}: ${problem.message}`)).toEqual([
    `health_check.headers.Content-Length: ${message}`,
    `backends.0.health_check.headers.Content-Length: ${message}`,
  ])
})

describe('the pages for probes', () => {
  function pagesOf(health: ConfigInput['health'], input: ConfigInput = {}): Record<string, string> {
    return Object.fromEntries(snapshotOf({ ...input, health }).healthPages.byPath)
  }

  test('stand where probes expect them', () => {
    expect(pagesOf({})).toEqual({
      '/health': 'liveness',
      '/healthz': 'liveness',
      '/livez': 'liveness',
      '/ready': 'readiness',
      '/readyz': 'readiness',
      '/health/verbose': 'verbose',
    })
  })

  test('C534: a named path takes the place of the built-in ones of its type', () => {
    expect(pagesOf({ endpoints: [{ path: '/status/ready', type: 'readiness' }] })).toEqual({
      '/health': 'liveness',
      '/healthz': 'liveness',
      '/livez': 'liveness',
      '/status/ready': 'readiness',
      '/health/verbose': 'verbose',
    })
    // A path that is built in for another type is the named one's.
    expect(pagesOf({ endpoints: [{ path: '/health', type: 'verbose' }] })['/health']).toBe('verbose')
  })

  test.each([
    { path: '/v1/models', why: 'stands where clients ask for other things' },
    { path: '/api/health/status', why: 'stands where clients ask for other things' },
    { path: '/api/admin/x', why: 'stands where clients ask for other things' },
    { path: '/behind/health', why: 'stands among the admin pages' },
    { path: '/svc/health', why: 'stands where the service "svc" is' },
    { path: '/up', why: 'is the page for liveness already' },
  ])('cannot be at $path', ({ path, why }) => {
    const { problems } = compileInput({
      admin: { path: '/behind' },
      services: { svc: { models: { m: { backends: [{ id: 'x', url: 'http://x.test' }] } } } },
      health: {
        endpoints: [
          { path: '/up', type: 'liveness' },
          { path, type: 'readiness' },
        ],
      },
    })
    expect(problems.map(({ path: at, message }) => `${at.join('.')}: ${message}`)).toContain(
      `health.endpoints.1.path: "${path}" ${why}, take another path`,
    )
  })
})
