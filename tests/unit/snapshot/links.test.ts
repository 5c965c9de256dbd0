import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import type { ConfigInput } from '#config/schema.ts'
import { compileInput, snapshotOf } from '../../support/compiled.ts'
import { selfSigned } from '../../support/tls.ts'

type BackendInput = NonNullable<ConfigInput['backends']>[number]

/** The backend `a` of a configuration, compiled. */
function backendOf(backend: Partial<BackendInput>, input: ConfigInput = {}) {
  const snapshot = snapshotOf({ ...input, backends: [{ name: 'a', url: 'https://a.test/v1', ...backend }] })
  const compiled = snapshot.backends.get('a')
  if (compiled === undefined) throw new Error('The backend is switched off')
  return compiled
}

/** What is told of a backend: `severity key: message`. */
function toldOf(backend: Partial<BackendInput>, input: ConfigInput = {}): string[] {
  const { problems } = compileInput({ ...input, backends: [{ name: 'a', url: 'https://a.test/v1', ...backend }] })
  return problems.map(({ severity, path, message }) => `${severity} ${path.slice(2).join('.')}: ${message}`)
}

describe('a link', () => {
  test('is by default our own client, with verification and without a limit', () => {
    expect(backendOf({}).link).toEqual({
      tls: { verify: true, ca: undefined, cert: undefined, key: undefined, serverName: undefined, minVersion: '1.2' },
      unixPath: undefined,
      proxy: undefined,
      pool: { connectionsMax: 0, idleMax: 512, idleMs: 50_000, ageMs: 0, waitingMax: 1000, prewarm: 0 },
      http2: false,
      transport: 'own',
    })
  })

  test('holds all that is written', () => {
    const { link } = backendOf({
      max_connections: 64,
      pool: { max_idle: 32, idle_timeout: '20s', max_age: '5m', prewarm: 4, max_waiting: 9 },
      tls: { ca: selfSigned.cert, ...selfSigned, server_name: 'localhost', min_version: 1.3, verify: true },
      unix_socket: '/run/vllm.sock',
    })
    expect(link).toEqual({
      owner: 'a',
      tls: { verify: true, ca: selfSigned.cert, ...selfSigned, serverName: 'localhost', minVersion: '1.3' },
      unixPath: '/run/vllm.sock',
      proxy: undefined,
      pool: { connectionsMax: 64, idleMax: 32, idleMs: 20_000, ageMs: 300_000, waitingMax: 9, prewarm: 4 },
      http2: false,
      transport: 'own',
    })
  })

  test.each([
    { backend: {}, transport: 'own', http2: false },
    { backend: { transport: 'fetch' }, transport: 'fetch', http2: false },
    { backend: { http2: true }, transport: 'fetch', http2: true },
  ] as const)('C1201: $backend goes by $transport', ({ backend, transport, http2 }) => {
    expect(backendOf(backend)).toMatchObject({ link: { transport, http2 }, websocket: transport === 'own' })
  })

  test('is one object for all backends whose connections have everything in common', () => {
    const { backends } = snapshotOf({
      backends: [
        { name: 'a', url: 'https://a.test/v1', api_key: 'one' },
        { name: 'b', url: 'https://b.test/v1', api_key: 'two' },
        { name: 'c', url: 'https://a.test/v1', max_connections: 1 },
      ],
    })
    const [a, b, c] = ['a', 'b', 'c'].map((name) => backends.get(name)?.link)
    expect(a).toBe(b)
    expect(a).not.toEqual(c)
  })
})

describe('outbound_proxy', () => {
  const common = { url: 'http://common.test:3128', no_proxy: ['.inside.test'] }

  test.each([
    { url: 'https://a.test', own: '', proxy: 'http://common.test:3128/' },
    { url: 'https://a.test', own: 'none', proxy: 'none' },
    { url: 'https://a.test', own: 'https://own.test', proxy: 'https://own.test/' },
    { url: 'https://llm.inside.test', own: '', proxy: 'none' },
    { url: 'https://llm.inside.test', own: 'http://own.test', proxy: 'http://own.test/' },
    { url: 'http://localhost:8000', own: '', proxy: 'none' },
    { url: 'http://127.0.0.1:8000', own: '', proxy: 'none' },
    { url: 'http://[::1]:8000', own: '', proxy: 'none' },
    { url: 'http://localhost:8000', own: 'http://own.test', proxy: 'http://own.test/' },
    { url: 'mock://demo', own: '', proxy: 'none' },
  ])('H18: the proxy of $url, its own being "$own", is $proxy', ({ url, own, proxy }) => {
    const { link } = backendOf({ url, outbound_proxy: own }, { outbound_proxy: common })
    expect(link.proxy?.url.href ?? 'none').toBe(proxy)
  })

  test('the common one is for those that say nothing about it', () => {
    expect(backendOf({}, { outbound_proxy: common }).link.proxy?.url.href).toBe('http://common.test:3128/')
    expect(backendOf({}).link.proxy).toBeUndefined()
  })

  test('a unix socket needs none', () => {
    expect(backendOf({ unix_socket: '/run/a.sock' }, { outbound_proxy: common }).link.proxy).toBeUndefined()
  })

  test.each([
    { proxy: 'http://proxy.test:3128', authorization: undefined },
    { proxy: 'http://user@proxy.test:3128', authorization: 'user:' },
    { proxy: 'http://user:p%40ss%20w%C3%B6rd@proxy.test:3128/', authorization: 'user:p@ss wörd' },
  ])('user and password of $proxy go into a header of their own', ({ proxy, authorization }) => {
    const { link } = backendOf({ outbound_proxy: proxy })
    expect(link.proxy?.url.href).toBe('http://proxy.test:3128/')
    const token = link.proxy?.authorization?.replace('Basic ', '')
    expect(token === undefined ? undefined : Buffer.from(token, 'base64').toString()).toBe(authorization)
  })

  test('its password, and the key of a certificate, are known for masking in every form', () => {
    const password = 'p%40ss-w0rd'
    const { secrets, backends } = snapshotOf({
      outbound_proxy: { url: `http://user:${password}@proxy.test` },
      backends: [
        { name: 'a', url: 'https://a.test', tls: selfSigned },
        { name: 'b', url: 'https://b.test', outbound_proxy: 'http://user:short@proxy.test', enabled: false },
      ],
    })
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    expect(secrets.map((secret) => secret.reveal()).toSorted()).toEqual(
      [selfSigned.key, base64('user:p@ss-w0rd'), base64('user:short'), 'p%40ss-w0rd', 'p@ss-w0rd'].toSorted(),
    )
    const kept = backends.get('a')?.secrets.map((secret) => secret.reveal())
    expect(kept?.toSorted()).toEqual([base64('user:p@ss-w0rd'), 'p%40ss-w0rd', 'p@ss-w0rd'].toSorted())
  })
})

describe('what is told of a link', () => {
  const mock = 'does nothing, since a mock backend needs no connection'
  const broken = selfSigned.cert.replace('MIIB', 'MII!')
  const { privateKey } = generateKeyPairSync('ed25519')
  const foreignKey = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const
  const lockedKey = privateKey.export(locked)

  test.each([
    { backend: {}, told: [] },
    { backend: { url: 'mock://a', tls: {}, pool: {}, outbound_proxy: 'none' }, told: [] },
    {
      backend: {
        url: 'mock://a',
        transport: 'fetch',
        http2: true,
        max_connections: 1,
        pool: { max_idle: 1 },
        tls: { verify: false },
        unix_socket: '/run/a.sock',
        outbound_proxy: 'http://p.test',
      },
      told: [
        `warning transport: ${mock}`,
        `warning http2: ${mock}`,
        `warning max_connections: ${mock}`,
        `warning unix_socket: ${mock}`,
        `warning outbound_proxy: ${mock}`,
        `warning tls.verify: ${mock}`,
        `warning pool.max_idle: ${mock}`,
      ],
    },
    {
      backend: { url: 'http://a.test', http2: true },
      told: ['error http2: only https:// addresses are spoken to by HTTP/2: change "url", or leave this out'],
    },
    {
      backend: { url: 'http://a.test', tls: { verify: false, min_version: '1.3' } },
      told: [
        'warning tls.min_version: does nothing, since the address is http://',
        'warning tls.verify: does nothing, since the address is http://',
      ],
    },
    {
      backend: { tls: { verify: false, ca: selfSigned.cert } },
      told: ['warning tls.ca: does nothing while "verify" is false'],
    },
    {
      backend: { tls: { ca: broken } },
      told: ['error tls.ca: the certificate cannot be read, is it whole?'],
    },
    {
      backend: { tls: { ca: `# ours\n${selfSigned.cert}# theirs\n${broken}` } },
      told: ['error tls.ca: certificate 2 of this text cannot be read, is it whole?'],
    },
    { backend: { tls: { cert: selfSigned.cert } }, told: ['error tls.cert: needs its private key in "key"'] },
    { backend: { tls: { key: selfSigned.key } }, told: ['error tls.key: needs its certificate in "cert"'] },
    { backend: { tls: selfSigned }, told: [] },
    {
      backend: { tls: { cert: selfSigned.cert, key: foreignKey } },
      told: [
        `error tls.key: does not belong to the first certificate in "cert", which must be that of this backend's client`,
      ],
    },
    {
      backend: { tls: { cert: selfSigned.cert, key: lockedKey } },
      told: ['error tls.key: is locked by a passphrase, store it without one'],
    },
    {
      backend: { tls: { cert: selfSigned.cert, key: selfSigned.key.replace('MIGH', 'MIG!') } },
      told: ['error tls.key: the private key cannot be read, is it whole?'],
    },
    {
      backend: { unix_socket: '/run/a.sock', outbound_proxy: 'http://p.test' },
      told: ['warning outbound_proxy: does nothing, since "unix_socket" is on this machine'],
    },
    {
      backend: {
        transport: 'fetch',
        max_connections: 4,
        pool: { prewarm: 2, max_idle: 1, max_age: 9, max_waiting: 0 },
      },
      told: [
        'warning max_connections: does nothing, since the transport is fetch',
        'warning pool.max_age: does nothing, since the transport is fetch',
        'warning pool.prewarm: does nothing, since the transport is fetch',
        'warning pool.max_waiting: does nothing, since the transport is fetch',
      ],
    },
    {
      backend: { http2: true, pool: { max_age: '9s', idle_timeout: '9s' } },
      told: ['warning pool.max_age: does nothing, since "http2" goes through fetch'],
    },
    {
      backend: { pool: { prewarm: 5, max_idle: 4 } },
      told: ['warning pool.prewarm: more than "max_idle" keeps, and cut to it'],
    },
    {
      backend: { max_connections: 3, pool: { prewarm: 5 } },
      told: ['warning pool.prewarm: more than "max_connections" allows, and cut to it'],
    },
  ] satisfies { backend: Partial<BackendInput>; told: string[] }[])('is $told', ({ backend, told }) => {
    expect(toldOf(backend)).toEqual(told)
  })

  test.each([
    { backend: { pool: { prewarm: 5, max_idle: 4 } }, prewarm: 4 },
    { backend: { pool: { prewarm: 5 }, max_connections: 3 }, prewarm: 3 },
  ])('C1203: no more is prewarmed than may be there ($prewarm)', ({ backend, prewarm }) => {
    expect(backendOf(backend).link.pool.prewarm).toBe(prewarm)
  })
})
