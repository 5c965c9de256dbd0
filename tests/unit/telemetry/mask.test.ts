import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Secret } from '#core/secret.ts'
import { maskedForm, Masker } from '#telemetry/mask.ts'

function maskerOf(...values: string[]): Masker {
  const secrets = values.map((value) => new Secret(value))
  return new Masker(() => secrets)
}

const bare = maskerOf()
const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXBhcnQ'

describe('maskedForm()', () => {
  test.each([
    { value: 'sk-abXXXXXXXXXXXXcdef', form: 'sk-ab****cdef' },
    { value: 'sixteen-chars-ok', form: 'sixte****s-ok' },
    { value: 'fifteen-chars-a', form: '****' },
    { value: 'x', form: '****' },
  ])('B61: $value is shown as $form', ({ value, form }) => {
    expect(maskedForm(value)).toBe(form)
  })
})

describe('mask() by pattern', () => {
  test.each([
    { name: 'an OpenAI key', text: 'key sk-abXXXXXXXXXXXXcdef!', masked: 'key sk-ab****cdef!' },
    { name: 'a project key', text: 'sk-proj-abc_def-0123456789wxyz', masked: 'sk-pr****wxyz' },
    { name: 'an Anthropic key', text: 'sk-ant-api03-abc_def-0123456789wxyz', masked: 'sk-an****wxyz' },
    { name: 'a short key', text: 'sk-short-one', masked: '****' },
    { name: 'a Google key', text: 'AIzaSyA-0123456789_0123456789abcdef', masked: 'AIzaS****cdef' },
    { name: 'an AWS key id', text: 'AKIAIOSFODNN7EXAMPLE', masked: 'AKIAI****MPLE' },
    { name: 'a git token', text: 'ghp_0123456789abcdefghij', masked: 'ghp_0****ghij' },
    { name: 'a bearer value', text: 'sent Bearer abcdefghijklmnopqrst', masked: 'sent Bearer abcde****qrst' },
    { name: 'a JWT', text: `got ${jwt}.`, masked: 'got eyJhb****hcnQ.' },
    { name: 'a JWT without signature', text: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.', masked: 'eyJhb****In0.' },
    { name: 'an authorization header', text: 'Authorization: Basic dXNlcjpwYXNz', masked: 'Authorization: Basic ****' },
    { name: 'a bearer in a header', text: 'authorization: Bearer abc', masked: 'authorization: Bearer ****' },
    { name: 'x-api-key', text: 'x-api-key: hunter2', masked: 'x-api-key: ****' },
    { name: 'api-key', text: 'api-key: hunter2', masked: 'api-key: ****' },
    { name: 'x-goog-api-key in JSON', text: '{"x-goog-api-key":"hunter2"}', masked: '{"x-goog-api-key":"****"}' },
    {
      name: 'a field of JSON',
      text: '{"client_secret": "my long secret word"}',
      masked: '{"client_secret": "my lo****word"}',
    },
    {
      name: 'a field of JSON in JSON',
      text: '"{\\"api_key\\":\\"hunter2\\"}"',
      masked: '"{\\"api_key\\":\\"****\\"}"',
    },
    { name: 'an assignment', text: 'api_key=abcdef123456', masked: 'api_key=****' },
    { name: 'user and password in a URL', text: 'https://bob:pass@host/x', masked: 'https://****@host/x' },
    { name: 'a query key', text: '/v1beta/models/m?key=abcdefgh&alt=sse', masked: '/v1beta/models/m?key=****&alt=sse' },
    { name: 'a later query key', text: '/x?alt=sse&api_key=abc#top', masked: '/x?alt=sse&api_key=****#top' },
    { name: 'a query token', text: '/x?token=abcdefghijklmnop', masked: '/x?token=abcde****mnop' },
  ])('B63: $name is hidden', ({ text, masked }) => {
    expect(bare.mask(text)).toBe(masked)
  })

  test.each([
    { text: 'backends[0].api_key: expected a string' },
    { text: 'The tokenizer splits keyboards into tokens: 12 of them' },
    { text: 'https://api.example.com/v1/chat/completions' },
    { text: 'mail bob@example.com about task-force-alpha and risk-assessment' },
    { text: '{"logprobs":{"token":" the","logprob":-0.1}}' },
    { text: 'x-ratelimit-remaining-tokens: 12000' },
    { text: 'anthropic/claude-opus-4-5 was asked' },
    { text: 'it carries no API key, send "Authorization: Bearer <key>"' },
    { text: 'authorization: basic' },
  ])('leaves "$text" alone', ({ text }) => {
    expect(bare.mask(text)).toBe(text)
  })

  test.each([
    'eyJaaaaa-',
    'api_key=',
    'bearer ',
    '://',
    'authorization: ',
    'sk-',
    '?key=&',
    'x-api-key="',
    '\\\\"api_key',
    ' ',
  ])('takes linear time for %j repeated', (piece) => {
    const text = `bearer ${piece.repeat(Math.ceil(300_000 / piece.length))}`
    const startMs = performance.now()
    bare.mask(text)
    // Quadratic time would be minutes; linear time is a few milliseconds.
    expect(performance.now() - startMs).toBeLessThan(2000)
  })

  test('a masked text masked again stays as it is', () => {
    const once = bare.mask(`Authorization: Bearer sk-abXXXXXXXXXXXXcdef and https://a:b@c/?key=${jwt}`)
    expect(bare.mask(once)).toBe(once)
  })
})

describe('mask() by value', () => {
  test.each([
    {
      name: 'a long secret',
      secret: 'my-own-secret-value-0042',
      text: 'x my-own-secret-value-0042 y',
      masked: 'x my-ow****0042 y',
    },
    { name: 'a secret of two characters', secret: 'qz', text: 'a qz b', masked: 'a **** b' },
    { name: 'a secret inside JSON', secret: 'quo"te\\d', text: '{"a":"quo\\"te\\\\d"}', masked: '{"a":"****"}' },
    { name: 'a secret inside a URL', secret: 'a b/c', text: '/x?y=a%20b%2Fc', masked: '/x?y=****' },
    {
      name: 'overlapping occurrences',
      secret: 'aaaaaaaaaaaaaaaa',
      text: 'a'.repeat(31),
      masked: 'aaaaa********aaa',
    },
  ])('N128: hides $name', ({ secret, text, masked }) => {
    expect(maskerOf(secret).mask(text)).toBe(masked)
  })

  test('an empty secret and one of asterisks change nothing', () => {
    expect(maskerOf('', '**').mask('a ** b')).toBe('a ** b')
  })

  test('follows the list when it is replaced', () => {
    let secrets = [new Secret('first-value')]
    const masker = new Masker(() => secrets)
    expect(masker.mask('first-value second-value')).toBe('**** second-value')
    expect(masker.mask('second-value')).toBe('second-value')
    secrets = [new Secret('second-value')]
    expect(masker.mask('second-value')).toBe('****')
    expect(masker.mask('first-value second-value')).toBe('first-value ****')
  })

  const secretText = fc
    .oneof(
      fc.string({ minLength: 1, maxLength: 40 }),
      fc.stringMatching(/^[ab]{1,20}$/),
      fc.stringMatching(/^sk-[\w-]{4,30}$/),
    )
    .filter((value) => !value.includes('*'))

  test('N128: no configured secret survives, wherever it stands', () => {
    fc.assert(
      fc.property(fc.array(secretText, { minLength: 1, maxLength: 5 }), fc.array(fc.string()), (secrets, between) => {
        const masker = maskerOf(...secrets)
        const text = secrets.map((secret, index) => `${between[index] ?? ''}${secret}`).join('')
        const masked = masker.mask(text)
        for (const secret of secrets) expect(masked.includes(secret)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('JSON stays JSON when its strings hold secrets', () => {
    const secret = fc.stringMatching(/^[\w"\\ -]{6,40}$/).filter((value) => /\w{3}/.test(value))
    fc.assert(
      fc.property(secret, fc.dictionary(fc.string(), fc.string()), (value, others) => {
        const body = JSON.stringify({
          ...others,
          prompt: `use ${value} please`,
          api_key: value,
          nested: JSON.stringify({ value }),
        })
        const masked = bare.mask(body)
        expect(() => JSON.parse(masked)).not.toThrow()
      }),
      { numRuns: 500 },
    )
  })
})

describe('maskHeader()', () => {
  test.each([
    { name: 'Authorization', value: 'Bearer sk-abXXXXXXXXXXXXcdef', masked: 'Bearer sk-ab****cdef' },
    { name: 'authorization', value: 'bare', masked: '****' },
    { name: 'X-Api-Key', value: 'short', masked: '****' },
    { name: 'x-goog-api-key', value: 'AIzaSyA-0123456789', masked: 'AIzaS****6789' },
    { name: 'x-custom-token', value: 'abc', masked: '****' },
    { name: 'cookie', value: 'session=1', masked: '****' },
    { name: 'x-ratelimit-remaining-tokens', value: '100', masked: '100' },
    { name: 'content-type', value: 'application/json', masked: 'application/json' },
    { name: 'referer', value: 'https://a:b@c/', masked: 'https://****@c/' },
  ])('B63: $name: $value is shown as $masked', ({ name, value, masked }) => {
    expect(bare.maskHeader(name, value)).toBe(masked)
  })
})
