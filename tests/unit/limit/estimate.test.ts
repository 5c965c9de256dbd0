import { expect, test } from 'bun:test'
import { guessTokens } from '#limit/estimate.ts'
import { networkOf } from '#limit/network.ts'
import type { Endpoint } from '#core/endpoint.ts'

const endpoint: Endpoint = { path: '/v1/chat/completions', dialect: 'openai', reads: 'json', stream: 'chat' }

function guess(body: unknown, reads: Endpoint['reads'] = 'json'): number {
  const bytes = new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
  return guessTokens({ body: bytes, endpoint: { ...endpoint, reads } })
}

const words = (count: number): string => 'word '.repeat(count)

test.each([
  { name: 'nothing', body: '', from: 1, to: 1 },
  { name: 'a short question', body: { messages: [{ role: 'user', content: 'hi' }] }, from: 8, to: 20 },
  { name: 'a long text', body: { content: words(10_000) }, from: 10_000, to: 15_000 },
  { name: 'Chinese', body: { content: '你好'.repeat(1000) }, from: 1200, to: 2000 },
  {
    name: 'an image counts as one, however large',
    body: { data: 'iVBORw0KGgo'.repeat(100_000) },
    from: 1600,
    to: 1650,
  },
  { name: 'max_tokens is added', body: { max_tokens: 1000 }, from: 1000, to: 1010 },
  { name: 'so are its other names', body: { generationConfig: { maxOutputTokens: 500 } }, from: 500, to: 520 },
  { name: 'but only so much of it', body: { max_tokens: 128_000 }, from: 4096, to: 4110 },
  { name: 'not what somebody says of it', body: { content: 'set "max_tokens": 4000' }, from: 5, to: 20 },
  { name: 'not what a tool calls so', body: { properties: { max_tokens: { type: 'integer' } } }, from: 5, to: 20 },
  {
    name: 'the largest counts, wherever it stands',
    body: { metadata: { max_tokens: 1 }, max_tokens: 1000, x: [{ max_tokens: 2 }] },
    from: 1000,
    to: 1030,
  },
  {
    name: 'nor can it be hidden behind many',
    body: { metadata: Array.from({ length: 200 }, () => ({ max_tokens: 1 })), max_tokens: 9000 },
    from: 4096,
    to: 5100,
  },
  { name: 'no number', body: { max_tokens: '1e400' }, from: 1, to: 10 },
  { name: 'no JSON', body: '"""""\\"', from: 1, to: 10 },
])('$name: $from to $to tokens', ({ body, from, to }) => {
  const tokens = guess(body)
  expect(tokens).toBeGreaterThanOrEqual(from)
  expect(tokens).toBeLessThanOrEqual(to)
})

test('a form and a body that nobody reads are guessed by less', () => {
  expect(guess(words(100_000), 'multipart')).toBe(1600)
  expect(guess(words(100_000), 'nothing')).toBe(1)
})

test.each([
  { address: '192.0.2.1', network: '192.0.2.1' },
  { address: 'unix', network: 'unix' },
  { address: '2001:db8::1', network: '2001:db8:0:0::/64' },
  { address: '2001:db8:1:2:3:4:5:6', network: '2001:db8:1:2::/64' },
  { address: '::1', network: '0:0:0:0::/64' },
  { address: '2001:db8:1:2::', network: '2001:db8:1:2::/64' },
  { address: 'fe80::a:b:c:d', network: 'fe80:0:0:0::/64' },
])('$address is of $network', ({ address, network }) => {
  expect(networkOf(address)).toBe(network)
})
