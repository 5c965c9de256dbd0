import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import type { Plan } from '#core/plan.ts'
import { Secret } from '#core/secret.ts'
import type { ConfigInput } from '#config/schema.ts'
import type { Outside } from '#credential/outside.ts'
import { planNamesOf, stateKeysOf } from '#snapshot/compile.ts'
import { describeChanges } from '#snapshot/diff.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { compileInput, snapshotOf } from '../../support/compiled.ts'
import { selfSigned } from '../../support/tls.ts'

type PoolInput = NonNullable<ConfigInput['passthrough']>
type EntryInput = PoolInput['backends'][number]

const key = 'sk-client-0123456789'

function withService(backends: readonly EntryInput[], more: Omit<Partial<PoolInput>, 'backends'> = {}): ConfigInput {
  return { proxy_api_key: key, services: { google: { models: { gemma: { ...more, backends: [...backends] } } } } }
}

function planOf(snapshot: Snapshot): Plan {
  const plan = snapshot.services.plans.get('google/gemma')
  if (plan === undefined) throw new Error('there is no plan')
  return plan
}

const two: EntryInput[] = [
  {
    id: 'b1',
    name: '后端节点1',
    url: 'http://one.test:5000/',
    weight: 2,
    api_key: 'sk-own-0123456789',
    auth_mode: 'x-api-key',
  },
  { id: 'b2', url: 'http://two.test' },
]

describe('services', () => {
  test('D06 D08 D09 D10: each model is a plan of one tier, its backends named by service, model and id', () => {
    const snapshot = snapshotOf(withService(two))
    const plan = planOf(snapshot)
    expect(plan).toMatchObject({
      alias: 'google/gemma',
      tiers: [{ alias: 'google/gemma', level: 'l1', priority: 0, strategy: 'round_robin' }],
      balance: { affinity: { by: 'ip', ttlMs: 3_600_000 } },
    })
    const [tier] = plan.tiers
    expect(tier?.candidates).toMatchObject([
      {
        id: 'google/gemma/b1',
        model: 'gemma',
        keepsModel: true,
        protocol: 'any',
        weight: 2,
        entry: { id: 'b1', name: '后端节点1' },
        backend: { name: 'google/gemma/b1', authMode: 'x-api-key' },
      },
      { id: 'google/gemma/b2', weight: 1, entry: { id: 'b2', name: 'b2' }, backend: { name: 'google/gemma/b2' } },
    ])
    expect(tier?.candidates[0]?.backend.url.href).toBe('http://one.test:5000/')
    expect([...(tier?.candidates[0]?.dialects ?? [])]).toContain('raw')
    expect(snapshot.services.byName.get('google')).toEqual(new Map([['gemma', 'google/gemma']]))
    expect([...snapshot.backends.keys()]).toEqual(['google/gemma/b1', 'google/gemma/b2'])
  })

  test.each([
    { name: 'its own', input: { api_key: 'own-key' }, common: 'common-key', sent: 'own-key' },
    { name: 'D14: the common one', input: {}, common: 'common-key', sent: 'common-key' },
    { name: 'D15: none', input: {}, common: undefined, sent: undefined },
  ])('D12: a backend is sent $name', ({ input, common, sent }) => {
    const snapshot = snapshotOf({
      ...withService([{ id: 'a', url: 'http://a.test', ...input }]),
      ...(common !== undefined && { upstream_default_key: common }),
    })
    expect(snapshot.backends.get('google/gemma/a')?.apiKey?.reveal()).toBe(sent)
  })

  test.each([
    { reuse: false, sent: undefined },
    { reuse: true, sent: key },
  ])('N309: the key of the gateway leaves it only where somebody said so: $reuse', ({ reuse, sent }) => {
    const snapshot = snapshotOf({ ...withService([{ id: 'a', url: 'http://a.test' }]), reuse_gateway_key: reuse })
    expect(snapshot.backends.get('google/gemma/a')?.apiKey?.reveal()).toBe(sent)
  })

  test('their keys are masked, and their credentials adopted', () => {
    const snapshot = snapshotOf({
      ...withService([
        { id: 'a', url: 'http://a.test', api_key: 'sk-of-a-0123456789' },
        { id: 'b', url: 'http://b.test', credentials: [{ type: 'api_key', api_key: 'sk-of-b-0123456789' }] },
      ]),
      passthrough: { backends: [{ id: 'c', url: 'http://c.test', headers: { 'X-Auth-Token': 'token-of-c-0123' } }] },
    })
    const secrets = snapshot.secrets.map((secret) => secret.reveal())
    for (const secret of ['sk-of-a-0123456789', 'sk-of-b-0123456789', 'token-of-c-0123'])
      expect(secrets).toContain(secret)
    expect(snapshot.credentials.map(({ backend }) => backend)).toEqual(['google/gemma/b'])
    expect(snapshot.backends.get('google/gemma/b')?.credentials).toBeDefined()
  })

  test.each([
    {
      name: 'of the model',
      service: { strategy: 'cost' as const },
      pool: { strategy: 'latency' as const },
      is: 'latency',
    },
    { name: 'of the service', service: { strategy: 'least_connections' as const }, pool: {}, is: 'least_connections' },
    { name: 'in turn', service: {}, pool: {}, is: 'round_robin' },
    { name: 'by lot', service: {}, pool: { strategy: 'weighted_random' as const }, is: undefined },
  ])('services.<name>.strategy and models.<name>.strategy: the nearest word counts, $name', ({ service, pool, is }) => {
    const { services } = withService(two, pool)
    const snapshot = snapshotOf({
      services: { google: { ...service, ...modelsOf(services) } },
    })
    const [tier] = planOf(snapshot).tiers
    expect(tier?.strategy).toBe(is as undefined)
    expect(planOf(snapshot).balance?.isMeasured).toBe(is === 'latency' || is === 'least_connections')
  })

  test.each([
    {
      name: 'of the model',
      service: { by: 'user' },
      pool: { by: 'header:X-Session', ttl: '5m' },
      is: { by: 'header', header: 'x-session', ttlMs: 300_000 },
    },
    {
      name: 'of the service',
      service: { by: 'user' },
      pool: undefined,
      is: { by: 'user', header: '', ttlMs: 3_600_000 },
    },
    { name: 'by address', service: undefined, pool: undefined, is: { by: 'ip', header: '', ttlMs: 3_600_000 } },
    { name: 'off', service: undefined, pool: { by: 'off' }, is: undefined },
  ])(
    'D19 D20: services.<name>.affinity and models.<name>.affinity: the nearest word counts, $name',
    ({ service, pool, is }) => {
      const { services } = withService(two, pool === undefined ? {} : { affinity: pool })
      const snapshot = snapshotOf({
        services: { google: { ...(service !== undefined && { affinity: service }), ...modelsOf(services) } },
      })
      expect(planOf(snapshot).balance?.affinity).toEqual(is as never)
    },
  )

  test('a backend of `backends` may be named: it keeps its key and its name, and stands on its own here', () => {
    const backends = [{ name: 'openai', url: 'https://api.openai.test/v1', api_key: 'sk-o-0123456789', weight: 3 }]
    const models = { m: { routes: [{ backend: 'openai', model: 'gpt' }] } }
    const snapshot = snapshotOf({ ...withService([{ backend: 'openai', weight: 2 }]), backends, models })
    const [candidate] = planOf(snapshot).tiers[0]?.candidates ?? []
    expect(candidate).toMatchObject({ id: 'google/gemma/openai', weight: 6, protocol: 'openai' })
    expect(candidate?.backend).toBe(snapshot.backends.get('openai'))
    expect([...snapshot.backends.keys()]).toEqual(['openai'])
    const keys = ['["openai","gpt"]', '["openai"]', '["services","google/gemma","openai"]']
    expect([...stateKeysOf(snapshot)].toSorted()).toEqual(keys)
  })

  test('passthrough is a plan of its own', () => {
    const snapshot = snapshotOf({ passthrough: { backends: [{ id: 'flow', url: 'https://flow.test/base' }] } })
    expect(snapshot.passthrough).toMatchObject({
      alias: 'passthrough',
      tiers: [{ candidates: [{ id: 'passthrough/flow', model: '', backend: { name: 'passthrough/flow' } }] }],
    })
    expect([...stateKeysOf(snapshot)]).toEqual(['["passthrough","passthrough","flow"]'])
    expect([...planNamesOf(snapshot)]).toEqual(['passthrough'])
  })

  test('one that is switched off is not asked', () => {
    const snapshot = snapshotOf(
      withService([
        { id: 'a', url: 'http://a.test', enabled: false },
        { id: 'b', url: 'http://b.test' },
      ]),
    )
    expect(planOf(snapshot).tiers[0]?.candidates.map(({ id }) => id)).toEqual(['google/gemma/b'])
  })

  test('two that would have the same name are refused', () => {
    const backends = [{ id: 'b/c', url: 'http://a.test' }]
    const { problems } = compileInput({
      services: {
        google: { models: { 'gemma/b': { backends: [{ id: 'c', url: 'http://a.test' }] }, gemma: { backends } } },
      },
    })
    expect(problems).toMatchObject([
      { severity: 'error', path: ['services', 'google', 'models', 'gemma', 'backends', 0, 'id'] },
    ])
  })
})

function modelsOf(services: ConfigInput['services']): {
  models: NonNullable<ConfigInput['services']>[string]['models']
} {
  return { models: services?.['google']?.models ?? {} }
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })

/** Keys of `backends[]` with a value that shows in what is made of them. */
const settings: Readonly<Record<string, Partial<EntryInput>>> = {
  url: { url: 'https://other.test/base' },
  api_key: { api_key: 'sk-0123456789' },
  headers: { headers: { 'X-Team': 'blue' } },
  auth_mode: { auth_mode: 'x-api-key' },
  'timeout.queue': { timeout: { queue: 1 } },
  'timeout.dns': { timeout: { dns: 2 } },
  'timeout.connect': { timeout: { connect: 3 } },
  'timeout.tls': { timeout: { tls: 4 } },
  'timeout.write': { timeout: { write: 5 } },
  'timeout.first_byte': { timeout: { first_byte: 6 } },
  'timeout.idle': { timeout: { idle: 7 } },
  'timeout.total': { timeout: { total: 8 } },
  transport: { transport: 'fetch' },
  http2: { url: 'https://a.test', http2: true },
  websocket: { websocket: false },
  max_connections: { max_connections: 9 },
  'pool.max_idle': { pool: { max_idle: 10 } },
  'pool.idle_timeout': { pool: { idle_timeout: 11 } },
  'pool.max_age': { pool: { max_age: 12 } },
  'pool.prewarm': { pool: { prewarm: 2 } },
  'pool.max_waiting': { pool: { max_waiting: 13 } },
  'tls.server_name': { url: 'https://a.test', tls: { server_name: 'b.test' } },
  'tls.min_version': { url: 'https://a.test', tls: { min_version: '1.3' } },
  'tls.verify': { url: 'https://a.test', tls: { verify: false } },
  unix_socket: { unix_socket: '/run/a.sock' },
  outbound_proxy: { outbound_proxy: 'http://proxy.test:3128' },
  'streaming.time_to_first_token': { streaming: { time_to_first_token: 14 } },
  'streaming.idle_timeout': { streaming: { idle_timeout: 15 } },
  'streaming.max_duration': { streaming: { max_duration: 16 } },
  'tls.ca': { url: 'https://a.test', tls: { ca: selfSigned.cert } },
  'tls.cert and tls.key': { url: 'https://a.test', tls: { cert: selfSigned.cert, key: selfSigned.key } },
  'credentials of every kind': {
    credentials: [
      { name: 'k', weight: 2, api_key: 'sk-0123456789' },
      { file: '/run/key' },
      { env: 'KEY' },
      { type: 'jwt', secrets_file: '/run/secrets.json' },
      {
        type: 'jwt',
        client_id: 'id1',
        client_secret: 'secret-1',
        claims: ['clientId'],
        extra_claims: { agent: 'x' },
        issuer: 'me',
        audience: 'you',
        ttl: '1h',
        cache_ttl: '30m',
        refresh_margin: '1m',
      },
      {
        type: 'oauth2',
        token_url: 'https://auth.test/token',
        client_id: 'id2',
        client_secret: 'secret-2',
        scope: 'all',
        auth_style: 'body',
      },
      {
        type: 'azure_ad',
        authority: 'https://login.test',
        tenant: 't',
        client_id: 'id3',
        client_secret: 'secret-3',
      },
      { service_account: JSON.stringify({ type: 'service_account', client_email: 'a@b.test', private_key: rsa }) },
      {
        type: 'aws',
        access_key_id: 'AKIAIOSFODNN7EXAMPLE',
        secret_access_key: 'secret-4',
        session_token: 'session',
        region: 'eu-west-1',
        service: 'bedrock',
      },
    ],
  },
}

const outside: Outside = {
  env: { KEY: 'sk-from-the-environment' },
  files: new Map([
    ['/run/key', { path: '/run/key', found: { text: 'sk-from-a-file' }, isShared: false }],
    [
      '/run/secrets.json',
      { path: '/run/secrets.json', found: { text: '[{clientId:"a",clientSecret:"b",tenant:"c"}]' }, isShared: false },
    ],
  ]),
}

/** What a backend becomes, secrets told. */
function shapeOf(snapshot: Snapshot): unknown {
  const plans = [...snapshot.plans.values(), ...snapshot.services.plans.values(), snapshot.passthrough]
  const [candidate] = plans.flatMap((plan) => plan?.tiers ?? []).flatMap(({ candidates }) => candidates)
  if (candidate === undefined) throw new Error('there is no candidate')
  const { backend, streamClocks } = candidate
  const { health: _health, apiVersion: _version, ...rest } = backend
  const told = { ...rest, key: rest.apiKey?.reveal(), streamClocks, url: rest.url.href, owns: snapshot.credentials }
  return JSON.parse(
    JSON.stringify(told, (_key, value: unknown) => (value instanceof Secret ? `secret ${value.reveal()}` : value)),
  )
}

const places: Readonly<Record<string, (entry: EntryInput) => ConfigInput>> = {
  'google/gemma/x': (entry) => withService([entry]),
  'passthrough/x': (entry) => ({ proxy_api_key: key, passthrough: { backends: [entry] } }),
}

describe.each(Object.keys(places))('the backend %s', (name) => {
  const place = (entry: EntryInput): ConfigInput => places[name]?.(entry) ?? {}
  const plain = snapshotOf(place({ id: 'x', url: 'http://a.test' }))

  test.each(Object.entries(settings))(
    'in services and in passthrough: a backend there takes every key that it takes in `backends`: %s',
    (setting, value) => {
      const entry = { ...value, url: value.url ?? 'http://a.test' }
      const inPool = snapshotOf(place({ id: 'x', ...entry }), { outside })
      const inBackends = snapshotOf(
        {
          proxy_api_key: key,
          backends: [{ protocol: 'any', ...entry, name }],
          models: { m: { routes: [{ backend: name, model: 'm' }] } },
        },
        { outside },
      )
      expect(shapeOf(inPool)).toEqual(shapeOf(inBackends))
      expect(shapeOf(inPool)).not.toEqual(shapeOf(plain))
      expect(setting).not.toBe('')
    },
  )

  test('its checks are its own', () => {
    const snapshot = snapshotOf(place({ id: 'x', url: 'http://a.test', health_check: { path: '/up' } }))
    expect(snapshot.backends.get(name)?.health?.url.pathname).toBe('/up')
  })
})

describe('a reload', () => {
  const before = snapshotOf(withService(two))

  test.each([
    {
      name: 'one more',
      backends: [...two, { id: 'b3', url: 'http://three.test' }],
      says: ['service google/gemma: backend b3 added'],
    },
    { name: 'one less', backends: two.slice(0, 1), says: ['service google/gemma: backend b2 removed'] },
    {
      name: 'another weight and address',
      backends: [
        {
          id: 'b1',
          name: '后端节点1',
          url: 'http://one.test:5001',
          api_key: 'sk-own-0123456789',
          auth_mode: 'x-api-key',
        },
        ...two.slice(1),
      ],
      says: ['backend google/gemma/b1: url changed', 'service google/gemma: backend b1 weight 2 → 1'],
    },
    { name: 'nothing', backends: two, says: [] },
  ])('D66: tells $name by service, model and id', ({ backends, says }) => {
    expect(describeChanges(before, snapshotOf(withService(backends)))).toEqual([...says])
  })

  test('D66: tells of services that come and go, and never of their keys', () => {
    const next = snapshotOf({
      proxy_api_key: key,
      services: {
        llm: { models: { 'gpt-4': { backends: [{ id: 'a', url: 'http://a.test', api_key: 'sk-new-0123456789' }] } } },
      },
      passthrough: { backends: [{ id: 'flow', url: 'http://flow.test' }] },
    })
    expect(describeChanges(before, next)).toEqual([
      'service google/gemma removed',
      'service llm/gpt-4 added',
      'passthrough added',
    ])
  })

  test('D66: what is known of a backend is kept by its id', () => {
    const [first] = stateKeysOf(before)
    expect([...stateKeysOf(snapshotOf(withService([{ id: 'b1', url: 'http://elsewhere.test' }])))]).toEqual([
      first ?? '',
    ])
  })
})

test.each([
  { name: 'v1', severity: 'error' },
  { name: 'metrics', severity: 'error' },
  { name: 'usage', severity: 'error' },
  { name: 'admin', severity: 'error' },
  { name: 'openai', severity: 'warning' },
  { name: 'google', severity: undefined },
])('D81 N317: a service that is called $name: $severity', ({ name, severity }) => {
  const { problems } = compileInput({
    services: { [name]: { models: { m: { backends: [{ id: 'a', url: 'http://a' }] } } } },
  })
  expect(problems.find(({ path }) => path.join('.') === `services.${name}`)?.severity).toBe(severity)
})
