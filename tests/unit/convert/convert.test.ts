import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadText } from '#boot/load.ts'
import { formatProblem } from '#config/problem.ts'
import { isPlainObject } from '#config/source.ts'
import { convert, type Converted, type ConvertInput } from '#convert/convert.ts'
import { forms, type Form } from '#convert/form.ts'
import { renderFindings } from '#convert/ledger.ts'

const folder = join(dirname(dirname(import.meta.dir)), 'convert')

const samples: readonly { readonly file: string; readonly form: Form; readonly movesKeys?: boolean }[] = [
  { file: 'secrets.json', form: 'secrets' },
  { file: 'backends.json', form: 'backends' },
  { file: 'ococl-1.yaml', form: 'ococl', movesKeys: true },
  { file: 'ococl-2.1.yaml', form: 'ococl' },
  { file: 'proxy-llm.yaml', form: 'proxy-llm' },
  { file: 'litellm.yaml', form: 'litellm', movesKeys: true },
  { file: 'new-api.json', form: 'one-api' },
  { file: 'one-api.json', form: 'one-api', movesKeys: true },
]

function inputOf(file: string, change: Partial<ConvertInput> = {}): ConvertInput {
  const env = join(folder, file.replace(/\.\w+$/, '.env'))
  return {
    file,
    text: readFileSync(join(folder, file), 'utf8'),
    form: undefined,
    env: existsSync(env) ? readFileSync(env, 'utf8') : undefined,
    models: [],
    reference: file,
    movesKeys: false,
    ...change,
  }
}

function converted(input: ConvertInput): Converted {
  const result = convert(input)
  if (typeof result === 'string') throw new Error(result)
  return result
}

async function errorsOf({ yaml, addressVariables }: Converted): Promise<string[]> {
  const loaded = await loadText(
    { file: join(folder, 'config.yaml'), text: yaml, isFile: true },
    {
      env: Object.fromEntries(addressVariables.map((name) => [name, 'http://127.0.0.1:1'])),
      version: 1,
      listen: {},
      standIns: true,
    },
  )
  return loaded.problems.filter(({ severity }) => severity === 'error').map(formatProblem)
}

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

// Whatever other programs let pass may stand in their files.
const strange: readonly unknown[] = [
  null,
  true,
  -1,
  1e30,
  '',
  'a\nb: c\u0000\u2028',
  '${NOT_SET',
  '$$',
  'https://user:pass@host/?q#f',
  [],
  {},
  ['x', 7, null],
  { 'a/*b*/': [1] },
]

test.each(samples.filter(({ form }) => form !== 'ococl' && form !== 'proxy-llm'))(
  '$file stays valid whatever stands in place of any of its values',
  async ({ file, form }) => {
    const { text } = inputOf(file)
    const seen = new Set<string>()
    const original: unknown = file.endsWith('.json') ? Bun.JSON5.parse(text) : Bun.YAML.parse(text)
    for (const path of pathsIn(original)) {
      for (const value of strange) {
        const changed = JSON.stringify(replaced(original, path, value))
        const result = convert(inputOf(file, { text: changed, form }))
        if (typeof result === 'string' || seen.has(bodyOf(result))) continue
        seen.add(bodyOf(result))
        const errors = await errorsOf(result)
        expect({ path, value, errors }).toEqual({ path, value, errors: [] })
      }
    }
  },
)

test.each(samples)('$file is read or refused in words, cut off anywhere', ({ file }) => {
  const { text } = inputOf(file)
  for (let length = 0; length < text.length; length += 17) {
    expect(() => convert(inputOf(file, { text: text.slice(0, length) }))).not.toThrow()
  }
})

/** Without the remarks at the top. */
function bodyOf({ yaml }: Converted): string {
  return yaml.replace(/^(?:#.*\n)+/, '')
}

function pathsIn(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const inner = Array.isArray(value)
    ? value.flatMap((each, index) => pathsIn(each, [...path, index]))
    : isPlainObject(value)
      ? Object.entries(value).flatMap(([key, each]) => pathsIn(each, [...path, key]))
      : []
  return path.length === 0 ? inner : [path, ...inner]
}

function replaced(value: unknown, [step, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (step === undefined) return by
  if (Array.isArray(value)) return value.map((each, index) => (index === step ? replaced(each, rest, by) : each))
  if (!isPlainObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, key === step ? replaced(each, rest, by) : each]),
  )
}
