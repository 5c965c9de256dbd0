import { describe, expect, test } from 'bun:test'
import type { ConfigInput } from '#config/schema.ts'
import { describeChanges, restartKeys } from '#snapshot/diff.ts'
import { snapshotOf } from '../../support/compiled.ts'
import { selfSigned } from '../../support/tls.ts'

const a = { name: 'a', url: 'http://a.test/v1', api_key: 'sk-backend-secret', headers: { 'X-Org': 'one' } }
const b = { name: 'b', url: 'http://b.test/v1' }
const m = { routes: [{ backend: 'a', model: 'x', priority: 1 }] }
const n = { routes: [{ backend: 'b', model: 'y', priority: 1 }] }

const base = {
  proxy_api_key: 'sk-client-secret',
  listen: ':8080',
  backends: [a, b],
  models: { m, n },
} satisfies ConfigInput

function changesTo(next: ConfigInput, old: ConfigInput = base): readonly string[] {
  return describeChanges(snapshotOf(old), snapshotOf(next))
}

interface Row {
  readonly name: string
  readonly next: ConfigInput
  readonly changes: readonly string[]
}

describe('describeChanges()', () => {
  test.each([
    { name: 'nothing', next: {}, changes: [] },
    {
      name: 'a backend more',
      next: { backends: [a, b, { name: 'c', url: 'http://c.test' }] },
      changes: ['backend c added'],
    },
    {
      name: 'a backend less',
      next: { backends: [a], models: { m } },
      changes: ['backend b removed', 'alias n removed'],
    },
    { name: 'a url', next: { backends: [{ ...a, url: 'http://z.test/v1' }, b] }, changes: ['backend a: url changed'] },
    {
      name: 'a backend key',
      next: { backends: [{ ...a, api_key: 'sk-new' }, b] },
      changes: ['backend a: api_key changed'],
    },
    {
      name: 'other things of a backend',
      next: { backends: [{ ...a, auth_mode: 'api-key', headers: {}, timeout: { idle: 5 } }, b] },
      changes: ['backend a: auth_mode dialect → api-key, headers changed, timeout changed'],
    },
    {
      name: 'how one backend is checked',
      next: { backends: [{ ...a, health_check: { expect: [204] } }, b] },
      changes: ['backend a: health_check changed'],
    },
    {
      name: 'how all backends are checked',
      next: { health_check: { interval: '10s', timeout: '2s' } },
      changes: ['health_check.interval set to 10s', 'health_check.timeout set to 2s'],
    },
    {
      name: 'every key of a connection',
      next: {
        backends: [
          {
            ...a,
            url: 'https://a.test/v1',
            transport: 'fetch',
            max_connections: 8,
            pool: { max_idle: 4 },
            tls: { verify: false, ca: selfSigned.cert },
            unix_socket: '/run/a.sock',
          },
          { ...b, outbound_proxy: 'http://u:proxy-secret@p.test:3128', websocket: false },
        ],
      },
      changes: [
        'backend a: url changed, transport own → fetch, max_connections 0 → 8, pool changed, tls.verify true → false, ' +
          'tls changed, unix_socket changed',
        'backend b: outbound_proxy changed, websocket true → false',
      ],
    },
    {
      name: 'HTTP/2, and not the transport that comes with it',
      next: { backends: [{ ...a, url: 'https://a.test/v1', http2: true }, b] },
      changes: ['backend a: url changed, http2 false → true'],
    },
    {
      name: 'the common proxy, told once and without its password',
      next: { outbound_proxy: { url: 'http://u:proxy-secret@p.test:3128', no_proxy: ['b.test'] } },
      changes: ['outbound_proxy.url changed', 'outbound_proxy.no_proxy [] → ["b.test"]'],
    },
    {
      name: 'the version of azure',
      next: { backends: [{ ...a, api_version: '2025-01-01' }, b] },
      changes: ['backend a: api_version 2024-10-21 → 2025-01-01'],
    },
    { name: 'a new alias', next: { models: { m, n, o: m } }, changes: ['alias o added'] },
    {
      name: 'the routes of an alias',
      next: {
        models: {
          n,
          m: {
            routes: [
              { backend: 'a', model: 'x', priority: 2, weight: 3, protocol: 'any' },
              { backend: 'b', model: 'x', priority: 2 },
            ],
          },
        },
      },
      changes: [
        'alias m: route a/x priority 1 → 2, route a/x weight 1 → 3, route a/x protocol openai → any, route b/x added',
      ],
    },
    {
      name: 'an alias that is switched off and lives on through a fallback',
      next: { models: { n, m: { ...m, enabled: false } }, fallback: { alias_fallback: { m: ['n'] } } },
      changes: ['alias m: route a/x removed, falls back to n now', 'alias m hidden from lists'],
    },
    { name: 'a setting', next: { fallback: { cooldown_seconds: 5 } }, changes: ['fallback.cooldown_seconds 30 → 5'] },
    {
      name: 'a duration',
      next: { shutdown: { drain_timeout: '90s' } },
      changes: ['shutdown.drain_timeout 30s → 1m30s'],
    },
    { name: 'a size', next: { max_body_size: '1mb' }, changes: ['max_body_size 64mb → 1mb'] },
    { name: 'a list', next: { trusted_proxies: ['::1'] }, changes: ['trusted_proxies [] → ["::1"]'] },
    {
      name: 'a section that was not there',
      next: { circuit_breaker: {} },
      changes: [
        'circuit_breaker.enabled set to true',
        'circuit_breaker.failure_threshold set to 5',
        'circuit_breaker.open_timeout set to 1m',
        'circuit_breaker.max_open_timeout set to 10m',
        'circuit_breaker.success_threshold set to 2',
        'circuit_breaker.max_ejection_percent set to 50',
      ],
    },
    {
      name: 'times of the outlier detection and of slow starts',
      next: { outlier_detection: { ejection_time: '90s' }, load_balancing: { slow_start: '2m' } },
      changes: [
        'load_balancing.slow_start 0 → 2m',
        'outlier_detection.enabled set to true',
        'outlier_detection.interval set to 10s',
        'outlier_detection.min_requests set to 20',
        'outlier_detection.failure_percent set to 50',
        'outlier_detection.ejection_time set to 1m30s',
        'outlier_detection.max_ejection_time set to 5m',
        'outlier_detection.max_ejection_percent set to 50',
      ],
    },
    { name: 'a common time limit, told once', next: { timeout: { idle: 5 } }, changes: ['timeout.idle 2m → 5s'] },
    { name: 'the client key', next: { proxy_api_key: 'sk-other' }, changes: ['proxy_api_key changed'] },
    { name: 'the listen address', next: { listen: ':9090' }, changes: ['listen changed, after a restart'] },
  ] satisfies Row[])('tells $name', ({ next, changes }) => {
    expect(changesTo({ ...base, ...next })).toEqual(changes)
  })

  test('tells what is gone', () => {
    const { proxy_api_key: _key, ...open } = base
    const before = { ...base, circuit_breaker: {}, fallback: { alias_fallback: { m: ['n'] } } } satisfies ConfigInput
    expect(changesTo({ ...open, allow_unauthenticated: true }, before)).toEqual([
      'proxy_api_key removed',
      'allow_unauthenticated false → true',
      'circuit_breaker.enabled removed',
      'circuit_breaker.failure_threshold removed',
      'circuit_breaker.open_timeout removed',
      'circuit_breaker.max_open_timeout removed',
      'circuit_breaker.success_threshold removed',
      'circuit_breaker.max_ejection_percent removed',
      'alias m: falls back to nothing now',
    ])
  })

  test('never tells a secret', () => {
    const changed = {
      ...base,
      outbound_proxy: { url: 'http://user:proxy-secret@p.test' },
      proxy_api_key: 'sk-new-client-secret',
      upstream_default_key: 'sk-new-default-secret',
      backends: [
        { ...a, api_key: 'sk-new-backend-secret', headers: { Authorization: 'Bearer sk-header-secret' } },
        { ...b, outbound_proxy: 'http://user:other-secret@p.test' },
      ],
    }
    for (const changes of [changesTo(changed), changesTo(base, changed)]) {
      expect(changes.length).toBeGreaterThan(2)
      expect(changes.join()).not.toContain('secret')
    }
  })

  test('an alias that comes back is told', () => {
    const models = { n, m: { ...m, enabled: false } }
    const before = { ...base, models, fallback: { alias_fallback: { m: ['n'] } } }
    const after = { ...before, models: { n, m } }
    expect(changesTo(after, before)).toEqual(['alias m: route a/x added', 'alias m back in lists'])
  })

  test('a long account is cut', () => {
    const models = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`alias-${index}`, m]))
    const changes = changesTo({ ...base, models: { ...base.models, ...models } })
    expect([changes.length, changes[0], changes.at(-1)]).toEqual([51, 'alias alias-0 added', 'and 20 more'])
  })
})

test.each([
  { name: 'the address', changed: { listen: ':9090' }, keys: ['listen'] },
  { name: 'the path of the admin pages', changed: { admin: { path: '/ops' } }, keys: ['admin.path'] },
  { name: 'their address', changed: { admin: { listen: '127.0.0.1:9' } }, keys: ['admin.listen'] },
  { name: 'how many requests are kept', changed: { admin: { keep_requests: 5 } }, keys: [] },
  { name: 'the size of bodies', changed: { max_body_size: '1mb' }, keys: [] },
])('B50: restartKeys() names $keys when $name changes', ({ changed, keys }) => {
  const changes = changesTo({ ...base, ...changed })
  expect([restartKeys(snapshotOf(base), snapshotOf({ ...base, ...changed })), changes.length]).toEqual([keys, 1])
})
