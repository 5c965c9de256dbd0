import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { plainAnswer, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'
import { forged, hs256, signerWith, type Signer } from '../support/tokens.ts'

const secret = 'a secret of thirty-two bytes, ok'
const good = { iss: 'issuer', aud: 'clients', sub: 'carol' }
const keys = { ok: 'key-that-works-0000001', narrow: 'key-for-one-model-0001' }
const closed = { ended: 'key-of-yesterday-00001', early: 'key-of-tomorrow-000001', off: 'key-switched-off-00001' }

let origin: RawOrigin
let signer: Signer
let gateway: RunningGateway

beforeAll(async () => {
  origin = await rawOrigin((peer) => peer.write(plainAnswer('{"choices":[]}', ['Content-Type: application/json'])))
  signer = await signerWith('RS256')
  gateway = await startGateway(`
auth:
  providers:
    - type: api_key
      keys:
        - { key: ${keys.ok}, user_id: ok }
        - { key: ${keys.narrow}, user_id: narrow, models: [other] }
        - { key: ${closed.ended}, user_id: ended, expires_at: 2020-01-01 }
        - { key: ${closed.early}, user_id: early, not_before: 2100-01-01 }
        - { key: ${closed.off}, user_id: off, enabled: false }
    - { type: jwt, secret: "${secret}", issuer: issuer, audience: clients, expiration: 24h }
    - { type: jwt, public_key: ${JSON.stringify(signer.pem)}, algorithms: [RS256], issuer: issuer, audience: clients }
validation: { caps: { n: { max: 4 }, best_of: { max: 4 }, logprobs: { max: 5 } } }
idempotency: { enabled: true }
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models:
  m: { routes: [{ backend: a, model: m }] }
  other: { routes: [{ backend: a, model: m }] }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await origin.stop()
})

interface Told {
  readonly status: number
  readonly code: string | undefined
  readonly param: string | null | undefined
  readonly retry: string | null
  readonly asked: number
}

/** What a chat is answered, and how often a backend was asked for it. */
async function chat(key: string, members: object = {}, headers: Record<string, string> = {}): Promise<Told> {
  const before = origin.received.length
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...members }),
  })
  // The platform says no without a word.
  const text = await response.text()
  const { error }: { error?: { code?: string; param?: string | null } } = text === '' ? {} : JSON.parse(text)
  const retry = response.headers.get('x-should-retry')
  return {
    status: response.status,
    code: error?.code,
    param: error?.param,
    retry,
    asked: origin.received.length - before,
  }
}

const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600

describe('access that nobody has', () => {
  test.each(Object.entries(closed))('B41: a key that is %s opens nothing, and says why', async (_why, key) => {
    expect(await chat(key)).toMatchObject({ status: 401, code: 'expired_api_key', retry: 'false', asked: 0 })
  })

  test('a key and a token that are good open', async () => {
    expect(await chat(keys.ok)).toMatchObject({ status: 200, asked: 1 })
    expect(await chat(await hs256(secret, { ...good, exp: inAnHour() }))).toMatchObject({ status: 200, asked: 1 })
    expect(await chat(await signer.sign({ ...good, exp: inAnHour() }))).toMatchObject({ status: 200, asked: 1 })
  })

  test.each([
    ['without an algorithm', async () => forged({ alg: 'none' }, { ...good, exp: inAnHour() }, '')],
    ['signed with the public key as a secret', async () => await hs256(signer.pem, { ...good, exp: inAnHour() })],
    [
      'whose key is a path',
      async () => await hs256('x'.repeat(32), { ...good, exp: inAnHour() }, { kid: '../../dev/null' }),
    ],
    [
      'whose key is elsewhere',
      async () =>
        await hs256('x'.repeat(32), { ...good, exp: inAnHour() }, { jku: origin.url.href, x5u: origin.url.href }),
    ],
    ['that never ends', async () => await hs256(secret, good)],
    ['that is not valid yet', async () => await hs256(secret, { ...good, exp: inAnHour(), nbf: inAnHour() - 60 })],
    [
      'that wants what nobody knows',
      async () => forged({ alg: 'HS256', crit: ['x'], x: 1 }, { ...good, exp: inAnHour() }, 'AA'),
    ],
    [
      'of many claims',
      async () =>
        forged({ alg: 'HS256' }, Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`c${at}`, at])), 'AA'),
    ],
  ])('B42, B43: a token %s opens nothing', async (_what, token) => {
    const told = await chat(await token())
    expect(told.status).toBe(401)
    expect(told.asked).toBe(0)
  })

  test('B43: a token of 100 kB does not get as far as being looked at', async () => {
    const told = await chat(await hs256(secret, { ...good, exp: inAnHour(), fill: 'a'.repeat(100_000) }))
    expect(told).toMatchObject({ status: 431, asked: 0 })
  })

  test('B66: a key that may use one model gets 403 for another', async () => {
    expect(await chat(keys.narrow)).toMatchObject({ status: 403, code: 'model_not_allowed', retry: 'false', asked: 0 })
    expect(await chat(keys.narrow, { model: 'other' })).toMatchObject({ status: 200, asked: 1 })
  })

  test.each([
    ['n', { n: 100_000 }],
    ['best_of', { best_of: 5 }],
    ['top_logprobs', { logprobs: true, top_logprobs: 20 }],
  ])('B68: %s above its cap is refused by name', async (param, members) => {
    expect(await chat(keys.ok, members)).toMatchObject({ status: 400, code: 'invalid_parameter', param, asked: 0 })
  })

  test('B78: an Idempotency-Key belongs to one body', async () => {
    const once = { 'idempotency-key': 'order-1' }
    expect(await chat(keys.ok, {}, once)).toMatchObject({ status: 200, asked: 1 })
    expect(await chat(keys.ok, {}, once)).toMatchObject({ status: 200, asked: 0 })
    expect(await chat(keys.ok, { n: 2 }, once)).toMatchObject({ status: 422, code: 'idempotency_mismatch', asked: 0 })
    // Another caller knows nothing of it.
    expect(await chat(keys.narrow, { model: 'other' }, once)).toMatchObject({ status: 200, asked: 1 })
  })
})
