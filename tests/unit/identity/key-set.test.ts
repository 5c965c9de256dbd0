import { describe, expect, test } from 'bun:test'
import { isRefusal } from '#core/refusal.ts'
import { identifyAny } from '#identity/identify.ts'
import type { KeyRing } from '#identity/key-ring.ts'
import type { TokenProvider } from '#identity/token-provider.ts'
import { Tokens } from '#identity/tokens.ts'
import type { LogFields } from '#ports/log.ts'
import type { IncomingResponse, OutgoingRequest, TransportFailure } from '#ports/transport.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { linkWith } from '../../support/outgoing.ts'
import { whenDone } from '../../support/scripted.ts'
import { ringOf, signerWith, type Signer } from '../../support/tokens.ts'
import { responseOf, wholeResponse } from '../../support/upstream.ts'

type Answer = IncomingResponse | TransportFailure | Promise<IncomingResponse | TransportFailure>

const down: TransportFailure = {
  kind: 'transport_failure',
  phase: 'connect',
  cause: 'refused',
  message: 'nobody listens there',
}

const written = { type: 'jwt', jwks_url: 'https://id.example.com/keys', audience: 'clients' } as const

/** A gateway's memory of tokens, and a server of keys that answers as it is told. */
class Bench {
  readonly clock = new FakeClock()
  readonly sent: OutgoingRequest[] = []
  readonly lines: { event: string; fields: LogFields | undefined }[] = []
  answer: () => Answer
  readonly ring: KeyRing
  readonly tokens: Tokens

  constructor(answer: () => Answer, more: object = {}) {
    this.answer = answer
    this.ring = ringOf({ providers: [{ ...written, ...more }] })
    this.tokens = new Tokens({
      clock: this.clock,
      transport: {
        send: async (request) => {
          this.sent.push(request)
          return await this.answer()
        },
      },
      log: { write: (_level, event, fields) => void this.lines.push({ event, fields }), keeps: () => true },
    })
  }

  async ask(token: string): Promise<string> {
    const headers = new Headers({ authorization: `Bearer ${token}` })
    const caller = await identifyAny(headers, undefined, this.ring, this.clock.wallMs(), this.tokens)
    return isRefusal(caller) ? caller.code : caller.id
  }

  async tokenOf(signer: Signer, sub = 'alice', header: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const exp = Math.floor(this.clock.wallMs() / 1000) + 30 * 86_400
    return await signer.sign({ sub, aud: 'clients', exp }, header)
  }
}

function keysOf(...signers: Signer[]): IncomingResponse {
  return wholeResponse(200, {}, JSON.stringify({ keys: signers.map(({ jwk }) => jwk) }))
}

const forLong = { expiration: '365d' }

describe('C410: keys of jwks_url', () => {
  test('are asked for once, however many tokens wait for them', async () => {
    const signer = await signerWith('RS256')
    const asked = Promise.withResolvers<IncomingResponse>()
    const bench = new Bench(async () => await asked.promise, forLong)
    const tokens = await Promise.all(['a', 'b', 'c'].map(async (sub) => await bench.tokenOf(signer, sub)))
    const answers = tokens.map(async (token) => await bench.ask(token))
    await bench.clock.advance(10)
    asked.resolve(keysOf(signer))
    expect(await Promise.all(answers)).toEqual(['a', 'b', 'c'])
    expect(bench.sent.map(({ method, url }) => `${method} ${url.href}`)).toEqual(['GET https://id.example.com/keys'])
  })

  test('are asked for at the start, so that no request waits', async () => {
    const signer = await signerWith('ES256')
    const bench = new Bench(() => keysOf(signer), forLong)
    bench.tokens.adopt(bench.ring.tokens)
    await bench.clock.advance(1)
    expect(bench.sent).toHaveLength(1)
    expect(await bench.ask(await bench.tokenOf(signer))).toBe('alice')
    expect(bench.sent).toHaveLength(1)
  })

  test('jwks_refresh: are asked for anew behind the request when they are old', async () => {
    const signer = await signerWith('ES256')
    const bench = new Bench(() => keysOf(signer), { ...forLong, jwks_refresh: '1m' })
    const token = await bench.tokenOf(signer)
    for (const waitMs of [0, 59_000, 2000]) {
      await bench.clock.advance(waitMs)
      expect(await bench.ask(token)).toBe('alice')
    }
    expect(bench.sent).toHaveLength(2)
  })

  test('a reload that changes how their address is reached counts for the next errand', async () => {
    const signer = await signerWith('ES256')
    const bench = new Bench(() => keysOf(signer), { ...forLong, jwks_refresh: '1m' })
    bench.tokens.adopt(bench.ring.tokens)
    await bench.clock.advance(1)
    const other = linkWith({}, { serverName: 'other.example.com' })
    const moved = bench.ring.tokens.map((provider): TokenProvider =>
      provider.proof.kind === 'jwks' ? { ...provider, proof: { ...provider.proof, link: other } } : provider,
    )
    bench.tokens.adopt(moved)
    await bench.clock.advance(60_000)
    expect(await bench.ask(await bench.tokenOf(signer))).toBe('alice')
    expect(bench.sent.map(({ link }) => link.tls.serverName)).toEqual([undefined, 'other.example.com'])
  })

  test('F83: that were changed are found by the name of the new one, and the old one counts no more', async () => {
    const [first, second] = [await signerWith('RS256', 'one'), await signerWith('RS256', 'two')]
    const bench = new Bench(() => keysOf(first), forLong)
    const old = await bench.tokenOf(first)
    expect(await bench.ask(old)).toBe('alice')
    bench.answer = () => keysOf(second)
    const fresh = await bench.tokenOf(second, 'bob')
    expect(await bench.ask(fresh)).toBe('invalid_api_key')
    await bench.clock.advance(30_000)
    expect(await bench.ask(fresh)).toBe('bob')
    expect(await bench.ask(old)).toBe('invalid_api_key')
    expect(bench.sent).toHaveLength(2)
  })

  test('F83: made-up names of keys do not keep their server busy', async () => {
    const signer = await signerWith('RS256')
    const bench = new Bench(() => keysOf(signer), forLong)
    for (let count = 0; count < 20; count += 1) {
      const token = await bench.tokenOf(signer, 'alice', { kid: `made-up-${count}` })
      expect(await bench.ask(token)).toBe('invalid_api_key')
      await bench.clock.advance(1000)
    }
    expect(bench.sent.length).toBeLessThanOrEqual(2)
  })

  test('F83: jwks_max_stale: are used on while they cannot be had, and then tokens are refused', async () => {
    const signer = await signerWith('RS256')
    const bench = new Bench(() => keysOf(signer), { ...forLong, jwks_max_stale: '2h' })
    const token = await bench.tokenOf(signer)
    expect(await bench.ask(token)).toBe('alice')
    bench.answer = () => down
    await bench.clock.advance(7_199_000)
    expect(await bench.ask(token)).toBe('alice')
    expect(await bench.ask(await bench.tokenOf(signer, 'bob'))).toBe('bob')
    await bench.clock.advance(1000)
    expect(await bench.ask(token)).toBe('invalid_api_key')
    expect(bench.lines).toContainEqual({
      event: 'token_keys_failed',
      fields: expect.objectContaining({
        provider: 'auth.providers[0]',
        reason: 'it cannot be reached: nobody listens there',
      }),
    })
    bench.answer = () => keysOf(signer)
    await bench.clock.advance(60_000)
    expect(await bench.ask(token)).toBe('alice')
  })

  test.each([
    { name: 'a redirect', answer: () => wholeResponse(302, { location: 'https://evil.test/keys' }) },
    { name: 'an error', answer: () => wholeResponse(500, {}, 'no') },
    { name: 'no JSON', answer: () => wholeResponse(200, {}, '<html>') },
    { name: 'a list', answer: () => wholeResponse(200, {}, '[]') },
    { name: 'no list of keys', answer: () => wholeResponse(200, {}, '{"keys":{"__proto__":1}}') },
    { name: 'keys that are none', answer: () => wholeResponse(200, {}, '{"keys":[1,null,"x",{}]}') },
    {
      name: 'a secret as a key',
      answer: () => wholeResponse(200, {}, '{"keys":[{"kty":"oct","k":"AAAA","kid":"k1"}]}'),
    },
    {
      name: 'too many keys',
      answer: () => wholeResponse(200, {}, JSON.stringify({ keys: Array.from({ length: 201 }, () => ({})) })),
    },
    { name: 'a large text', answer: () => wholeResponse(200, {}, `{"keys":[],"x":"${'x'.repeat(300_000)}"}`) },
    {
      name: 'a text without end',
      answer: () => responseOf(200, {}, Array<string>(100).fill('x'.repeat(10_000)), 'hang'),
    },
    { name: 'a text that breaks off', answer: () => responseOf(200, {}, ['{"keys":['], down) },
    { name: 'nothing', answer: () => down },
  ])('F83: $name in their place lets nobody in', async ({ answer }) => {
    const signer = await signerWith('RS256')
    const bench = new Bench(answer, forLong)
    expect(await bench.ask(await bench.tokenOf(signer))).toBe('invalid_api_key')
    expect(bench.sent).toHaveLength(1)
    bench.answer = () => keysOf(signer)
    await bench.clock.advance(30_000)
    expect(await bench.ask(await bench.tokenOf(signer))).toBe('alice')
  })

  test('F83: a server that does not answer is waited for five seconds, and asked less and less often', async () => {
    const signer = await signerWith('RS256')
    const bench = new Bench(() => keysOf(signer), forLong)
    const token = await bench.tokenOf(signer)
    bench.answer = async () =>
      await new Promise((resolve) => {
        bench.sent.at(-1)?.stop.tell({ onStop: () => resolve({ ...down, cause: 'timeout', message: 'too late' }) })
      })
    const first = await whenDone(bench.clock, bench.ask(token), 60_000, 100)
    expect(first.value).toBe('invalid_api_key')
    expect(Math.abs(first.tookMs - 5000)).toBeLessThanOrEqual(200)
    for (let count = 0; count < 60; count += 1) {
      expect((await whenDone(bench.clock, bench.ask(token), 60_000, 1000)).value).toBe('invalid_api_key')
      await bench.clock.advance(5000)
    }
    expect(bench.sent.length).toBeLessThan(15)
  })

  test('a token that names no key is tried with each of its kind', async () => {
    const [one, other, stranger] = [
      await signerWith('ES256', 'a'),
      await signerWith('ES256', 'b'),
      await signerWith('ES256'),
    ]
    const bench = new Bench(() => keysOf(one, other), forLong)
    expect(await bench.ask(await bench.tokenOf(other, 'alice', { kid: undefined }))).toBe('alice')
    expect(await bench.ask(await bench.tokenOf(stranger, 'alice', { kid: undefined }))).toBe('invalid_api_key')
  })
})
