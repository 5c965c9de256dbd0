import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import * as v from 'valibot'
import { formatProblem } from '#config/problem.ts'
import { fileAs, filesToWatch, gatherOutside, lacksOf } from '#credential/outside.ts'
import { CredentialsSchema } from '#credential/schema.ts'
import { compileList, credentialBench, setOf, type CredentialSurroundings } from '../../support/credentials.ts'
import { fakeSecretFiles, type FakeFile } from '../../support/config.ts'
import { logBench } from '../../support/log.ts'

type Written = Record<string, unknown>

/** `severity key: message` of everything that is wrong with one credential. */
async function problemsOf(written: Written, surroundings?: CredentialSurroundings): Promise<string[]> {
  const { problems } = await compileList([written], surroundings)
  return problems.map(({ severity, path, message }) => `${severity} ${path.slice(4).join('.')}: ${message}`)
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
const account = { type: 'service_account', client_email: 'a@b.test', private_key: rsa }

describe('compileCredentials()', () => {
  test.each<[string, Written]>([
    ['key', { api_key: 'key-1' }],
    ['file', { file: 'key' }],
    ['key', { env: 'KEY_A' }],
    ['jwt', { secrets_file: 'secrets.json' }],
    ['jwt', { type: 'jwt', client_id: 'a', client_secret: 'b', tenant: 'c' }],
    ['jwt', { type: 'jwt', client_id: 'a', client_secret: 'b', claims: ['clientId'] }],
    ['oauth2', { token_url: 'https://auth.test/token', client_id: 'a', client_secret: 'b' }],
    ['google', { service_account: JSON.stringify(account) }],
    ['aws', { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'b', region: 'eu-west-1' }],
    ['oauth2', { type: 'azure_ad', tenant: 'a', client_id: 'b', client_secret: 'c' }],
  ])('makes the material "%s" of what is written, without a doubt', async (kind, written) => {
    const files = {
      '/etc/proxy/key': { content: 'key-2' },
      '/etc/proxy/secrets.json': { content: '[{clientId:"a",clientSecret:"b",tenant:"c"}]' },
    }
    const { set, problems } = await compileList([written], { files, env: { KEY_A: 'key-3' } })
    expect(problems).toEqual([])
    expect(set?.specs.map(({ material }) => material.kind as string)).toEqual([kind])
  })

  test.each<{ name: string; written: Written; says: readonly string[]; around?: CredentialSurroundings }>([
    {
      name: 'nothing at all',
      written: {},
      says: ['error : its kind is not known: give it an "api_key", or say its "type"'],
    },
    { name: 'a blank key', written: { api_key: ' ' }, says: ['error api_key: is blank'] },
    { name: 'a type without its key', written: { type: 'api_key' }, says: ['error api_key: is missing'] },
    {
      name: 'keys of two types',
      written: { api_key: 'k', region: 'eu-west-1' },
      says: ['error region: means nothing to a credential of type "api_key"'],
    },
    {
      name: 'a variable that is not set',
      written: { env: 'NOPE' },
      says: ['error env: environment variable "NOPE" is not set'],
    },
    {
      name: 'a variable with a line break',
      written: { env: 'A' },
      around: { env: { A: 'a\nb' } },
      says: ['error env: environment variable "A" holds no key of plain ASCII'],
    },
    {
      name: 'a file that is not there',
      written: { file: './nope' },
      says: ['error file: file "/etc/proxy/nope" cannot be read: there is none'],
    },
    {
      name: 'A30: a secrets file that is not there',
      written: { secrets_file: '/x/nope.json' },
      says: ['error secrets_file: file "/x/nope.json" cannot be read: there is none'],
    },
    {
      name: 'A34: an entry without a tenant',
      written: { secrets_file: 's.json' },
      around: {
        files: {
          '/etc/proxy/s.json': {
            content: '[{clientId:"a",clientSecret:"b",tenant:"c"},{clientId:"a",clientSecret:"b"}]',
          },
        },
      },
      says: ['error secrets_file: file "s.json", index 1: tenant is missing'],
    },
    {
      name: 'A31: a broken secrets file',
      written: { secrets_file: 's.json' },
      around: { files: { '/etc/proxy/s.json': { content: '[\n{' } } },
      says: ['error secrets_file: file "s.json" is no JSON: line 2, column 2'],
    },
    {
      name: 'a secrets file that others can read, and a field that means nothing',
      written: { secrets_file: 's.json' },
      around: {
        files: {
          '/etc/proxy/s.json': { content: '[{clientId:"a",clientSecret:"b",tenant:"c",tennant:"d"}]', shared: true },
        },
      },
      says: [
        'warning secrets_file: others can read file "/etc/proxy/s.json": set its mode to 600',
        'warning secrets_file: file "s.json", index 0: "tennant" means nothing here',
      ],
    },
    {
      name: 'a tenant beside a secrets file',
      written: { secrets_file: 's.json', tenant: 't' },
      around: { files: { '/etc/proxy/s.json': { content: '[{clientId:"a",clientSecret:"b",tenant:"c"}]' } } },
      says: ['error tenant: stands in the entries of "secrets_file", write it there only'],
    },
    {
      name: 'a client without a tenant',
      written: { type: 'jwt', client_id: 'a', client_secret: 'b' },
      says: ['error tenant: is missing'],
    },
    {
      name: 'claims that nothing fills',
      written: { type: 'jwt', client_id: 'a', client_secret: 'b', claims: ['clientId', 'plan'] },
      says: ['error claims: "plan" can come from a "secrets_file" only, or use "extra_claims"'],
    },
    {
      name: 'a secret that would go unencrypted',
      written: { token_url: 'http://auth.test/token', client_id: 'a', client_secret: 'b' },
      says: ['warning token_url: the secret goes to "auth.test" unencrypted: write "https://"'],
    },
    {
      name: 'a token server of this machine',
      written: { token_url: 'http://127.0.0.1:8081/token', client_id: 'a', client_secret: 'b' },
      says: [],
    },
    {
      name: 'a tenant that would lead elsewhere',
      written: { type: 'azure_ad', tenant: '../x', client_id: 'a', client_secret: 'b' },
      says: ['error tenant: expected the id of a tenant, or its domain'],
    },
    {
      name: 'an account of another type',
      written: { service_account: '{"type":"external_account"}' },
      says: [
        'error service_account: "type" of the file is not "service_account" or "authorized_user", the kinds that are known',
      ],
    },
    {
      name: 'a user who never allowed anything',
      written: { service_account: '{"type":"authorized_user","client_id":"a","client_secret":"b"}' },
      says: ['error service_account: the user has no "client_id", "client_secret" or "refresh_token"'],
    },
    {
      name: 'an account with a broken key and without a name',
      written: { service_account: JSON.stringify({ ...account, client_email: '', private_key: 'x' }) },
      says: [
        'error service_account: the service account has no "client_email"',
        'error service_account: "private_key" of the service account is no private RSA key',
      ],
    },
    {
      name: 'an account whose tokens are nowhere to be had',
      written: { service_account: JSON.stringify({ ...account, token_uri: 'ftp://x' }) },
      says: ['error service_account: "token_uri" of the service account is no address'],
    },
    {
      name: 'an account that is no JSON',
      written: { service_account: '{' },
      says: ['error service_account: the service account is no JSON object'],
    },
  ])('$name', async ({ written, around, says }) => {
    expect(await problemsOf(written, around)).toEqual([...says])
  })

  test('everything wrong is told at once, with its place, and there is no set then', async () => {
    const { set, problems } = await compileList([{ api_key: 'k' }, { file: 'x' }, { env: 'NOPE' }])
    expect(set).toBeUndefined()
    expect(problems.map(({ path }) => path.join('.'))).toEqual([
      'backends.0.credentials.1.file',
      'backends.0.credentials.2.env',
    ])
  })

  test('an empty list is no list', async () => {
    expect(await compileList([])).toEqual({ set: undefined, problems: [] })
  })

  test('names are as given, else by the place in the list; one name for two keys is told', async () => {
    expect((await setOf([{ api_key: 'a' }, { name: 'two', api_key: 'b' }, { api_key: 'c' }])).names).toEqual([
      'key-1',
      'two',
      'key-3',
    ])
    const { problems } = await compileList([
      { name: 'x', api_key: 'a' },
      { name: 'x', api_key: 'a' },
      { name: 'x', api_key: 'b' },
    ])
    expect(problems.map(({ severity, message }) => [severity, message])).toEqual([
      ['warning', '"x" is the name of two different credentials, which the log cannot tell apart'],
    ])
  })

  test('secrets that are too short to be looked for in answers are masked in logs all the same', async () => {
    const set = await setOf([{ api_key: 'short' }, { api_key: 'long-enough' }])
    expect(set.secrets.map((secret) => secret.reveal())).toEqual(['short', 'long-enough'])
    expect(set.specs.map(({ hidden }) => hidden.length)).toEqual([0, 1])
  })
})

describe('the schema', () => {
  test.each<[string, Written]>([
    ['a key with a line break', { api_key: 'a\nb' }],
    ['a key in letters that no header can carry', { api_key: 'schlüssel' }],
    ['an unknown key', { api_key: 'a', apikey: 'b' }],
    ['an unknown type', { type: 'magic' }],
    ['a weight with a fraction', { api_key: 'a', weight: 1.5 }],
    ['a claim that is no name', { type: 'jwt', claims: ['__proto__'] }],
    ['a token address with a password', { token_url: 'https://a:b@c.test/' }],
    ['a token address of another scheme', { token_url: 'file:///etc/passwd' }],
    ['a service whose paths are signed in another way', { service: 's3' }],
  ])('refuses %s', (_, written) => {
    expect(v.safeParse(CredentialsSchema, [written]).success).toBe(false)
  })

  test('marks what must never be shown', () => {
    const { entries } = CredentialsSchema.pipe[0].item
    const marked = Object.entries(entries).flatMap(([key, { wrapped }]) => {
      return 'x-secret' in v.getMetadata(wrapped) ? key : []
    })
    expect(marked).toEqual(['api_key', 'client_secret', 'service_account', 'secret_access_key', 'session_token'])
  })

  test('says of each key what it is for', () => {
    const { entries } = CredentialsSchema.pipe[0].item
    const silent = Object.entries(entries).filter(([, { wrapped }]) => v.getDescription(wrapped) === undefined)
    expect(silent).toEqual([])
  })
})

test('files are read once each, and those with many keys in them lead to a reload when they change', async () => {
  const settings = v.parse(CredentialsSchema, [
    { file: 'a' },
    { secrets_file: 's.json' },
    { secrets_file: 's.json' },
    { service_account: '/x/g.json' },
    { service_account: '{}' },
  ])
  const read: string[] = []
  const files = {
    async read(path: string) {
      read.push(path)
      const there = { '/etc/proxy/a': { content: 'key' }, '/etc/proxy/s.json': { content: '[]' } }
      return await fakeSecretFiles(there).read(path)
    },
  }
  const outside = await gatherOutside(settings, { env: {}, files, directory: '/etc/proxy' })
  expect(read.toSorted()).toEqual(['/etc/proxy/a', '/etc/proxy/s.json', '/x/g.json'])
  expect(filesToWatch(outside, settings).map(({ path }) => path)).toEqual(['/etc/proxy/s.json', '/x/g.json'])
})

test('a file with one key is watched until it is there, and then looks after itself', async () => {
  const settings = v.parse(CredentialsSchema, [{ file: '/x/key' }])
  const watched = async (there: Record<string, FakeFile>): Promise<unknown> => {
    const sources = { env: {}, files: fakeSecretFiles(there), directory: '/' }
    return filesToWatch(await gatherOutside(settings, sources), settings)
  }
  expect(await watched({})).toEqual([{ path: '/x/key', text: '' }])
  expect(await watched({ '/x/key': { content: 'key' } })).toEqual([])
})

test('what is not to be had here is told, each in one sentence', async () => {
  const settings = v.parse(CredentialsSchema, [
    { env: 'NOT_SET' },
    { env: 'SET' },
    { file: './a' },
    { secrets_file: './a' },
    { file: 'sk-proj-canary' },
  ])
  const outside = await gatherOutside(settings, { env: { SET: 'x' }, files: fakeSecretFiles(), directory: '/' })
  expect(lacksOf(settings, outside)).toEqual([
    'environment variable "NOT_SET" is not set',
    'file "./a" cannot be read: there is none',
    'file (not shown) cannot be read: there is none',
  ])
})

test.each([
  'sk-proj-canary',
  'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  'ya29.a0AfB_byC1d2E3f4G5h6I7j8',
  'eyJ0eXBlIjoic2VydmljZV9hY2NvdW50IiwicHJpdmF0ZV9rZXkiOiJYIn0=',
  '-----BEGIN PRIVATE KEY-----\nMIIE/x\n-----END PRIVATE KEY-----',
  'user:pass word/of.txt',
  `/${'x'.repeat(300)}`,
])('N005: %s in place of a path is not told', async (written) => {
  for (const key of ['file', 'secrets_file', 'service_account']) {
    const { problems } = await compileList([{ [key]: written }])
    expect(problems.map(({ message }) => message)).toEqual(['file (not shown) cannot be read: there is none'])
  }
})

test.each(['/run/secrets/key', 'keys/openai', './key', 'key.txt', '../a-b/key', 'C:\\keys\\one.json'])(
  '%s is told as a path',
  (written) => {
    expect(fileAs(written)).toBe(`file "${written}"`)
  },
)

test.each([
  ['0', true],
  ['1s', true],
  ['500ms', false],
])('a jwt of ttl %s: %p', (ttl, isGood) => {
  const written = [{ type: 'jwt', client_id: 'a', client_secret: 'b', tenant: 't', ttl }]
  expect(v.safeParse(CredentialsSchema, written).success).toBe(isGood)
})

describe('N005: no secret is seen anywhere', () => {
  const canaries = [
    'canary-key-1',
    'canary-file-2',
    'canary-env-3',
    'canary-client-4',
    'canary-aws-5',
    'canary-token-6',
  ]
  const files = {
    '/etc/proxy/f': { content: 'canary-file-2' },
    '/etc/proxy/s.json': { content: '[{"clientId":"id","clientSecret":"canary-client-4","tenant":"t"}]' },
  }
  const written: Written[] = [
    { api_key: 'canary-key-1' },
    { file: 'f' },
    { env: 'E' },
    { secrets_file: 's.json' },
    { token_url: 'https://auth.test/t', client_id: 'id', client_secret: 'canary-client-4' },
    {
      access_key_id: 'AKIAIOSFODNN7EXAMPLE',
      secret_access_key: 'canary-aws-5',
      session_token: 'canary-token-6',
      region: 'eu-west-1',
    },
    { service_account: JSON.stringify(account) },
  ]

  test('not by printing, inspecting or serialising what was compiled', async () => {
    const set = await setOf(written, { files, env: { E: 'canary-env-3' } })
    const { book } = credentialBench(undefined, files)
    book.adopt([set])
    const ring = book.ringOf(set)
    const shown: unknown[] = [set, ring, ring?.list(0), book]
    for (let count = 0; count < written.length; count += 1) shown.push(ring?.next(0))
    const text = shown
      .map((one) => `${JSON.stringify(one)}\n${Bun.inspect(one, { depth: 20 })}\n${String(one)}`)
      .join('\n')
    expect(canaries.filter((canary) => text.includes(canary))).toEqual([])
    expect(text).not.toContain('PRIVATE KEY')
  })

  test('not by what is said of faults', async () => {
    const odd: Written[] = [
      { api_key: 'canary-key-1', region: 'eu-west-1' },
      { file: 'two' },
      { env: 'E' },
      { secrets_file: 'odd.json' },
      { secrets_file: 'broken.json' },
      { service_account: '{"type":"service_account","private_key":"canary-key-1"}' },
    ]
    const around = {
      env: { E: 'canary-env-3\ncanary-env-3' },
      files: {
        '/etc/proxy/two': { content: 'canary-file-2\ncanary-file-2' },
        '/etc/proxy/odd.json': {
          content: '[{"clientId":"canary-client-4","clientSecret":["canary-client-4"],"canary-token-6 ":"x"}]',
        },
        '/etc/proxy/broken.json': { content: '[canary-aws-5]' },
      },
    }
    const { set, problems } = await compileList(odd, around)
    expect(set).toBeUndefined()
    expect(problems.length).toBeGreaterThan(5)
    const place = { file: 'f', line: 1, column: 1 }
    const text = problems.map((problem) => formatProblem({ ...problem, ...place, path: '' })).join('\n')
    expect(canaries.filter((canary) => text.includes(canary))).toEqual([])
  })

  test('A45: not by the log, which masks every secret of a set by value', async () => {
    const set = await setOf(written, { files, env: { E: 'canary-env-3' } })
    const { masker } = logBench({ secrets: set.secrets.map((secret) => secret.reveal()) })
    for (const canary of canaries) expect(masker.mask(`before ${canary} after`)).not.toContain(canary)
  })
})
