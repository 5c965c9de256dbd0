import { describe, expect, test } from 'bun:test'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import type { Credential } from '#core/credential.ts'
import { Stop } from '#kit/stop.ts'
import type { IncomingResponse, TransportFailure } from '#ports/transport.ts'
import {
  credentialBench,
  failureOf,
  onlyOf,
  proofOf,
  setOf,
  signable,
  tokenAnswer,
  valueIn,
  type CredentialBench,
  type TokenServer,
} from '../../support/credentials.ts'
import { settled } from '../../support/fake-clock.ts'
import { headersOf, responseOf, wholeResponse } from '../../support/upstream.ts'

const oauth = {
  name: 'o',
  type: 'oauth2',
  token_url: 'https://auth.test/token',
  client_id: 'the id',
  client_secret: 'client:secret/1',
}

async function opened(
  server: TokenServer,
  written: Record<string, unknown> = oauth,
  files: Record<string, { content: string }> = {},
): Promise<CredentialBench & { readonly credential: Credential }> {
  const bench = credentialBench(server)
  const set = await setOf([written], { files })
  bench.book.adopt([set])
  return { ...bench, credential: onlyOf(bench.book, set) }
}

function broken(phase: TransportFailure['phase'], cause: TransportFailure['cause'] = 'reset'): TransportFailure {
  return { kind: 'transport_failure', phase, cause, message: `the connection broke in ${phase}` }
}

/** `token-1`, `token-2`, … */
const counting: TokenServer = (_, count) => tokenAnswer(`token-${count}`)

describe('oauth2', () => {
  test('asks for a token as RFC 6749 says, id and secret in the header', async () => {
    const { credential, asked, forms } = await opened(counting, {
      ...oauth,
      scope: 'a b',
      audience: 'https://api.test',
    })
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-1')
    expect(forms()).toEqual([{ grant_type: 'client_credentials', scope: 'a b', audience: 'https://api.test' }])
    const [request] = asked
    expect(request?.method).toBe('POST')
    expect(request?.url.href).toBe('https://auth.test/token')
    const basic = `Basic ${Buffer.from('the+id:client%3Asecret%2F1').toString('base64')}`
    expect(request?.headers).toContainEqual(['authorization', basic])
  })

  test('puts them among the parameters where the server wants that', async () => {
    const { credential, asked, forms } = await opened(counting, { ...oauth, auth_style: 'body' })
    await proofOf(credential)
    expect(forms()).toEqual([
      { grant_type: 'client_credentials', client_id: 'the id', client_secret: 'client:secret/1' },
    ])
    expect(asked[0]?.headers.some(([name]) => name === 'authorization')).toBe(false)
  })

  test('many requests wait for one errand, and the token is used again', async () => {
    const gate = Promise.withResolvers<IncomingResponse>()
    const { credential, asked, clock } = await opened(async () => await gate.promise)
    const waiting = [1, 2, 3].map(async () => await proofOf(credential))
    gate.resolve(tokenAnswer('t'))
    const proofs = await Promise.all(waiting)
    expect(proofs.map((proof) => [valueIn(proof), proof.isReused])).toEqual([
      ['Bearer t', false],
      ['Bearer t', true],
      ['Bearer t', true],
    ])
    expect(credential.headers(signable())).not.toBeInstanceOf(Promise)
    expect(asked).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  test('a token is replaced before its end, while requests go on with the old one', async () => {
    const { credential, clock, asked } = await opened(counting)
    await proofOf(credential)
    await clock.advance(3_299_999)
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-1')
    expect(asked).toHaveLength(1)
    await clock.advance(1)
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-1')
    await settled()
    expect(asked).toHaveLength(2)
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-2')
  })

  test.each([
    { name: 'a short life is halved', expiresIn: 60, renewsAfterMs: 30_000 },
    { name: 'a life in a text is read', expiresIn: '600', renewsAfterMs: 300_000 },
    { name: 'without a life five minutes are assumed', expiresIn: null, renewsAfterMs: 150_000 },
    { name: 'a life that is nonsense counts as none', expiresIn: -5, renewsAfterMs: 150_000 },
    { name: 'a life is believed up to a day', expiresIn: 99_999_999, renewsAfterMs: 86_400_000 - 300_000 },
  ])('$name', async ({ expiresIn, renewsAfterMs }) => {
    const { credential, clock, asked } = await opened(() => tokenAnswer('t', expiresIn))
    await proofOf(credential)
    await clock.advance(renewsAfterMs - 1)
    await proofOf(credential)
    expect(asked).toHaveLength(1)
    await clock.advance(1)
    await proofOf(credential)
    expect(asked).toHaveLength(2)
  })

  test('a token is used to its end when no new one is to be had', async () => {
    const { credential, clock, asked, lines } = await opened((_, count) =>
      count === 1 ? tokenAnswer('t') : wholeResponse(503, {}),
    )
    await proofOf(credential)
    await clock.advance(3_300_000)
    for (let second = 0; second < 299; second += 1) {
      expect(valueIn(await proofOf(credential))).toBe('Bearer t')
      await clock.advance(1000)
    }
    await clock.advance(1000)
    expect(await failureOf(credential)).toMatchObject({
      reason: 'no_token',
      message: 'its token server answered with status 503',
    })
    // After 1, 2, 4, … seconds, and from then on once a minute.
    expect(asked.length).toBeGreaterThan(6)
    expect(asked.length).toBeLessThan(14)
    expect(lines.filter(({ event }) => event === 'credential_token_failed')).toHaveLength(asked.length - 1)
  })

  test('between two errands that fail, requests are told at once how long to wait', async () => {
    const { credential, clock, asked } = await opened((_, count) =>
      count < 3 ? broken('connect', 'refused') : tokenAnswer('t'),
    )
    expect(await failureOf(credential)).toEqual({
      kind: 'credential_failure',
      reason: 'no_token',
      message: 'its token server cannot be reached: the connection broke in connect',
      retryAfterMs: 1000,
    })
    await clock.advance(400)
    expect((await failureOf(credential)).retryAfterMs).toBe(600)
    expect(asked).toHaveLength(1)
    await clock.advance(600)
    expect((await failureOf(credential)).retryAfterMs).toBe(2000)
    await clock.advance(2000)
    expect(valueIn(await proofOf(credential))).toBe('Bearer t')
  })

  test('a Retry-After of the token server is kept, up to a minute', async () => {
    const answers = ['7', '99999', 'Wed, 21 Oct 2026 07:28:00 GMT']
    const { credential, clock } = await opened((_, count) =>
      wholeResponse(429, { 'retry-after': answers[count - 1] ?? '' }),
    )
    const waits: unknown[] = []
    for (let count = 0; count < 3; count += 1) {
      const { retryAfterMs = 0 } = await failureOf(credential)
      waits.push(retryAfterMs)
      await clock.advance(retryAfterMs)
    }
    expect(waits).toEqual([7000, 60_000, 4000])
  })

  test('a token that was refused is dropped; one that was made for this very request is kept', async () => {
    const { credential } = await opened(counting)
    const first = await proofOf(credential)
    const second = await proofOf(credential)
    expect(credential.refused(second)).toBe(true)
    expect(credential.refused(first)).toBe(true)
    const third = await proofOf(credential)
    expect(valueIn(third)).toBe('Bearer token-2')
    expect(credential.refused(third)).toBe(false)
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-2')
  })

  test('refusals renew a token at most once in a second', async () => {
    const { credential, asked, clock } = await opened(counting)
    await proofOf(credential)
    for (let count = 0; count < 10; count += 1) {
      await proofOf(credential)
      credential.refused(await proofOf(credential))
    }
    await proofOf(credential)
    expect(asked).toHaveLength(2)
    await clock.advance(1000)
    expect(credential.refused(await proofOf(credential))).toBe(true)
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-3')
  })

  test('who leaves does not wait; the errand goes on for the others', async () => {
    const gate = Promise.withResolvers<IncomingResponse>()
    const { credential, asked } = await opened(async () => await gate.promise)
    const stop = new Stop()
    const leaving = failureOf(credential, signable({ stop }))
    const staying = proofOf(credential)
    stop.ask()
    expect(await leaving).toMatchObject({ reason: 'stopped' })
    gate.resolve(tokenAnswer('t'))
    expect(valueIn(await staying)).toBe('Bearer t')
    expect(asked[0]?.stop.isAsked).toBe(false)
  })

  test('a token server that never answers is given up, and leaves no timer behind', async () => {
    const { credential, clock } = await opened(async ({ stop }) => {
      await new Promise<void>((resolve) => stop.tell({ onStop: resolve }))
      return broken('head', 'aborted')
    })
    const failure = failureOf(credential)
    await clock.advance(20_000)
    expect(await failure).toMatchObject({ reason: 'no_token' })
    expect(clock.pending).toBe(0)
  })

  test.each([
    { name: 'no JSON', answer: wholeResponse(200, {}, '<html>'), says: 'is no JSON object' },
    { name: 'no token', answer: wholeResponse(200, {}, '{"expires_in":1}'), says: 'holds no token' },
    { name: 'a token with a line break', answer: tokenAnswer('a\r\nx: y'), says: 'holds no token' },
    {
      name: 'a token of another type',
      answer: wholeResponse(200, {}, '{"access_token":"t","token_type":"mac"}'),
      says: 'of another type',
    },
    { name: 'a redirect', answer: wholeResponse(302, { location: 'https://evil.test' }), says: 'status 302' },
    {
      name: 'an error with a name',
      answer: wholeResponse(401, {}, '{"error":"invalid_client"}'),
      says: '401 (invalid_client)',
    },
    {
      name: 'an error with prose',
      answer: wholeResponse(400, {}, '{"error":"bad client:secret/1"}'),
      says: /status 400$/,
    },
    { name: 'too much', answer: wholeResponse(200, {}, ' '.repeat(70_000)), says: 'larger than 64kb' },
    {
      name: 'too much in pieces',
      answer: responseOf(200, {}, [' '.repeat(40_000), ' '.repeat(40_000)], 'hang'),
      says: 'larger',
    },
    { name: 'a body that breaks', answer: responseOf(200, {}, ['{'], broken('body')), says: 'broke off' },
  ])('an answer with $name gives no token', async ({ answer, says }) => {
    const { credential } = await opened(() => answer)
    const { message } = await failureOf(credential)
    if (typeof says === 'string') expect(message).toContain(says)
    else expect(message).toMatch(says)
  })

  test('an answer in pieces is read to its end', async () => {
    const { credential } = await opened(() => responseOf(200, {}, ['{"access_', 'token":"t"}']))
    expect(valueIn(await proofOf(credential))).toBe('Bearer t')
  })

  test('a token outlives a reload that changes nothing about it', async () => {
    const bench = credentialBench(counting)
    const [before, after] = [await setOf([oauth]), await setOf([{ ...oauth, weight: 7 }])]
    bench.book.adopt([before])
    await proofOf(onlyOf(bench.book, before))
    bench.book.adopt([after])
    expect(valueIn(await proofOf(onlyOf(bench.book, after)))).toBe('Bearer token-1')
    const changed = await setOf([{ ...oauth, scope: 'more' }])
    bench.book.adopt([changed])
    expect(valueIn(await proofOf(onlyOf(bench.book, changed)))).toBe('Bearer token-2')
  })
})

describe('azure_ad', () => {
  test('asks the tenant’s own address, for what models need', async () => {
    const written = { type: 'azure_ad', tenant: 'contoso.onmicrosoft.com', client_id: 'id', client_secret: 'secret-1' }
    const { credential, asked, forms } = await opened(counting, written)
    expect(valueIn(await proofOf(credential, signable({ keyHeader: 'api-key' })))).toBe('Bearer token-1')
    expect(asked[0]?.url.href).toBe('https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token')
    expect(forms()).toEqual([
      {
        grant_type: 'client_credentials',
        scope: 'https://cognitiveservices.azure.com/.default',
        client_id: 'id',
        client_secret: 'secret-1',
      },
    ])
  })

  test('clouds of their own have another authority', async () => {
    const authority = 'https://login.microsoftonline.us/'
    const written = { type: 'azure_ad', tenant: 't', client_id: 'id', client_secret: 'secret-1', authority, scope: 's' }
    const { credential, asked, forms } = await opened(counting, written)
    await proofOf(credential)
    expect(asked[0]?.url.href).toBe('https://login.microsoftonline.us/t/oauth2/v2.0/token')
    expect(forms()[0]?.['scope']).toBe('s')
  })
})

describe('google', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const account = {
    type: 'service_account',
    private_key_id: 'key-id-1',
    private_key: pem,
    client_email: 'proxy@project.iam.gserviceaccount.com',
    token_uri: 'https://oauth2.googleapis.com/token',
  }

  test('asks by an assertion that the account’s key has signed', async () => {
    const files = { '/etc/proxy/account.json': { content: JSON.stringify(account) } }
    const { credential, asked, forms, clock } = await opened(counting, { service_account: 'account.json' }, files)
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-1')
    expect(asked[0]?.url.href).toBe(account.token_uri)
    const [form] = forms()
    expect(form?.['grant_type']).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    const [header = '', payload = '', signature = ''] = (form?.['assertion'] ?? '').split('.')
    const iat = Math.floor(clock.wallMs() / 1000)
    expect(decoded(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-id-1' })
    expect(decoded(payload)).toEqual({
      iss: account.client_email,
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: account.token_uri,
      iat,
      exp: iat + 3600,
    })
    const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
    expect(verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))).toBe(
      true,
    )
  })

  test('asks for a user by what gcloud leaves behind, which no answer may repeat', async () => {
    const user = { type: 'authorized_user', client_id: 'c', client_secret: 'secret-1', refresh_token: 'refresh-1' }
    const { credential, asked, forms } = await opened(counting, { service_account: JSON.stringify(user) })
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-1')
    expect(asked[0]?.url.href).toBe('https://oauth2.googleapis.com/token')
    expect(forms()).toEqual([
      { grant_type: 'refresh_token', refresh_token: 'refresh-1', client_id: 'c', client_secret: 'secret-1' },
    ])
    expect(credential.secrets().map((secret) => secret.reveal())).toContain('refresh-1')
  })

  test('takes the account in full, too', async () => {
    const { credential } = await opened(counting, { service_account: JSON.stringify(account) })
    expect(valueIn(await proofOf(credential))).toBe('Bearer token-1')
  })
})

describe('jwt', () => {
  const client = { type: 'jwt', client_id: 'id1', client_secret: 'secret1', tenant: 't1' }
  const vector =
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjbGllbnRJZCI6ImlkMSIsImNsaWVudFNlY3JldCI6InNlY3JldDEiLCJ0ZW5hbnQiOiJ0MSJ9.Qhfb9Ao3Qv1n9gcVlsAc_QFb9Gr4D1pXpP7S7TZ7I7A'

  test('A01, A02, A03: the token of the original proxy, byte for byte', async () => {
    const { credential } = await opened(counting, client)
    expect(valueIn(await proofOf(credential))).toBe(`Bearer ${vector}`)
    expect(decoded(vector.split('.')[0])).toEqual({ alg: 'HS256', typ: 'JWT' })
    expect(Object.keys(decoded(vector.split('.')[1]))).toEqual(['clientId', 'clientSecret', 'tenant'])
  })

  test('A01, A03: the same by a secrets file, whatever else stands in it', async () => {
    const content =
      '[{"agent":"simple_agent","appToAccess":"llm-api","tenant":"t1","clientSecret":"secret1","clientId":"id1"}]'
    const { credential } = await opened(counting, { secrets_file: 's.json' }, { '/etc/proxy/s.json': { content } })
    expect(credential.name).toBe('config-id1...')
    expect(valueIn(await proofOf(credential))).toBe(`Bearer ${vector}`)
  })

  test('A04: other services get claims of their own, and times', async () => {
    const extra = { issuer: 'proxy', audience: 'llm', ttl: '1h', extra_claims: { plan: 'gold', level: 3 } }
    const { credential, clock } = await opened(counting, { ...client, claims: ['tenant'], ...extra })
    const [, payload] = (valueIn(await proofOf(credential)) ?? '').split('.')
    const iat = Math.floor(clock.wallMs() / 1000)
    const claims = { tenant: 't1', iss: 'proxy', aud: 'llm', plan: 'gold', level: 3, iat, exp: iat + 3600 }
    expect(Object.entries(decoded(payload))).toEqual(Object.entries(claims))
  })

  test('A07, A45: 100 requests make one token, and tell so without it', async () => {
    const { credential, lines } = await opened(counting, client)
    for (let count = 0; count < 100; count += 1) await proofOf(credential)
    expect(lines).toEqual([
      {
        level: 'debug',
        event: 'credential_token',
        fields: { backend: 'b', credential: 'key-1', how: 'minted', forMs: 3_600_000 },
      },
    ])
  })

  test('A07: it is made anew after an hour, 5 minutes early', async () => {
    const { credential, clock, lines } = await opened(counting, client)
    await proofOf(credential)
    await clock.advance(3_299_999)
    await proofOf(credential)
    expect(lines).toHaveLength(1)
    await clock.advance(1)
    await proofOf(credential)
    await credential.headers(signable())
    for (let turn = 0; lines.length < 2 && turn < 10_000; turn += 1)
      await new Promise((resolve) => void setImmediate(resolve))
    expect(lines).toHaveLength(2)
  })

  test('a token with times is not used beyond them', async () => {
    const { credential, clock } = await opened(counting, { ...client, ttl: '1m' })
    const first = valueIn(await proofOf(credential))
    await clock.advance(60_000)
    expect(valueIn(await proofOf(credential))).not.toBe(first)
  })

  test('one that would be made again just so is not worth another attempt; one with times is', async () => {
    const timeless = await opened(counting, client)
    await proofOf(timeless.credential)
    expect(timeless.credential.refused(await proofOf(timeless.credential))).toBe(false)
    const timed = await opened(counting, { ...client, ttl: '1h' })
    await proofOf(timed.credential)
    expect(timed.credential.refused(await proofOf(timed.credential))).toBe(true)
  })

  test('N004: clients of one id in two tenants, or with two secrets, have tokens of their own', async () => {
    const { book } = credentialBench()
    const set = await setOf([client, { ...client, tenant: 't2' }, { ...client, client_secret: 'secret2' }])
    book.adopt([set])
    const ring = book.ringOf(set)
    const tokens: (string | undefined)[] = []
    for (let count = 0; count < 3; count += 1) {
      const turn = ring?.next(0)
      if (turn?.kind === 'turn') tokens.push(valueIn(await proofOf(turn.credential)))
    }
    expect(new Set(tokens).size).toBe(3)
  })
})

test('headers of the token server are of no concern to the one that is asked next', async () => {
  const { credential } = await opened(() => ({ ...tokenAnswer('t'), headers: headersOf({ 'set-cookie': 'a=b' }) }))
  expect((await proofOf(credential)).headers).toEqual([['authorization', 'Bearer t']])
})

function decoded(part: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString())
}

describe('N005: what came since the start is known for masking', () => {
  test('tokens that were fetched, the newest ones; the same list while none comes', async () => {
    const bench = credentialBench(counting)
    const set = await setOf([oauth])
    bench.book.adopt([set])
    expect(bench.book.arrived()).toEqual([])
    const credential = onlyOf(bench.book, set)
    await proofOf(credential)
    const [first] = bench.book.arrived()
    expect(first?.reveal()).toBe('token-1')
    const proof = await proofOf(credential)
    const known = bench.book.arrived()
    expect(bench.book.arrived()).toBe(known)
    credential.refused(proof)
    await proofOf(credential)
    expect(bench.book.arrived().map((secret) => secret.reveal())).toEqual(['token-1', 'token-2'])
  })
})
