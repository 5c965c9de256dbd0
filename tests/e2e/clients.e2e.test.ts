import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { forged, hs256, signerWith } from '../support/tokens.ts'

const keys = { one: 'key-of-user-one-0001', two: 'key-of-user-two-0002' }
const secret = 'a secret of thirty-two bytes, ok'

/** As an older configuration writes it. */
const written = `
auth:
  enabled: true
  providers:
    - type: "api_key"
      header: "X-API-Key"
      keys:
        - key: "\${API_KEY_1}"
          user_id: "user_1"
          permissions: ["chat", "completions"]
          rate_limit: 100
        - key: "\${API_KEY_2}"
          user_id: "user_2"
          permissions: ["chat"]
          rate_limit: 50
    - type: "jwt"
      secret: "\${JWT_SECRET}"
      issuer: "proxy-llm"
      audience: "clients"
      expiration: 24h
    - type: "oauth2"
      provider: "github"
      client_id: "\${OAUTH_CLIENT_ID}"
      client_secret: "\${OAUTH_CLIENT_SECRET}"
      scopes: ["openid", "profile", "email"]
  mfa:
    enabled: false
    provider: "totp"
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
logging: { level: debug, general_file: ./logs/general.log, separate_files: true, request_dir: ./logs/requests, error_dir: ./logs/errors }
`
const env = {
  API_KEY_1: keys.one,
  API_KEY_2: keys.two,
  JWT_SECRET: secret,
  OAUTH_CLIENT_ID: 'an-oauth-client',
  OAUTH_CLIENT_SECRET: 'an-oauth-client-secret',
}

async function ask(
  gateway: RunningGateway,
  headers: Record<string, string>,
  path = '/v1/chat/completions',
): Promise<number> {
  const body = JSON.stringify({ model: 'm', prompt: 'hi', messages: [{ role: 'user', content: 'hi' }] })
  const answer = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
  await answer.text()
  return answer.status
}

test('C401 C402 C403 C404 C405 C406 C409 C417: an older configuration is served as it is, and its secrets show nowhere', async () => {
  await using gateway = await startGateway(written, { env })
  await gateway.told(/people cannot log in here/)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const claims = { sub: 'carol', iss: 'proxy-llm', aud: 'clients', iat: nowSeconds, exp: nowSeconds + 600 }
  const token = await hs256(secret, claims)
  const bearer = (text: string): Record<string, string> => ({ authorization: `Bearer ${text}` })
  expect(await ask(gateway, { 'x-api-key': keys.one })).toBe(200)
  expect(await ask(gateway, bearer(keys.one), '/v1/completions')).toBe(200)
  expect(await ask(gateway, { 'x-api-key': keys.two })).toBe(200)
  expect(await ask(gateway, { 'x-api-key': keys.two }, '/v1/completions')).toBe(403)
  expect(await ask(gateway, bearer(token))).toBe(200)
  expect(await ask(gateway, bearer(token))).toBe(200)
  expect(await ask(gateway, bearer(await hs256(secret, { ...claims, iss: 'others' })))).toBe(401)
  expect(await ask(gateway, bearer(await hs256(secret, { ...claims, aud: 'others' })))).toBe(401)
  expect(await ask(gateway, bearer(await hs256(secret, { ...claims, iat: 1, exp: 2 })))).toBe(401)
  expect(await ask(gateway, bearer(forged({ alg: 'none' }, claims, 'AA')))).toBe(401)
  expect(await ask(gateway, bearer('wrong-key-0000000000'))).toBe(401)
  expect(await ask(gateway, {})).toBe(401)
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
  await gateway.told(/Request finished:.* user=user_1/)
  await gateway.told(/Request finished:.* user=carol/)
  await gateway.told(/Request refused: status=403 code=permission_denied.* user=user_2/)
  expect(await gateway.stop()).toBe(0)
  const logs = join(gateway.directory, 'logs')
  const files = readdirSync(logs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const told = [gateway.output(), ...files.map((file) => readFileSync(join(file.parentPath, file.name), 'utf8'))].join(
    '',
  )
  expect(told).toContain('user_1')
  for (const hidden of [
    keys.one,
    keys.two,
    secret,
    env.OAUTH_CLIENT_SECRET,
    token,
    token.slice(token.lastIndexOf('.')),
  ]) {
    expect(told).not.toContain(hidden)
  }
})

test('C404: a key whose variable is not set ends the start', async () => {
  await using gateway = await startGateway(written, { env: { ...env, API_KEY_2: '' }, waits: false })
  await gateway.told(/auth\.providers\[0\]\.keys\[1\]\.key/)
  expect(await gateway.exited).not.toBe(0)
})

test('C408: a reload changes keys, says so by name, and asks for no restart', async () => {
  const yaml = (names: readonly string[]): string => `
auth: { providers: [{ type: api_key, keys: [${names.map((name) => `{ name: ${name}, key: key-of-${name}-0123456789 }`).join(', ')}] }] }
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }`
  await using gateway = await startGateway(yaml(['old']))
  const statuses = async (): Promise<number[]> => [
    await ask(gateway, { 'x-api-key': 'key-of-old-0123456789' }),
    await ask(gateway, { 'x-api-key': 'key-of-new-0123456789' }),
  ]
  expect(await statuses()).toEqual([200, 401])
  gateway.rewrite(yaml(['old', 'new']))
  await gateway.told(/Configuration reloaded: .*client key new added/)
  expect(await statuses()).toEqual([200, 200])
  gateway.rewrite(yaml(['new']))
  await gateway.told(/Configuration reloaded: .*client key old removed/)
  expect(await statuses()).toEqual([401, 200])
  expect(gateway.output()).not.toContain('0123456789')
})

test('C410: tokens of a server of keys, over the net', async () => {
  const signer = await signerWith('RS256')
  using issuer = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => Response.json({ keys: [signer.jwk] }) })
  await using gateway = await startGateway(`
auth: { providers: [{ type: jwt, jwks_url: "http://127.0.0.1:${issuer.port}/keys", issuer: me, audience: llm }] }
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }`)
  const claims = { sub: 'dora', iss: 'me', aud: 'llm', exp: Math.floor(Date.now() / 1000) + 600 }
  expect(await ask(gateway, { authorization: `Bearer ${await signer.sign(claims)}` })).toBe(200)
  const stranger = await signerWith('RS256')
  expect(await ask(gateway, { authorization: `Bearer ${await stranger.sign(claims)}` })).toBe(401)
})
