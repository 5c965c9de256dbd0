import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import type { OutgoingRequest } from '#ports/transport.ts'
import { eventually } from '../support/eventually.ts'
import { chatAnswer, openRoad, type Road, type Upstream } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const routes = 'models: { m: { routes: [{ backend: a, model: up }] } }'

/** Backends answer well; token servers give `token-1`, `token-2`, … */
function answeringBoth(): Upstream {
  let tokens = 0
  return (request) => {
    if (request.url.hostname !== 'auth.test') return chatAnswer()
    tokens += 1
    return Response.json({ access_token: `token-${tokens}`, token_type: 'Bearer', expires_in: 3600 })
  }
}

const files = {
  '/keys/one': { content: 'key-of-a-file\n' },
  '/keys/secrets.json': {
    content: '[{ "name": "n1", "clientId": "id1", "clientSecret": "secret1", "tenant": "t1", "agent": "x" }]',
  },
  '/keys/google.json': { content: JSON.stringify(serviceAccount()) },
}

function serviceAccount(): object {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return {
    type: 'service_account',
    client_email: 'robot@project.test',
    private_key: pem,
    private_key_id: 'kid-1',
    token_uri: 'https://auth.test/google',
  }
}

async function roadWith(credentials: readonly object[], backend = 'url: "https://a.test/v1"'): Promise<Road> {
  const yaml = `backends: [{ name: a, ${backend}, credentials: ${JSON.stringify(credentials)} }]\n${routes}`
  return await openRoad(yaml, answeringBoth(), 1, { env: { MY_KEY: 'key-of-a-variable' }, files })
}

/** What `count` chat requests to a backend with these credentials look like, errands for tokens among them. */
async function sentWith(credentials: readonly object[], count = 1, backend?: string): Promise<OutgoingRequest[]> {
  const road = await roadWith(credentials, backend)
  for (let at = 0; at < count; at += 1) {
    const response = await road.chat('m')
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)])
  }
  return road.sent
}

function headerOf(request: OutgoingRequest | undefined, name: string): string | undefined {
  return request?.headers.find(([own]) => own.toLowerCase() === name)?.[1]
}

function authorizations(requests: readonly OutgoingRequest[]): (string | undefined)[] {
  return requests.map((request) => headerOf(request, 'authorization'))
}

function formOf(request: OutgoingRequest | undefined): Record<string, string> {
  return request === undefined ? {} : Object.fromEntries(new URLSearchParams(sentBy(request).toString()))
}

interface Token {
  readonly header: Record<string, unknown>
  readonly claims: Record<string, unknown>
}

/** A token's header and payload. */
function tokenIn(request: OutgoingRequest | undefined): Token {
  const [header = '', claims = ''] = headerOf(request, 'authorization')?.replace('Bearer ', '').split('.') ?? []
  const read = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { header: read(header), claims: read(claims) }
}

describe('keys', () => {
  test.each([
    { key: 'api_key', credential: { api_key: 'own-key' }, sent: 'own-key' },
    { key: 'file', credential: { file: '/keys/one' }, sent: 'key-of-a-file' },
    { key: 'env', credential: { env: 'MY_KEY' }, sent: 'key-of-a-variable' },
    { key: 'type', credential: { type: 'api_key', api_key: 'own-key' }, sent: 'own-key' },
  ])('credentials[].$key proves by what it holds: $sent', async ({ credential, sent }) => {
    expect(authorizations(await sentWith([credential]))).toEqual([`Bearer ${sent}`])
  })

  test.each([
    { protocol: 'openai', name: 'authorization', value: 'Bearer own-key' },
    { protocol: 'azure', name: 'api-key', value: 'own-key' },
  ])('a key goes where $protocol reads it: $name', async ({ protocol, name, value }) => {
    const [request] = await sentWith([{ api_key: 'own-key' }], 1, `url: "https://a.test", protocol: ${protocol}`)
    expect(headerOf(request, name)).toBe(value)
  })

  test('a header of the operator of the same name gives way to the proof', async () => {
    const backend = 'url: "https://a.test/v1", headers: { Authorization: "Bearer other", X-Own: "1" }'
    const [request] = await sentWith([{ api_key: 'own-key' }], 1, backend)
    expect(request?.headers.filter(([name]) => name.toLowerCase() === 'authorization')).toEqual([
      ['authorization', 'Bearer own-key'],
    ])
    expect(headerOf(request, 'x-own')).toBe('1')
  })

  test('credentials[].weight is how many turns each takes in one round; 0 is for when the others rest', async () => {
    const sent = await sentWith([{ api_key: 'k1', weight: 2 }, { api_key: 'k2' }, { api_key: 'k3', weight: 0 }], 6)
    expect(authorizations(sent).map((value) => value?.slice(-2))).toEqual(['k1', 'k2', 'k1', 'k1', 'k2', 'k1'])
  })

  test('credentials[].name is what log and records call it', async () => {
    const road = await roadWith([{ name: 'mine', api_key: 'k1' }, { api_key: 'k2' }])
    for (const _ of [1, 2]) await (await road.chat('m')).text()
    const used = road.settled.map(({ attempts }) => attempts[0]?.credential)
    expect(used).toEqual([
      { name: 'mine', number: 1, index: 0 },
      { name: 'key-2', number: 2, index: 1 },
    ])
  })
})

describe('tokens that are made here', () => {
  const client = { type: 'jwt', client_id: 'id1', client_secret: 'secret1', tenant: 't1' }

  test('A01 A02 A03: credentials[].client_id, client_secret and tenant make the token, and nothing else is in it', async () => {
    const [request] = await sentWith([client])
    expect(tokenIn(request)).toEqual({
      header: { alg: 'HS256', typ: 'JWT' },
      claims: { clientId: 'id1', clientSecret: 'secret1', tenant: 't1' },
    })
    expect(headerOf(request, 'authorization')).toBe(`Bearer ${vector}`)
  })

  test('A01: credentials[].secrets_file is a list of them', async () => {
    expect(authorizations(await sentWith([{ secrets_file: '/keys/secrets.json' }]))).toEqual([`Bearer ${vector}`])
  })

  test('credentials[].claims are the fields, in this order', async () => {
    const [request] = await sentWith([{ ...client, claims: ['tenant', 'clientId'] }])
    expect(Object.entries(tokenIn(request).claims)).toEqual([
      ['tenant', 't1'],
      ['clientId', 'id1'],
    ])
  })

  test('A04: credentials[].issuer, audience, extra_claims and ttl add to them', async () => {
    const [request] = await sentWith([
      { ...client, issuer: 'us', audience: 'them', extra_claims: { level: 3 }, ttl: '1h' },
    ])
    const { claims } = tokenIn(request)
    expect(claims).toMatchObject({ iss: 'us', aud: 'them', level: 3 })
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(3600)
  })

  test.each([
    { cache_ttl: '10m', refresh_margin: '1m', afterMs: 8 * 60_000, made: 1 },
    { cache_ttl: '10m', refresh_margin: '3m', afterMs: 8 * 60_000, made: 2 },
    { cache_ttl: '5m', refresh_margin: '0s', afterMs: 8 * 60_000, made: 2 },
    { cache_ttl: '1h', refresh_margin: '5m', afterMs: 54 * 60_000, made: 1 },
    { cache_ttl: undefined, refresh_margin: undefined, afterMs: 54 * 60_000, made: 1 },
    { cache_ttl: undefined, refresh_margin: undefined, afterMs: 56 * 60_000, made: 2 },
  ])(
    'A07: credentials[].cache_ttl $cache_ttl and refresh_margin $refresh_margin : after $afterMs ms $made were made',
    async ({ afterMs, made, ...settings }) => {
      const road = await roadWith([{ ...client, ...settings }])
      await (await road.chat('m')).text()
      await road.clock.advance(afterMs)
      await (await road.chat('m')).text()
      const tokens = (): number => road.lines.filter(({ event }) => event === 'credential_token').length
      await eventually(() => tokens() === made)
      expect(tokens()).toBe(made)
    },
  )

  test('N004: the same client of two tenants has two tokens', async () => {
    const sent = await sentWith([client, { ...client, tenant: 't2' }], 2)
    expect(sent.map((request) => tokenIn(request).claims['tenant'])).toEqual(['t1', 't2'])
  })
})

describe('tokens that are fetched', () => {
  const oauth = {
    type: 'oauth2',
    token_url: 'https://auth.test/token',
    client_id: 'me',
    client_secret: 'client-secret',
  }

  test('credentials[].token_url is asked once, and its token is used again', async () => {
    const sent = await sentWith([oauth], 2)
    expect(sent.map(({ url }) => url.href)).toEqual([
      'https://auth.test/token',
      'https://a.test/v1/chat/completions',
      'https://a.test/v1/chat/completions',
    ])
    expect(authorizations(sent).slice(1)).toEqual(['Bearer token-1', 'Bearer token-1'])
  })

  test.each([
    { style: 'basic', form: {}, basic: `Basic ${Buffer.from('me:client-secret').toString('base64')}` },
    { style: 'body', form: { client_id: 'me', client_secret: 'client-secret' }, basic: undefined },
  ])('credentials[].auth_style $style says where id and secret stand', async ({ style, form, basic }) => {
    const [errand] = await sentWith([{ ...oauth, auth_style: style }])
    expect(formOf(errand)).toEqual({ grant_type: 'client_credentials', ...form })
    expect(headerOf(errand, 'authorization')).toBe(basic)
  })

  test('credentials[].scope is what it is asked for', async () => {
    const [errand] = await sentWith([{ ...oauth, scope: 'chat embed' }])
    expect(formOf(errand)['scope']).toBe('chat embed')
  })

  test('credentials[].authority is where Azure AD is asked', async () => {
    const azure = { type: 'azure_ad', tenant: 'corp.test', client_id: 'me', client_secret: 'client-secret' }
    const sent = await sentWith([{ ...azure, authority: 'https://auth.test' }])
    expect(sent[0]?.url.href).toBe('https://auth.test/corp.test/oauth2/v2.0/token')
    expect(authorizations(sent)[1]).toBe('Bearer token-1')
  })

  test('credentials[].service_account signs what Google gives a token for', async () => {
    const sent = await sentWith([{ service_account: '/keys/google.json' }])
    expect(sent[0]?.url.href).toBe('https://auth.test/google')
    expect(formOf(sent[0])['assertion']).toMatch(/^eyJ/)
    expect(authorizations(sent)[1]).toBe('Bearer token-1')
  })
})

describe('signatures', () => {
  const aws = { access_key_id: 'AKIDEXAMPLE12345678', secret_access_key: 'a-secret-access-key' }

  test('credentials[].access_key_id and secret_access_key sign each request as it is sent', async () => {
    const [one, other] = await Promise.all([
      sentWith([{ ...aws, region: 'eu-west-1' }]),
      sentWith([{ ...aws, secret_access_key: 'another-access-key', region: 'eu-west-1' }]),
    ])
    const [own = '', others = ''] = [headerOf(one[0], 'authorization'), headerOf(other[0], 'authorization')]
    const scope = 'AKIDEXAMPLE12345678/20260113/eu-west-1/bedrock/aws4_request'
    expect(own).toStartWith(
      `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, `,
    )
    expect(headerOf(one[0], 'x-amz-content-sha256')).toBe(hashOf(one[0]))
    expect(own).not.toBe(others)
  })

  test.each([
    {
      set: { session_token: 'session-token-1', region: 'r-1' },
      header: 'x-amz-security-token',
      has: 'session-token-1',
    },
    { set: { region: 'us-east-2' }, header: 'authorization', has: '/us-east-2/bedrock/' },
    { set: { region: 'r-1', service: 'aoss' }, header: 'authorization', has: '/r-1/aoss/' },
  ])('credentials[].session_token, region and service are part of it: $has', async ({ set, header, has }) => {
    const [request] = await sentWith([{ ...aws, ...set }])
    expect(headerOf(request, header)).toContain(has)
  })

  test('what a client sends as its own session does not come along', async () => {
    const road = await roadWith([{ ...aws, region: 'r-1' }])
    await (await road.chat('m', {}, { headers: { 'x-amz-security-token': 'theirs' } })).text()
    expect(headerOf(road.sent[0], 'x-amz-security-token')).toBeUndefined()
  })
})

function hashOf(request: OutgoingRequest | undefined): string {
  const body = request === undefined ? '' : sentBy(request)
  return new Bun.CryptoHasher('sha256').update(body).digest('hex')
}

const vector =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjbGllbnRJZCI6ImlkMSIsImNsaWVudFNlY3JldCI6InNlY3JldDEiLCJ0ZW5hbnQiOiJ0MSJ9.Qhfb9Ao3Qv1n9gcVlsAc_QFb9Gr4D1pXpP7S7TZ7I7A'
