import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import type { HeldResponse } from '#core/failure.ts'
import { Secret } from '#core/secret.ts'
import { withoutSecrets } from '#upstream/hide-secrets.ts'
import { headersOf } from '../../support/upstream.ts'

const key = 'sk-backend-0123456789'
const odd = `a "quoted" \\ & key`
const secrets = [key, odd, 'abcd/efgh+ij==', '/begin', '-----\nü\n'].map((secret) => new Secret(secret))

function held(body: string | Uint8Array, headers: Record<string, string> = {}): HeldResponse {
  return { status: 401, headers: headersOf(headers), body: Buffer.from(body) }
}

describe('withoutSecrets()', () => {
  test('gives the very same answer when there is nothing to hide', () => {
    const answer = held('{"error":{"message":"no"}}')
    expect(withoutSecrets(answer, '{"error":{"message":"no"}}', secrets)).toBe(answer)
  })

  test.each([
    { name: 'plain', said: `wrong key ${key}, ${key}!`, hidden: 'wrong key ****, ****!' },
    { name: 'in a URL', said: `/x?key=${encodeURIComponent(odd)}`, hidden: '/x?key=****' },
    { name: 'in JSON', said: JSON.stringify({ message: odd }), hidden: '{"message":"****"}' },
    {
      name: 'in JSON within JSON',
      said: JSON.stringify({ message: JSON.stringify([odd]) }),
      hidden: String.raw`{"message":"[\"****\"]"}`,
    },
    { name: 'in JSON that escapes slashes', said: String.raw`{"e":"abcd\/efgh+ij=="}`, hidden: '{"e":"****"}' },
    { name: 'in JSON that escapes signs', said: String.raw`abcd/efgh\u002bij\u003D\u003d`, hidden: '****' },
    {
      name: 'in JSON within JSON that escapes signs',
      said: String.raw`"[\"abcd\\/efgh\\u002Bij==\"]"`,
      hidden: String.raw`"[\"****\"]"`,
    },
    { name: 'in a URL in small letters', said: '?k=abcd%2fefgh%2bij%3d%3D', hidden: '?k=****' },
    { name: 'behind a backslash', said: String.raw`C:\abcd/efgh+ij==`, hidden: String.raw`C:\****` },
    { name: 'with an escape in front', said: String.raw`{"e":"a\\\/begin"}`, hidden: '{"e":"a****"}' },
    {
      name: 'with a sign in front, in a URL behind a backslash',
      said: String.raw`\%2Fbegin`,
      hidden: String.raw`\****`,
    },
    { name: 'on several lines', said: JSON.stringify('-----\nü\n'), hidden: '"****"' },
  ])('hides a secret that stands $name', ({ said, hidden }) => {
    expect(Buffer.from(withoutSecrets(held(said), said, secrets).body).toString()).toBe(hidden)
  })

  test('many backslashes cost no more than their length', () => {
    const said = '\\'.repeat(500_000)
    const answer = held(said)
    expect(withoutSecrets(answer, said, secrets)).toBe(answer)
  })

  test('sends a body that was encoded as a plain one', () => {
    const said = `wrong key ${key}`
    const answer = held(gzipSync(said), { 'content-encoding': 'gzip', 'content-type': 'text/plain' })
    const { headers, body } = withoutSecrets(answer, said, secrets)
    expect(Buffer.from(body).toString()).toBe('wrong key ****')
    expect(headers.pairs).toEqual([['content-type', 'text/plain']])
  })
})
