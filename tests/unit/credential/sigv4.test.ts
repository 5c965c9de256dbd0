import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  compileList,
  onlyOf,
  credentialBench,
  failureOf,
  proofOf,
  setOf,
  signable,
  valueIn,
} from '../../support/credentials.ts'
import {
  awsStamp,
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  sha256,
  signAws,
  signingKeyOf,
  type AwsRequest,
} from '#credential/sigv4.ts'

const scope = { stamp: '20150830T123600Z', region: 'us-east-1', service: 'service' }
const key = signingKeyOf('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', scope)

interface Vector extends Partial<Omit<AwsRequest, 'bodyHash'>> {
  readonly name: string
  readonly body?: string
  readonly signed?: string
  readonly signature: string
}

/** Unsigned characters of a URL, in the order of the suite. */
const unreserved = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

describe('signAws() gives the signatures of the test suite that AWS publishes', () => {
  test.each<Vector>([
    { name: 'get-vanilla', signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
    {
      name: 'get-vanilla-empty-query-key',
      query: 'Param1=value1',
      signature: 'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
    },
    {
      name: 'get-vanilla-query-order-key-case',
      query: 'Param2=value2&Param1=value1',
      signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    },
    {
      name: 'get-vanilla-query-order-encoded',
      query: 'Param-3=Value3&Param=Value2&%E1%88%B4=Value1',
      signature: '371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac',
    },
    {
      name: 'get-vanilla-query-unreserved',
      query: `${unreserved}=${unreserved}`,
      signature: '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
    },
    {
      name: 'get-vanilla-utf8-query',
      query: 'ሴ=bar',
      signature: '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04',
    },
    {
      name: 'get-vanilla-with-session-token',
      headers: [['X-Amz-Security-Token', '6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267']],
      signed: 'host;x-amz-date;x-amz-security-token',
      signature: '07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8',
    },
    {
      name: 'get-unreserved',
      path: `/${unreserved}`,
      signature: '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
    },
    {
      name: 'get-utf8',
      path: '/ሴ',
      signature: '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85',
    },
    {
      name: 'get-space-normalized',
      path: '/example space/',
      signature: '652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741',
    },
    {
      name: 'get-relative-relative-normalized',
      path: '/example1/example2/../..',
      signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    },
    {
      name: 'get-slashes-normalized',
      path: '//example//',
      signature: '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84',
    },
    {
      name: 'get-header-key-duplicate',
      headers: [
        ['My-Header1', 'value2'],
        ['My-Header1', 'value2'],
        ['My-Header1', 'value1'],
      ],
      signed: 'host;my-header1;x-amz-date',
      signature: 'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea',
    },
    {
      name: 'get-header-value-trim',
      headers: [
        ['My-Header1', ' value1'],
        ['My-Header2', ' "a   b   c"'],
      ],
      signed: 'host;my-header1;my-header2;x-amz-date',
      signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    },
    {
      name: 'post-vanilla',
      method: 'POST',
      signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    },
    {
      name: 'post-header-key-sort',
      method: 'POST',
      headers: [['My-Header1', 'value1']],
      signed: 'host;my-header1;x-amz-date',
      signature: 'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
    },
    {
      name: 'post-x-www-form-urlencoded',
      method: 'POST',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Content-Length', '13'],
        ['x-amz-content-sha256', '9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e'],
      ],
      body: 'Param1=value1',
      signed: 'content-length;content-type;host;x-amz-content-sha256;x-amz-date',
      signature: 'd3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b',
    },
  ])('$name', ({ method = 'GET', path = '/', query = '', headers = [], body = '', signed, signature }) => {
    const request = { method, path, query, headers: [...frame, ...headers], bodyHash: sha256([body]) }
    expect(signAws(request, scope, 'AKIDEXAMPLE', key)).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        `SignedHeaders=${signed ?? 'host;x-amz-date'}, Signature=${signature}`,
    )
  })
})

const frame = [
  ['Host', 'example.amazonaws.com'],
  ['X-Amz-Date', '20150830T123600Z'],
] as const

test('only blanks and tabs are folded in values that are signed', () => {
  const headers = [['x-amz-foo', ' \ta \t b\u00a0 ']] as const
  const request = { method: 'GET', path: '/', query: '', headers, bodyHash: '' }
  expect(canonicalRequest(request)).toContain('x-amz-foo:a b\u00a0\n')
})

describe('what is signed has one form only', () => {
  test('a path that is encoded already is encoded again, each segment by itself', () => {
    expect(canonicalPath('/model/us.anthropic.claude-x-v1%3A0/invoke')).toBe(
      '/model/us.anthropic.claude-x-v1%253A0/invoke',
    )
    expect(canonicalPath('/model/arn%3Aaws%3Abedrock%2Fx/converse')).toBe(
      '/model/arn%253Aaws%253Abedrock%252Fx/converse',
    )
  })

  test.each([
    ['', '/'],
    ['/', '/'],
    ['/.', '/'],
    ['/../..', '/'],
    ['/a/./b/../c/', '/a/c/'],
    ["/a!'()*b", '/a%21%27%28%29%2Ab'],
  ])('canonicalPath(%p) is %p', (path, canonical) => {
    expect(canonicalPath(path)).toBe(canonical)
  })

  test.each([
    ['', ''],
    ['a', 'a='],
    ['b=2&a=2&a=1', 'a=1&a=2&b=2'],
    ['a=1=2', 'a=1%3D2'],
    ['a=%zz', 'a=%25zz'],
    ['a=%7E%2f', 'a=~%2F'],
    ['&&a=1&', 'a=1'],
    ['a=b c', 'a=b%20c'],
  ])('canonicalQuery(%p) is %p', (query, canonical) => {
    expect(canonicalQuery(query)).toBe(canonical)
  })

  test('the order of the parameters changes nothing', () => {
    const pairs = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), { maxLength: 8 })
    const shuffled = pairs.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    )
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(canonicalQuery(queryOf(one))).toBe(canonicalQuery(queryOf(other)))
      }),
    )
  })

  test('a query in its one form stays as it is, and so does a path of plain segments', () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (query) => {
        const once = canonicalQuery(query)
        expect(canonicalQuery(once)).toBe(once)
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[A-Za-z0-9_~-]+$/), { minLength: 1 }), (segments) => {
        const path = `/${segments.join('/')}`
        expect(canonicalPath(path)).toBe(path)
      }),
    )
  })

  test('the order and the case of headers, and blanks around their values, change nothing', () => {
    const name = fc.stringMatching(/^[a-z][a-z-]{0,12}$/)
    const value = fc.stringMatching(/^[!-~]+( [!-~]+)*$/)
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([own]) => own, maxLength: 6 }), (headers) => {
        const plain = canonicalRequest({ ...bare, headers })
        const odd = headers.toReversed().map(([own, text]) => [own.toUpperCase(), `  ${text}\t`] as const)
        expect(canonicalRequest({ ...bare, headers: odd })).toBe(plain)
      }),
    )
  })

  test('any change of method, path, query, header or body changes the signature', () => {
    const request = { ...bare, headers: [['host', 'h']] } as const
    const base = signAws(request, scope, 'A', key)
    const others = [
      { ...request, method: 'PUT' },
      { ...request, path: '/b' },
      { ...request, query: 'a=2' },
      { ...request, headers: [['host', 'i']] as const },
      { ...request, bodyHash: sha256(['x']) },
    ]
    expect(new Set([base, ...others.map((other) => signAws(other, scope, 'A', key))]).size).toBe(6)
  })

  test('sha256() is of the pieces as if they were one', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        expect(sha256(pieces)).toBe(sha256([Buffer.concat(pieces)]))
      }),
    )
  })

  test('awsStamp() is in UTC and without fractions', () => {
    expect(awsStamp(1_440_938_160_999)).toBe('20150830T123600Z')
    expect(awsStamp(1_709_164_800_000)).toBe('20240229T000000Z')
  })
})

const bare = { method: 'GET', path: '/a', query: 'a=1', bodyHash: sha256([]) }

function queryOf(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map((pair) => pair.map((text) => encodeURIComponent(text.toWellFormed())).join('=')).join('&')
}

describe('a credential of type aws', () => {
  const keys = { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
  const url = 'https://bedrock-runtime.eu-west-1.amazonaws.com'

  test('signs type, host, body hash and headers of its service, and leaves the client’s others alone', async () => {
    const { book, clock } = credentialBench()
    const set = await setOf([{ ...keys, session_token: 'session-token-1' }], { url })
    book.adopt([set])
    const headers = [
      ['Content-Type', 'application/json'],
      ['X-Amzn-Bedrock-Trace', 'ENABLED'],
      ['x-amz-date', '19990101T000000Z'],
      ['user-agent', 'some client'],
    ] as const
    const request = signable({ url: new URL(`${url}/model/m%3A0/invoke?x=1`), headers })
    const proof = await proofOf(onlyOf(book, set), request)
    expect(proof.headers.map(([name]) => name)).toEqual([
      'x-amz-date',
      'x-amz-content-sha256',
      'x-amz-security-token',
      'authorization',
    ])
    expect(valueIn(proof, 'x-amz-date')).toBe(awsStamp(clock.wallMs()))
    expect(valueIn(proof, 'x-amz-content-sha256')).toBe(sha256(['{"a":1}']))
    expect(valueIn(proof)).toContain(
      'SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amzn-bedrock-trace,',
    )
    expect(valueIn(proof)).toContain('/eu-west-1/bedrock/aws4_request')
    // The client's own date is replaced, so it must not be signed.
    const plain = { ...request, headers: headers.filter(([name]) => name !== 'x-amz-date') }
    expect(await proofOf(onlyOf(book, set), plain)).toEqual(proof)
  })

  test('drops what the client signed with in the address, and signs what is left', async () => {
    const { book } = credentialBench()
    const set = await setOf([keys], { url })
    book.adopt([set])
    const path = `${url}/model/m/invoke`
    const foreign = 'X-Amz-Signature=abc&x-amz-date=1&a=b+c&X%2DAmz-Credential=z&c=%20'
    const proof = await proofOf(onlyOf(book, set), signable({ url: new URL(`${path}?${foreign}`) }))
    expect(proof.url?.href).toBe(`${path}?a=b+c&c=%20`)
    const plain = await proofOf(onlyOf(book, set), signable({ url: new URL(`${path}?a=b+c&c=%20`) }))
    expect(plain.url).toBeUndefined()
    expect(proof.headers).toEqual(plain.headers)
  })

  test('does not sign what is no plain ASCII', async () => {
    const { book } = credentialBench()
    const set = await setOf([keys], { url })
    book.adopt([set])
    const to = new URL(`${url}/model/m/invoke`)
    for (const headers of [[['content-type', 'a/b; x=é']], [['x-amz-foo', 'a\u00a0b']]] as const) {
      expect(await failureOf(onlyOf(book, set), signable({ url: to, headers }))).toMatchObject({ reason: 'unsignable' })
    }
    await proofOf(onlyOf(book, set), signable({ url: to, headers: [['x-other', 'é']] }))
  })

  test('signs by the key of the day, also after midnight', async () => {
    const { book, clock } = credentialBench()
    const set = await setOf([keys], { url })
    book.adopt([set])
    const credential = onlyOf(book, set)
    const request = signable({ url: new URL(`${url}/model/m/invoke`), headers: [], body: undefined })
    for (let day = 0; day < 3; day += 1) {
      const stamp = awsStamp(clock.wallMs())
      const today = { stamp, region: 'eu-west-1', service: 'bedrock' }
      const headers = [
        ['host', request.url.host],
        ['x-amz-date', stamp],
        ['x-amz-content-sha256', sha256([])],
      ] as const
      const signed = { method: 'POST', path: '/model/m/invoke', query: '', headers, bodyHash: sha256([]) }
      const expected = signAws(signed, today, keys.access_key_id, signingKeyOf(keys.secret_access_key, today))
      expect(valueIn(await proofOf(credential, request))).toBe(expected)
      await clock.advance(86_400_000)
    }
  })

  test('asks for the region where the address names none', async () => {
    const { problems } = await compileList([keys], { url: 'https://bedrock.example' })
    expect(problems.map(({ message }) => message)).toEqual(['is missing, and "bedrock.example" names none'])
    const set = await setOf([{ ...keys, region: 'us-west-2' }], { url: 'https://bedrock.example' })
    expect(set.specs[0]?.material).toMatchObject({ region: 'us-west-2', service: 'bedrock' })
  })
})
