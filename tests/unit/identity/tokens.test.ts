import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Caller } from '#core/caller.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { identifyAny } from '#identity/identify.ts'
import type { KeyRing } from '#identity/key-ring.ts'
import { Tokens } from '#identity/tokens.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { forged, hs256, ringOf, signerWith } from '../../support/tokens.ts'
import { wholeResponse } from '../../support/upstream.ts'

const secret = '0123456789abcdef0123456789abcdef'
const clock = new FakeClock()
const nowSeconds = Math.floor(clock.wallMs() / 1000)
const good = { sub: 'alice', iss: 'proxy-llm', aud: 'clients', iat: nowSeconds, exp: nowSeconds + 3600 }
const written = { type: 'jwt', secret, issuer: 'proxy-llm', audience: 'clients' } as const

function tokensAt(at: FakeClock = clock): Tokens {
  const log = { write: () => {}, keeps: () => false }
  return new Tokens({ clock: at, transport: { send: async () => wholeResponse(404, {}) }, log })
}

async function askWith(token: string, ring: KeyRing, tokens = tokensAt()): Promise<Caller | Refusal> {
  return await identifyAny(new Headers({ authorization: `Bearer ${token}` }), undefined, ring, clock.wallMs(), tokens)
}

async function idOrCode(token: string, ring: KeyRing, tokens?: Tokens): Promise<string> {
  const caller = await askWith(token, ring, tokens)
  return isRefusal(caller) ? caller.code : caller.id
}

describe('C409: a token of a shared secret', () => {
  const ring = ringOf({ providers: [written] })

  test.each([
    { name: 'is let in', claims: good, gives: 'alice' },
    { name: 'for several audiences is let in', claims: { ...good, aud: ['x', 'clients'] }, gives: 'alice' },
    { name: 'without iat is let in', claims: { ...good, iat: undefined }, gives: 'alice' },
    { name: 'of another issuer', claims: { ...good, iss: 'other' }, gives: 'invalid_api_key' },
    { name: 'without issuer', claims: { ...good, iss: undefined }, gives: 'invalid_api_key' },
    { name: 'for another audience', claims: { ...good, aud: 'others' }, gives: 'invalid_api_key' },
    { name: 'without audience', claims: { ...good, aud: undefined }, gives: 'invalid_api_key' },
    { name: 'B42: without end', claims: { ...good, exp: undefined }, gives: 'invalid_api_key' },
    { name: 'B41: that has ended', claims: { ...good, iat: 1, exp: nowSeconds - 31 }, gives: 'expired_api_key' },
    { name: 'that ended within the tolerance', claims: { ...good, exp: nowSeconds - 29 }, gives: 'alice' },
    { name: 'B42: of the future', claims: { ...good, nbf: nowSeconds + 31 }, gives: 'expired_api_key' },
    { name: 'of the near future', claims: { ...good, nbf: nowSeconds + 29 }, gives: 'alice' },
    { name: 'that lives for too long', claims: { ...good, exp: nowSeconds + 86_431 }, gives: 'invalid_api_key' },
    {
      name: 'that lives for too long, and says that it was made later',
      claims: { ...good, iat: nowSeconds + 86_400, exp: nowSeconds + 100_000 },
      gives: 'invalid_api_key',
    },
    { name: 'without user', claims: { ...good, sub: undefined }, gives: 'invalid_api_key' },
    { name: 'of an empty user', claims: { ...good, sub: '' }, gives: 'invalid_api_key' },
    { name: 'of a user with line breaks', claims: { ...good, sub: 'a\nb' }, gives: 'invalid_api_key' },
    { name: 'of a user that is long', claims: { ...good, sub: 'a'.repeat(201) }, gives: 'invalid_api_key' },
    { name: 'that calls itself anonymous', claims: { ...good, sub: 'anonymous' }, gives: 'invalid_api_key' },
    { name: 'that calls itself default', claims: { ...good, sub: 'default' }, gives: 'invalid_api_key' },
  ])('$name: $gives', async ({ claims, gives }) => {
    expect(await idOrCode(await hs256(secret, JSON.parse(JSON.stringify(claims))), ring)).toBe(gives)
  })

  test.each([
    { name: 'of another secret', token: hs256('another secret of enough bytes!!', good) },
    { name: 'B42: with alg none', token: forged({ alg: 'none' }, good, 'AA') },
    { name: 'B42: with an algorithm that was not asked for', token: forged({ alg: 'HS512' }, good) },
    { name: 'B42: with a critical extension', token: forged({ alg: 'HS256', crit: ['x'], x: 1 }, good) },
    { name: 'B42: with a path as kid', token: forged({ alg: 'HS256', kid: '../../dev/null' }, good) },
    { name: 'B42: with jku and x5u', token: forged({ alg: 'RS256', jku: 'https://evil', x5u: 'https://evil' }, good) },
    { name: 'with a header that is no JSON', token: 'AAAA.BBBB.CCCC' },
    { name: 'with __proto__ in it', token: forged({ alg: 'HS256', ['__proto__']: { a: 1 } }, { ['__proto__']: good }) },
    { name: 'that is encrypted', token: 'AAAA.BBBB.CCCC.DDDD.EEEE' },
    { name: 'B43: of 100 kB', token: forged({ alg: 'HS256' }, { ...good, filler: 'x'.repeat(100_000) }) },
  ])('$name is refused', async ({ token }) => {
    expect(await idOrCode(await token, ring)).toBe('invalid_api_key')
  })

  test('B43: with thousands of claims is refused for its length', async () => {
    const claims = {
      ...good,
      ...Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`c${index}`, index])),
    }
    expect(await idOrCode(await hs256(secret, claims), ring)).toBe('invalid_api_key')
  })

  test('whatever looks like one never throws', async () => {
    const part = fc.stringMatching(/^[\w-]{1,40}$/)
    await fc.assert(
      fc.asyncProperty(part, part, part, async (header, claims, signature) => {
        expect(await idOrCode(`${header}.${claims}.${signature}`, ring)).toBe('invalid_api_key')
      }),
      { numRuns: 200 },
    )
  })
})

describe('C410: a token of a key pair', () => {
  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const)(
    '%s is checked with the public key',
    async (algorithm) => {
      const signer = await signerWith(algorithm)
      const ring = ringOf({ providers: [{ type: 'jwt', public_key: signer.pem, algorithms: [algorithm] }] })
      expect(await idOrCode(await signer.sign(good), ring)).toBe('alice')
      const other = await signerWith(algorithm)
      expect(await idOrCode(await other.sign(good), ring)).toBe('invalid_api_key')
    },
  )

  test('B42: HS256 signed with the public key is refused', async () => {
    const signer = await signerWith('RS256')
    const ring = ringOf({ providers: [{ type: 'jwt', public_key: signer.pem }] })
    expect(await idOrCode(await hs256(signer.pem, good), ring)).toBe('invalid_api_key')
  })

  test('the algorithm is that of the key, and no other of the same key', async () => {
    const signer = await signerWith('RS256')
    const ring = ringOf({ providers: [{ type: 'jwt', public_key: signer.pem }] })
    expect(await idOrCode(await signer.sign(good), ring)).toBe('alice')
    const strict = ringOf({ providers: [{ type: 'jwt', public_key: signer.pem, algorithms: ['PS256'] }] })
    expect(await idOrCode(await signer.sign(good), strict)).toBe('invalid_api_key')
  })
})

describe('what a token says', () => {
  const claims = {
    ...good,
    email: 'alice@example.com',
    number: 7,
    realm: { roles: ['chat', 'embeddings', 'strange'], id: 'r-1' },
    scope: 'openid chat completions',
    models: ['gpt-*', 'claude'],
    'https://example.com/user': 'by address',
  }

  test.each([
    { user_claim: 'email', id: 'alice@example.com' },
    { user_claim: 'number', id: '7' },
    { user_claim: 'realm.id', id: 'r-1' },
    { user_claim: 'https://example.com/user', id: 'by address' },
    { user_claim: 'sub', user_prefix: 'corp:', id: 'corp:alice' },
    { user_claim: 'realm', id: 'invalid_api_key' },
    { user_claim: 'realm.__proto__', id: 'invalid_api_key' },
    { user_claim: 'constructor.name', id: 'invalid_api_key' },
  ])('user_claim and user_prefix: $user_claim is who it is: $id', async ({ id, ...more }) => {
    expect(await idOrCode(await hs256(secret, claims), ringOf({ providers: [{ ...written, ...more }] }))).toBe(id)
  })

  async function accessWith(more: object): Promise<Caller['access']> {
    const caller = await askWith(await hs256(secret, claims), ringOf({ providers: [{ ...written, ...more }] }))
    if (isRefusal(caller)) throw new Error(caller.message)
    return caller.access
  }

  test.each<{ more: object; may: string[] | undefined }>([
    { more: {}, may: undefined },
    { more: { permissions_claim: 'scope' }, may: ['chat', 'completions'] },
    { more: { permissions_claim: 'realm.roles' }, may: ['chat', 'embeddings'] },
    { more: { permissions_claim: 'scope', permissions: ['chat', 'audio'] }, may: ['chat'] },
    { more: { permissions_claim: 'none' }, may: [] },
    { more: { permissions_claim: 'none', permissions: ['audio'] }, may: ['audio'] },
    { more: { permissions_claim: 'number' }, may: [] },
    { more: { permissions: ['audio'] }, may: ['audio'] },
    { more: { permissions: ['*'] }, may: undefined },
  ])('permissions_claim and permissions: $more allows $may', async ({ more, may }) => {
    const { permissions } = (await accessWith(more)) ?? {}
    expect(permissions && Array.from(permissions, String)).toEqual(may)
  })

  test.each<{ more: object; may: string[] }>([
    { more: {}, may: ['gpt-5', 'claude', 'other'] },
    { more: { models_claim: 'models' }, may: ['gpt-5', 'claude'] },
    { more: { models_claim: 'models', models: ['*-5'] }, may: ['gpt-5'] },
    { more: { models: ['other'] }, may: ['other'] },
    { more: { models_claim: 'none' }, may: [] },
    { more: { models_claim: 'none', models: ['other'] }, may: ['other'] },
  ])('models_claim and models: $more allows $may', async ({ more, may }) => {
    const allows = (await accessWith(more))?.allowsModel ?? ((): boolean => true)
    expect(['gpt-5', 'claude', 'other'].filter(allows)).toEqual(may)
  })

  test('the limits of the provider are those of each of its users', async () => {
    const limits = { requests_per_minute: 5, tokens_per_minute: 6, max_parallel: 7 }
    const ring = ringOf({ providers: [{ ...written, ...limits }] })
    expect(await askWith(await hs256(secret, good), ring)).toMatchObject({
      limits: { requestsPerMinute: 5, tokensPerMinute: 6, concurrent: 7 },
    })
  })
})

describe('Tokens', () => {
  const ring = ringOf({ providers: [written] })

  test('a token is checked once, and is remembered to its end and no longer', async () => {
    const at = new FakeClock()
    const tokens = tokensAt(at)
    const token = await hs256(secret, good)
    const headers = new Headers({ authorization: `Bearer ${token}` })
    const ask = (): unknown => identifyAny(headers, undefined, ring, at.wallMs(), tokens)
    expect(ask()).toBeInstanceOf(Promise)
    expect(await ask()).toMatchObject({ id: 'alice' })
    expect(ask()).toMatchObject({ id: 'alice' })
    await at.advance(3_630_000)
    expect(ask()).toBeInstanceOf(Promise)
    expect(await ask()).toMatchObject({ code: 'expired_api_key' })
  })

  test('two tokens that begin alike are two callers', async () => {
    const tokens = tokensAt()
    const [one, other] = [await hs256(secret, good), await hs256(secret, { ...good, sub: 'bob' })]
    expect(one.slice(0, 20)).toBe(other.slice(0, 20))
    expect(await idOrCode(one, ring, tokens)).toBe('alice')
    expect(await idOrCode(other, ring, tokens)).toBe('bob')
    const broken = `${one.slice(0, -2)}${one.endsWith('AA') ? 'BB' : 'AA'}`
    expect(await idOrCode(broken, ring, tokens)).toBe('invalid_api_key')
  })

  test('a reload that changes the provider forgets whom it let in, and one that does not keeps them', async () => {
    const tokens = tokensAt()
    const token = await hs256(secret, good)
    expect(await idOrCode(token, ring, tokens)).toBe('alice')
    tokens.adopt(ringOf({ providers: [written] }).tokens)
    expect(tokens.remembered(token, ring.tokens)).toMatchObject({ id: 'alice' })
    const next = ringOf({ providers: [{ ...written, audience: 'others' }] })
    tokens.adopt(next.tokens)
    expect(await idOrCode(token, next, tokens)).toBe('invalid_api_key')
    expect(tokens.remembered(token, ring.tokens)).toBeUndefined()
  })

  test('C402: of several providers the one that knows the token lets it in', async () => {
    const signer = await signerWith('ES256')
    const both = ringOf({
      providers: [
        written,
        { type: 'jwt', public_key: signer.pem, user_prefix: 'pair:' },
        { type: 'api_key', keys: [{ key: 'sk-a-key-of-a-list-1', user_id: 'by key' }] },
      ],
    })
    expect(await idOrCode(await hs256(secret, good), both)).toBe('alice')
    expect(await idOrCode(await signer.sign(good), both)).toBe('pair:alice')
    expect(await idOrCode('sk-a-key-of-a-list-1', both)).toBe('by key')
    expect(await idOrCode('sk-a-key-of-nobody-1', both)).toBe('invalid_api_key')
    expect(await idOrCode(await signer.sign({ ...good, exp: nowSeconds - 60 }), both)).toBe('expired_api_key')
  })
})
