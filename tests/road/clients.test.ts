import { describe, expect, test } from 'bun:test'
import { endpoints } from '#server/endpoints.ts'
import { openRoad, type Road } from '../support/road.ts'
import { answering } from '../support/scripted.ts'
import { hs256 } from '../support/tokens.ts'

const base = `
backends: [{ name: a, url: "http://a/v1" }]
models:
  gpt-5: { routes: [{ backend: a, model: ma }] }
  gpt-5-mini: { routes: [{ backend: a, model: ma }] }
  claude: { routes: [{ backend: a, model: ma }] }
services:
  google: { models: { gemma: { backends: [{ id: b1, url: "http://b" }] }, other: { backends: [{ id: b2, url: "http://b" }] } } }
`

const alice = 'sk-alice-0123456789ab'
const bob = 'sk-bob-0123456789abcd'

async function roadWith(auth: string, more = ''): Promise<Road> {
  return await openRoad(`${more}\nauth:\n${auth}\n${base}`, answering({}))
}

/** One provider with these lines for the key of alice. */
async function roadFor(key: string, more = ''): Promise<Road> {
  return await roadWith(`  providers: [{ type: api_key, keys: [{ name: alice, key: ${alice}, ${key} }] }]`, more)
}

interface Told {
  readonly status: number
  readonly code: string | undefined
}

async function toldBy(answer: Promise<Response>): Promise<Told> {
  const response = await answer
  const text = await response.text()
  const code = /"code":\s*"(\w+)"/.exec(text)?.[1]
  return { status: response.status, code }
}

async function chat(
  road: Road,
  key: string | undefined,
  model = 'gpt-5',
  headers: Record<string, string> = {},
): Promise<Told> {
  const own = key === undefined ? headers : { authorization: `Bearer ${key}`, ...headers }
  return await toldBy(road.chat(model, {}, { headers: own }))
}

const fine: Told = { status: 200, code: undefined }

describe('who may ask', () => {
  test.each([
    { enabled: true, key: alice, told: fine },
    { enabled: true, key: bob, told: { status: 401, code: 'invalid_api_key' } },
    { enabled: true, key: undefined, told: { status: 401, code: 'missing_api_key' } },
    { enabled: false, key: undefined, told: fine },
  ])('C401: auth.enabled $enabled looks at providers or does not: $key', async ({ enabled, key, told }) => {
    const road = await roadWith(`  enabled: ${enabled}\n  providers: [{ type: api_key, keys: [{ key: ${alice} }] }]`)
    expect(await chat(road, key)).toEqual(told)
  })

  test('C402 C403: auth.providers[].type, header and keys[].key, and proxy_api_key beside them', async () => {
    const road = await roadWith(
      `  providers:
    - { type: api_key, header: X-Team-Token, keys: [{ key: ${alice} }] }
    - { type: api_key, keys: [{ key: ${bob} }] }`,
      'proxy_api_key: sk-common-0123456789',
    )
    for (const key of [alice, bob, 'sk-common-0123456789']) expect(await chat(road, key)).toEqual(fine)
    expect(await chat(road, undefined, 'gpt-5', { 'x-team-token': alice })).toEqual(fine)
    expect(road.sent.flatMap(({ headers }) => headers.map(([name]) => name))).not.toContain('x-team-token')
  })

  test('auth.providers[].keys[].key_sha256 is as good as the key', async () => {
    const digest = new Bun.CryptoHasher('sha256').update(alice).digest('hex')
    const road = await roadWith(
      `  providers: [{ type: api_key, keys: [{ key_sha256: "sha256:${digest.toUpperCase()}" }] }]`,
    )
    expect(await chat(road, alice)).toEqual(fine)
    expect(await chat(road, digest)).toEqual({ status: 401, code: 'invalid_api_key' })
  })

  test('C405: auth.providers[].keys[].user_id and name are who it is in the account of a request', async () => {
    const road = await roadWith(
      `  providers: [{ type: api_key, keys: [{ key: ${alice}, name: laptop }, { key: ${bob}, name: phone, user_id: bob }] }]`,
    )
    await chat(road, alice)
    await chat(road, bob)
    expect(road.settled.map(({ caller }) => caller)).toEqual(['laptop', 'bob'])
  })

  test.each([
    { key: 'enabled: false', told: { status: 401, code: 'expired_api_key' } },
    { key: 'enabled: true', told: fine },
    { key: 'expires_at: "2026-01-13T09:41:00Z"', told: { status: 401, code: 'expired_api_key' } },
    { key: 'expires_at: "2026-01-14"', told: fine },
    { key: 'not_before: "2026-01-14"', told: { status: 401, code: 'expired_api_key' } },
    { key: 'not_before: "2026-01-13T10:41:00+01:00"', told: fine },
  ])('B41: auth.providers[].keys[].enabled, not_before and expires_at: $key', async ({ key, told }) => {
    const road = await roadFor(key)
    expect(await chat(road, alice)).toEqual(told)
  })

  test.each([
    { trusted: [], forwarded: '10.1.2.3', told: { status: 403, code: 'ip_not_allowed' } },
    { trusted: ['127.0.0.1'], forwarded: '10.1.2.3', told: fine },
    { trusted: ['127.0.0.1'], forwarded: '::ffff:10.1.2.3', told: fine },
    { trusted: ['127.0.0.1'], forwarded: '010.1.2.3', told: { status: 403, code: 'ip_not_allowed' } },
    { trusted: ['127.0.0.1'], forwarded: '11.1.2.3', told: { status: 403, code: 'ip_not_allowed' } },
    { trusted: ['127.0.0.1'], forwarded: '10.1.2.3, 11.1.2.3', told: { status: 403, code: 'ip_not_allowed' } },
  ])(
    'B44 B45: auth.providers[].keys[].allowed_ips, from $forwarded by $trusted',
    async ({ trusted, forwarded, told }) => {
      const road = await roadFor('allowed_ips: ["10.0.0.0/8"]', `trusted_proxies: ${JSON.stringify(trusted)}`)
      expect(await chat(road, alice, 'gpt-5', { 'x-forwarded-for': forwarded })).toEqual(told)
    },
  )

  test.each(['/api/health/status/google', '/health/verbose'])(
    'auth.providers[].keys[].allowed_ips counts on the pages of health too: %s',
    async (path) => {
      const road = await roadWith(
        `  providers: [{ type: api_key, keys: [{ key: ${alice}, allowed_ips: ["10.0.0.0/8"] }, { key: ${bob}, allowed_ips: ["127.0.0.1"] }] }]`,
      )
      const seen = async (key: string): Promise<Told> =>
        await toldBy(road.fetch(path, { headers: { 'x-api-key': key } }))
      expect((await seen(alice)).status).toBe(403)
      expect((await seen(bob)).status).toBe(200)
    },
  )

  test('auth.providers[].keys[].requests_per_minute, tokens_per_minute and max_parallel are limits of their own', async () => {
    const road = await roadFor('requests_per_minute: 5, tokens_per_minute: 6, max_parallel: 7')
    expect(road.gateway.current().keys.find(alice)?.caller.limits).toEqual({
      requestsPerMinute: 5,
      tokensPerMinute: 6,
      concurrent: 7,
    })
    const old = await roadFor('rate_limit: 100')
    expect(old.gateway.current().keys.find(alice)?.caller.limits?.requestsPerMinute).toBe(100)
  })

  test('C408: keys are changed by a reload, the old and the new one side by side for a while', async () => {
    const provider = (...keys: string[]): string =>
      `auth: { providers: [{ type: api_key, keys: [${keys.join(', ')}] }] }\n${base}`
    const [old, next] = [`{ name: old, user_id: alice, key: ${alice} }`, `{ name: new, user_id: alice, key: ${bob} }`]
    const road = await openRoad(provider(old), answering({}))
    expect([await chat(road, alice), await chat(road, bob)].map(({ status }) => status)).toEqual([200, 401])
    await road.reload(provider(old, next))
    expect([await chat(road, alice), await chat(road, bob)].map(({ status }) => status)).toEqual([200, 200])
    await road.reload(provider(next))
    expect([await chat(road, alice), await chat(road, bob)].map(({ status }) => status)).toEqual([401, 200])
    expect(new Set(road.settled.map(({ caller }) => caller))).toEqual(new Set(['alice', undefined]))
  })
})

describe('what a caller may ask', () => {
  test.each([
    { path: '/v1/chat/completions', status: 200 },
    { path: '/api/chat', status: 200 },
    { path: '/v1/completions', status: 403 },
    { path: '/v1/embeddings', status: 403 },
    { path: '/v1/messages', status: 403 },
    { path: '/v1/something', status: 403 },
    { path: '/google/gemma/v1/chat/completions', status: 403 },
  ])('C406: auth.providers[].keys[].permissions: [chat], at $path', async ({ path, status }) => {
    const road = await roadFor('permissions: [chat]')
    const body = JSON.stringify({
      model: 'gpt-5',
      max_tokens: 9,
      stream: false,
      messages: [{ role: 'user', content: 'hi' }],
    })
    const told = await toldBy(road.fetch(path, { method: 'POST', body, headers: { 'x-api-key': alice } }))
    expect(told.status).toBe(status)
    expect(road.sent).toHaveLength(status === 200 ? 1 : 0)
  })

  test.each([
    { model: 'gpt-5', told: fine },
    { model: 'gpt-5-mini', told: fine },
    { model: 'claude', told: { status: 403, code: 'model_not_allowed' } },
    // Whether there is one is not told to those who may not ask it.
    { model: 'nobody', told: { status: 403, code: 'model_not_allowed' } },
    { model: 'gpt-nobody', told: { status: 404, code: 'model_not_found' } },
    { model: 'GPT-5', told: { status: 403, code: 'model_not_allowed' } },
    { model: '__proto__', told: { status: 403, code: 'model_not_allowed' } },
  ])('B66: auth.providers[].keys[].models: ["gpt-*"], of $model', async ({ model, told }) => {
    const road = await roadFor('models: ["gpt-*"]')
    expect(await chat(road, alice, model)).toEqual(told)
  })

  test('B66: no hint names a model that the caller may not ask', async () => {
    const road = await roadFor('models: ["gpt-*", "clause"]')
    const answer = await road.chat('clause', {}, { headers: { 'x-api-key': alice } })
    expect(answer.status).toBe(404)
    expect(await answer.text()).not.toContain('claude')
  })

  test('a service is named with its model', async () => {
    const road = await roadFor('models: ["google/gemma"]')
    const ask = async (path: string): Promise<Told> =>
      await toldBy(road.fetch(path, { method: 'POST', body: '{}', headers: { 'x-api-key': alice } }))
    expect((await ask('/google/gemma/v1/x')).status).toBe(200)
    expect((await ask('/google/other/v1/x')).status).toBe(403)
  })

  test.each([
    { method: 'GET', path: '/v1/files', status: 200 },
    { method: 'DELETE', path: '/v1/files/f-1', status: 200 },
    { method: 'POST', path: '/v1/batches', status: 403 },
    { method: 'POST', path: '/v1/messages/batches', status: 403 },
    { method: 'POST', path: '/v1/fine_tuning/jobs', status: 403 },
    { method: 'POST', path: '/v1/threads/t/runs', status: 403 },
  ])(
    'what names no model could ask any: $method $path is $status for those with a list',
    async ({ method, path, status }) => {
      const road = await roadFor('models: ["gpt-*"]', 'owned_ids: { resources: all }')
      const body = method === 'POST' ? '{"input_file_id":"f"}' : null
      const headers = { 'x-api-key': alice, 'content-type': 'application/json' }
      expect((await toldBy(road.fetch(path, { method, body, headers }))).status).toBe(status)
    },
  )

  test.each([
    { path: '/v1/batches', body: '{"input_file_id":"f"}', header: 'gpt-5', status: 403 },
    { path: '/v1/batches', body: '{"input_file_id":"f","model":"gpt-5"}', status: 403 },
    {
      path: '/v1/messages/batches',
      body: '{"requests":[{"params":{"model":"claude"}}]}',
      header: 'gpt-5',
      status: 403,
    },
    { path: '/v1/evals/e/runs', body: '{"model":"gpt-5","data_source":{"model":"claude"}}', status: 403 },
    { path: '/v1/threads/t/runs', body: '{"assistant_id":"a"}', header: 'gpt-5', status: 403 },
    { path: '/v1/threads/t/runs', body: '{"assistant_id":"a","model":"gpt-5"}', status: 200 },
    { path: '/v1/files', body: '{"purpose":"batch"}', header: 'gpt-5', status: 200 },
  ])(
    'B66: a model that may be asked opens no way to others: $path with $body and $header is $status',
    async ({ path, body, header, status }) => {
      const road = await roadFor('models: ["gpt-*"]', 'owned_ids: { resources: all }')
      const beside = header === undefined ? {} : { 'x-llm-proxy-model': header }
      const headers = { 'x-api-key': alice, 'content-type': 'application/json', ...beside }
      expect((await toldBy(road.fetch(path, { method: 'POST', body, headers }))).status).toBe(status)
    },
  )

  test('auth.hide_forbidden_models: what a caller may not ask is not there', async () => {
    const road = await roadWith(
      `  hide_forbidden_models: true
  providers: [{ type: api_key, keys: [{ key: ${alice}, models: ["gpt-*"] }, { key: ${bob} }] }]`,
    )
    expect(await chat(road, alice, 'claude')).toEqual({ status: 404, code: 'model_not_found' })
    expect(await chat(road, alice, 'nobody')).toEqual({ status: 404, code: 'model_not_found' })
    expect(await chat(road, bob, 'claude')).toEqual(fine)
    expect(await toldBy(road.fetch('/v1/models'))).toEqual({ status: 401, code: 'missing_api_key' })
    expect(await toldBy(road.fetch('/v1/models/claude', { headers: { 'x-api-key': alice } }))).toEqual({
      status: 404,
      code: 'model_not_found',
    })
  })

  test('model lists show a caller what it may ask, and strangers everything', async () => {
    const road = await roadWith(
      `  providers: [{ type: api_key, keys: [{ key: ${alice}, models: ["gpt-*"] }, { key: ${bob} }] }]`,
    )
    const listed = async (key?: string): Promise<readonly string[]> => {
      const answer = await road.fetch(
        '/v1/models',
        key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } },
      )
      return Array.from((await answer.text()).matchAll(/"id":"([^"]*)"/g), ([, id = '']) => id)
    }
    expect(await listed(alice)).toEqual(['gpt-5', 'gpt-5-mini'])
    expect(await listed(bob)).toEqual(['claude', 'gpt-5', 'gpt-5-mini'])
    expect(await listed()).toEqual(['claude', 'gpt-5', 'gpt-5-mini'])
    expect((await toldBy(road.fetch('/v1/models/claude', { headers: { 'x-api-key': alice } }))).status).toBe(404)
  })

  test('a refusal is told in the words of the client, and not to be tried again', async () => {
    const road = await roadFor('permissions: [chat], models: [gpt-5]')
    const answer = await road.fetch('/v1/messages', { method: 'POST', body: '{}', headers: { 'x-api-key': alice } })
    expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([403, 'false'])
    expect(await answer.json()).toMatchObject({ type: 'error', error: { type: 'permission_error' } })
    const unknown = await road.fetch('/v1/messages', { method: 'POST', body: '{}', headers: { 'x-api-key': bob } })
    expect(unknown.headers.get('www-authenticate')).toStartWith('Bearer')
    expect(await unknown.json()).toMatchObject({ error: { type: 'authentication_error' } })
  })
})

describe('default deny', () => {
  const paths: readonly (readonly [method: string, path: string])[] = [
    ...endpoints.map(({ path }) => ['POST', path] as const),
    ['POST', '/v1beta/models/gpt-5:generateContent'],
    ['POST', '/v1/models/gpt-5:streamGenerateContent'],
    ['POST', '/v1/anything'],
    ['GET', '/v1/files'],
    ['POST', '/v1/files'],
    ['GET', '/v1/responses/resp_1'],
    ['DELETE', '/v1/responses/resp_1'],
    ['GET', '/v1beta/files'],
    ['POST', '/v1/batches'],
    ['GET', '/v1/models'],
    ['GET', '/models'],
    ['GET', '/v1/models/gpt-5'],
    ['GET', '/v1beta/models'],
    ['GET', '/v1alpha/models'],
    ['GET', '/api/tags'],
    ['POST', '/google/gemma/v1/chat/completions'],
    ['GET', '/google/gemma'],
    ['PUT', '/some/where/else'],
  ]

  test.each(paths)(
    '%s %s: nothing for those without a key, and nothing for a key that may do nothing',
    async (method, path) => {
      const road = await roadFor(
        'permissions: []',
        'models_require_auth: true\npassthrough: { backends: [{ id: p, url: "http://p" }] }',
      )
      const body = method === 'GET' || method === 'DELETE' ? null : '{"model":"gpt-5"}'
      const ask = async (headers: Record<string, string>): Promise<number> =>
        (await toldBy(road.fetch(path, { method, body, headers }))).status
      expect(await ask({})).toBe(401)
      expect(await ask({ 'x-api-key': alice })).toBe(403)
      expect(road.sent).toHaveLength(0)
    },
  )

  test.each(['/v1/realtime?model=gpt-5', '/google/gemma/ws', '/v1/responses?model=gpt-5'])(
    'nor is a WebSocket opened at %s',
    async (path) => {
      const road = await roadFor('permissions: []')
      const opening = {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      }
      expect((await toldBy(road.fetch(path, { headers: opening }))).status).toBe(401)
      expect((await toldBy(road.fetch(path, { headers: { ...opening, 'x-api-key': alice } }))).status).toBe(403)
      expect(road.sent).toHaveLength(0)
    },
  )

  test.each([
    { method: 'GET', path: '/health', status: 200 },
    { method: 'GET', path: '/healthz', status: 200 },
    { method: 'GET', path: '/ready', status: 200 },
    { method: 'GET', path: '/api/health/status', status: 200 },
    { method: 'OPTIONS', path: '/v1/chat/completions', status: 204 },
  ])('C418 N207: $method $path asks for no key', async ({ method, path, status }) => {
    const road = await roadFor('permissions: []')
    const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'POST' }
    expect((await toldBy(road.fetch(path, { method, headers }))).status).toBe(status)
  })
})

describe('tokens on the road', () => {
  const secret = '0123456789abcdef0123456789abcdef'

  async function tokenFor(road: Road, claims: object = {}): Promise<string> {
    const exp = Math.floor(road.clock.wallMs() / 1000) + 3600
    return await hs256(secret, { sub: 'carol', iss: 'proxy-llm', aud: 'clients', exp, ...claims })
  }

  const provider = `  providers:
    - { type: jwt, secret: "${secret}", issuer: proxy-llm, audience: clients, expiration: 24h, models: ["gpt-*"] }`

  test('C409: a token is as good as a key, for requests, lists and pages, and is sent to nobody', async () => {
    const road = await roadWith(provider)
    const token = await tokenFor(road)
    expect(await chat(road, token)).toEqual(fine)
    expect(await chat(road, token)).toEqual(fine)
    expect(await chat(road, token, 'claude')).toEqual({ status: 403, code: 'model_not_allowed' })
    expect(road.settled.map(({ caller }) => caller)).toEqual(['carol', 'carol', 'carol'])
    expect(JSON.stringify(road.sent.map(({ headers }) => headers))).not.toContain(token)
    const list = await road.fetch('/v1/models', {
      headers: { authorization: `Bearer ${await tokenFor(road, { jti: 'x' })}` },
    })
    expect(await list.json()).toMatchObject({ data: [{ id: 'gpt-5' }, { id: 'gpt-5-mini' }] })
    const page = await road.fetch('/health/verbose', {
      headers: { authorization: `Bearer ${await tokenFor(road, { jti: 'y' })}` },
    })
    expect(await page.json()).toHaveProperty('upstream.backends')
  })

  test('D73: a token opens services too', async () => {
    const road = await roadWith(provider.replace(', models: ["gpt-*"]', ''))
    const ask = async (token: string): Promise<Told> =>
      await toldBy(
        road.fetch('/google/gemma/v1/x', { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } }),
      )
    expect((await ask(await tokenFor(road))).status).toBe(200)
    expect((await ask(await tokenFor(road, { exp: 1 }))).status).toBe(401)
    expect(road.sent).toHaveLength(1)
  })

  test.each([
    { name: 'another issuer', claims: { iss: 'x' }, code: 'invalid_api_key' },
    { name: 'another audience', claims: { aud: 'x' }, code: 'invalid_api_key' },
    { name: 'an end in the past', claims: { exp: 1 }, code: 'expired_api_key' },
  ])('C409: $name is refused', async ({ claims, code }) => {
    const road = await roadWith(provider)
    expect(await chat(road, await tokenFor(road, claims))).toEqual({ status: 401, code })
  })

  test('auth.providers[].{secret,issuer,audience,expiration,clock_tolerance}: what changes, counts with the next request', async () => {
    const road = await roadWith(provider)
    const token = await tokenFor(road)
    expect(await chat(road, token)).toEqual(fine)
    for (const changed of [
      provider.replace('0123456789abcdef"', 'fedcba9876543210"'),
      provider.replace('issuer: proxy-llm', 'issuer: [other, another]'),
      provider.replace('audience: clients', 'audience: [others]'),
      provider.replace('expiration: 24h', 'expiration: 30m'),
      provider.replace('expiration: 24h', 'expiration: 24h, algorithms: [HS512]'),
      provider.replace('expiration: 24h', 'expiration: 24h, user_claim: email'),
      provider.replace('type: jwt, ', 'type: jwt, allowed_ips: ["192.0.2.1"], '),
      provider.replace('type: jwt, ', 'type: jwt, permissions: [audio], '),
    ]) {
      await road.reload(`auth:\n${changed}\n${base}`)
      expect((await chat(road, token)).status).toBeGreaterThan(400)
    }
    await road.reload(`auth:\n${provider}\n${base}`)
    expect(await chat(road, token)).toEqual(fine)
    const late = await tokenFor(road, { exp: Math.floor(road.clock.wallMs() / 1000) - 60 })
    expect((await chat(road, late)).status).toBe(401)
    await road.reload(`auth:\n${provider.replace('24h', '24h, clock_tolerance: 2m')}\n${base}`)
    expect((await chat(road, late)).status).toBe(200)
  })

  test('where nobody accepts tokens, one is a wrong key', async () => {
    const road = await roadFor('enabled: true')
    expect(await chat(road, await tokenFor(road))).toEqual({ status: 401, code: 'invalid_api_key' })
  })
})

test('logins of people are not served, and nobody gets in by them', async () => {
  const road = await roadWith(`  mfa: { enabled: true, provider: totp }
  providers: [{ type: oauth2, provider: github, client_id: c, client_secret: s, scopes: [openid] }]`)
  expect(await chat(road, undefined)).toEqual({ status: 401, code: 'missing_api_key' })
  expect(await chat(road, 's')).toEqual({ status: 401, code: 'invalid_api_key' })
})
