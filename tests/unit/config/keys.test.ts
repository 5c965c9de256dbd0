import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSecret, keysOf, schemaAt } from '#config/keys.ts'
import { ConfigSchema } from '#config/schema.ts'
import { observed } from '../../config/observed.ts'

const keys = keysOf(ConfigSchema)

test.each(Object.entries(observed))('N125: what %s does is seen by a test that exists', (_key, [file, name]) => {
  expect(readFileSync(join(import.meta.dir, '..', '..', file), 'utf8')).toContain(name)
})

test('N125: every key of the schema is in the table of observed effects, and no other', () => {
  const leaves = keys.filter(
    ({ path }) => !keys.some((other) => new RegExp(`^${RegExp.escape(path)}(\\.|\\[)`).test(other.path)),
  )
  expect(Object.keys(observed).toSorted()).toEqual(leaves.map(({ path }) => path).toSorted())
})

test('every key has a sentence', () => {
  expect(keys.filter(({ description }) => !/^\S.*\.$/s.test(description)).map(({ path }) => path)).toEqual([])
})

test('keys that hold secrets are known as such', () => {
  expect(keys.filter(({ metadata }) => metadata['x-secret'] === true).map(({ path }) => path)).toEqual([
    'proxy_api_key',
    'auth.providers[].keys[].key',
    'auth.providers[].secret',
    'auth.providers[].client_secret',
    'admin.key',
    'tls.key',
    'tls.certificates[].key',
    'upstream_default_key',
    ...ofBackends('backends[]'),
    'outbound_proxy.url',
    ...ofBackends('services.<name>.models.<name>.backends[]'),
    ...ofBackends('passthrough.backends[]'),
    'middleware[].config.add_headers',
    ...['before_request', 'after_request', 'on_error'].flatMap((point) =>
      ['url', 'headers', 'secret'].map((key) => `hooks.${point}[].${key}`),
    ),
    'rate_limiting.redis.url',
    'health_check.headers',
    'cache.redis.url',
    'usage.pricing_key',
  ])
  expect(isSecret(ConfigSchema, ['backends', 0, 'headers', 'X-Key'])).toBe(true)
  expect(isSecret(ConfigSchema, ['backends', 0, 'name'])).toBe(false)
})

/** What backends keep secret, wherever they stand. */
function ofBackends(section: string): string[] {
  return [
    'api_key',
    'headers',
    'tls.key',
    'outbound_proxy',
    'credentials[].api_key',
    'credentials[].client_secret',
    'credentials[].service_account',
    'credentials[].secret_access_key',
    'credentials[].session_token',
    'health_check.headers',
  ].map((key) => `${section}.${key}`)
}

test('schemaAt() finds the schema of a place, and nothing where there is none', () => {
  expect(schemaAt(ConfigSchema, ['models', 'any name', 'routes', 3, 'weight'])?.type).toBe('number')
  expect(schemaAt(ConfigSchema, ['models', 'any name', 'weight'])).toBeUndefined()
})
