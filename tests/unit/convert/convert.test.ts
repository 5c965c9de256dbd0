import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { convert, type Converted } from '#convert/convert.ts'
import { forms } from '#convert/form.ts'
import { renderFindings } from '#convert/ledger.ts'
import { converted, errorsOf, folder, inputOf, samples } from '../../support/conversions.ts'

describe.each([...samples])('$file', ({ file, form, movesKeys = false }) => {
  const result = converted(inputOf(file, { movesKeys }))

  test('is known for what it is', () => {
    expect(result.form).toBe(form)
  })

  test('becomes the configuration and the report that are expected (UPDATE_EXPECTED=1 writes them)', () => {
    const expected = join(folder, file.replace(/\.\w+$/, '.expected'))
    const moved = result.keys.map(({ place, variable }) => `${variable}: ${place}\n`).join('')
    const text = `${renderFindings(result.findings)}Keys:\n${moved}\n${result.yaml}`
    if (process.env['UPDATE_EXPECTED'] === '1') writeFileSync(expected, text)
    expect(text).toBe(readFileSync(expected, 'utf8'))
  })

  test('gives a configuration without errors', async () => {
    expect(await errorsOf(result)).toEqual([])
  })

  test('gives none of its keys away when they are to be moved, and none in the report in any case', () => {
    const { yaml, findings, keys } = converted(inputOf(file, { movesKeys: true }))
    const secrets = /\b(?:sk-[\w-]+|your-client-secret-\d|your-secret-key-here|azure-key)\b/g
    const written = inputOf(file).text.match(secrets) ?? []
    for (const secret of written) {
      expect(yaml).not.toContain(secret)
      expect(renderFindings(findings)).not.toContain(secret)
      expect(JSON.stringify(keys)).not.toContain(secret)
    }
  })
})

describe('a conversion means what a start with the same files means', () => {
  const oneService = (...backends: readonly object[]): string =>
    JSON.stringify({ services: { s: { models: { m: { backends } } } } })
  const keyless = oneService({ id: 'a', url: 'http://x' })
  const said = ({ findings }: Converted): string[] =>
    findings.map(({ fidelity, place, what }) => `${fidelity} ${place}: ${what}`)

  test.each([
    { env: 'FLOW_PROXY_OWN_HOSTS=a, b:1', wanted: { forward_proxy: { own_hosts: ['a', 'b:1'] } } },
    { env: 'FLOW_PROXY_LOG_CLEANUP_ENABLED=false', wanted: { logging: {} } },
    { env: '', wanted: { logging: { max_age_days: 7, max_total_size_mb: 100 } } },
    { env: 'FLOW_PROXY_LOG_DIR=logs', wanted: { logging: { general_file: 'logs/llm-proxy.log' } } },
    { env: 'flow_proxy_num_workers=4', wanted: { server: { workers: 4 } } },
    { env: 'ALLOW_UNAUTHENTICATED=yes', wanted: { allow_unauthenticated: true } },
    { env: 'FLOW_PROXY_TARGET_URL=https://x.test', wanted: { backends: [{ url: 'https://x.test' }] } },
  ])('secrets.json with "$env" is $wanted', ({ env, wanted }) => {
    expect(Bun.YAML.parse(converted(inputOf('secrets.json', { env })).yaml)).toMatchObject(wanted)
  })

  test.each([
    { env: 'UPSTREAM_DEFAULT_KEY=k', wanted: { upstream_default_key: 'k' } },
    { env: 'TRUSTED_PROXIES=10.0.0.1', wanted: { trusted_proxies: ['10.0.0.1'] } },
    { env: 'HEALTH_CHECK_TIMEOUT=2.5', wanted: { health_check: { timeout: '2s500ms' } } },
    { env: 'ALLOW_UNAUTHENTICATED=1', wanted: { allow_unauthenticated: true } },
    { env: 'MAX_CONNECTIONS=65535', wanted: serviceOf({ max_connections: 65_535 }) },
    { env: '', wanted: { admin: { config_with_client_key: true }, fallback: { when_all_cooling: 'least_bad' } } },
  ])('backends.json with "$env" is $wanted', ({ env, wanted }) => {
    expect(Bun.YAML.parse(converted(inputOf('backends.json', { env, text: keyless })).yaml)).toMatchObject(wanted)
  })

  function serviceOf(backend: object): object {
    return { services: { s: { models: { m: { backends: [backend] } } } } }
  }

  test.each([
    {
      env: '',
      reuses: undefined,
      tells: 'approximate BACKEND_API_KEY: no longer sent to 1 backend without an api_key',
    },
    { env: 'REUSE_GATEWAY_KEY=true', reuses: true, tells: 'exact BACKEND_API_KEY: sent to 1 backend' },
    { env: 'UPSTREAM_DEFAULT_KEY=k', reuses: undefined, tells: 'exact UPSTREAM_DEFAULT_KEY: upstream_default_key' },
  ])('N309: the key of clients goes to no backend unless somebody says so: with "$env"', ({ env, reuses, tells }) => {
    const result = converted(inputOf('backends.json', { env: `BACKEND_API_KEY=k-1\n${env}`, text: keyless }))
    const tree: unknown = Bun.YAML.parse(result.yaml)
    expect(Object(tree)['reuse_gateway_key']).toBe(reuses)
    expect(said(result)).toEqual(expect.arrayContaining([expect.stringContaining(tells)]))
  })

  test.each([
    {
      name: 'an id twice',
      backend: { id: 'a', url: 'http://y' },
      tells:
        'approximate line 1, services.s.models.m.backends[1].id: another backend of the model has it too, so this one is "a-2"',
    },
    {
      name: 'another word for the header',
      backend: { id: 'b', url: 'http://y', auth_mode: 'bearer' },
      tells: 'approximate line 1, services.s.models.m.backends[1].auth_mode: another word: no key is sent',
    },
  ])('$name is put right, and told', ({ backend, tells }) => {
    expect(
      said(converted(inputOf('backends.json', { text: oneService({ id: 'a', url: 'http://x' }, backend) }))),
    ).toContain(tells)
  })

  test('what a start refuses is dropped, and told', () => {
    const result = converted(inputOf('backends.json', { env: 'HEALTH_CHECK_INTERVAL=often', text: keyless }))
    expect(said(result)).toContain('dropped HEALTH_CHECK_INTERVAL: expected a number from 0.1 to 86400, not "often"')
  })
})

test('there is a sample of every form', () => {
  expect([...new Set(samples.map(({ form }) => form))].toSorted()).toEqual([...forms].toSorted())
})

test.each(samples)('$file is read or refused in words, cut off anywhere', ({ file }) => {
  const { text } = inputOf(file)
  for (let length = 0; length < text.length; length += 17) {
    expect(() => convert(inputOf(file, { text: text.slice(0, length) }))).not.toThrow()
  }
})
