import { describe, expect, test } from 'bun:test'
import type { Call } from '#core/call.ts'
import { awsStamp, canonicalPath } from '#credential/sigv4.ts'
import { Secret } from '#core/secret.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'
import { authHeader } from '#upstream/auth.ts'
import { requestHeaders } from '#upstream/headers.ts'
import { upstreamUrl } from '#upstream/url.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { callOf } from '../../support/upstream.ts'
import { credentialBench, onlyOf, proofOf, setOf, signable, valueIn } from '../../support/credentials.ts'

/** A call as it is translated: its model is that of the backend, and nothing is spliced. */
function translated(path: string, dialect: Dialect, query = ''): Call {
  return callOf({ endpoint: { path, dialect, reads: 'json', stream: undefined }, path, query, model: 'm' })
}

function urlAt(protocol: Protocol, base: string, call: Call): string {
  return upstreamUrl(call, candidateOf('b', 'm', { protocol, backend: backendOf('b', { url: new URL(base) }) })).href
}

describe('§12.1: addresses of Azure', () => {
  const chat = '/v1/chat/completions'
  const old = 'api-version=2024-10-21'
  test.each<{ base: string; path: string; dialect?: Dialect; url: string }>([
    { base: 'https://x.openai.azure.com', path: chat, url: `/openai/deployments/m/chat/completions?${old}` },
    { base: 'https://x.openai.azure.com/openai', path: chat, url: `/openai/deployments/m/chat/completions?${old}` },
    {
      base: 'https://x.openai.azure.com/openai/deployments/d/',
      path: chat,
      url: `/openai/deployments/d/chat/completions?${old}`,
    },
    { base: 'https://x.openai.azure.com/openai/v1/', path: chat, url: '/openai/v1/chat/completions' },
    { base: 'https://x.services.ai.azure.com/openai/v1', path: '/v1/responses', url: '/openai/v1/responses' },
    { base: 'https://x.openai.azure.com', path: '/v1/responses', url: `/openai/responses?${old}` },
    { base: 'https://x.openai.azure.com', path: '/v1/responses/r', url: `/openai/responses/r?${old}` },
    { base: 'https://x.openai.azure.com', path: '/v1/embeddings', url: `/openai/deployments/m/embeddings?${old}` },
    { base: 'https://x.services.ai.azure.com/models', path: chat, url: `/models/chat/completions?${old}` },
    {
      base: 'https://x.services.ai.azure.com/anthropic',
      path: '/v1/messages',
      dialect: 'anthropic',
      url: '/anthropic/v1/messages',
    },
    {
      base: 'https://x.services.ai.azure.com/anthropic/v1',
      path: '/v1/messages',
      dialect: 'anthropic',
      url: '/anthropic/v1/messages',
    },
    {
      base: 'https://x.services.ai.azure.com',
      path: '/v1/messages',
      dialect: 'anthropic',
      url: '/anthropic/v1/messages',
    },
  ])('$path at $base is $url', ({ base, path, dialect = 'openai', url }) => {
    expect(urlAt('azure', base, translated(path, dialect))).toBe(new URL(url, base).href)
  })
})

describe('§12.2: addresses of Bedrock', () => {
  test.each([
    ['https://bedrock-runtime.us-east-1.amazonaws.com', '/model/a.b-v1%3A0/converse', '/model/a.b-v1%3A0/converse'],
    ['https://gateway.test/aws/', '/model/arn%3Aaws%2Fx/invoke', '/aws/model/arn%3Aaws%2Fx/invoke'],
    [
      'https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1',
      '/v1/chat/completions',
      '/openai/v1/chat/completions',
    ],
    ['https://bedrock-mantle.us-east-1.api.aws/v1', '/v1/chat/completions', '/v1/chat/completions'],
  ])('at %s, %s is %s', (base, path, url) => {
    expect(urlAt('bedrock', base, translated(path, 'openai'))).toBe(new URL(url, base).href)
  })

  test('the segment of the model is signed as it is sent, encoded once more', async () => {
    const url = 'https://bedrock-runtime.us-east-1.amazonaws.com'
    const { book } = credentialBench()
    const keys = {
      access_key_id: 'AKIAIOSFODNN7EXAMPLE',
      secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    }
    const set = await setOf([keys], { url })
    book.adopt([set])
    const sent = new URL(urlAt('bedrock', url, translated('/model/us.anthropic.claude-v1%3A0/invoke', 'anthropic')))
    expect(sent.pathname).toBe('/model/us.anthropic.claude-v1%3A0/invoke')
    expect(canonicalPath(sent.pathname)).toBe('/model/us.anthropic.claude-v1%253A0/invoke')
    const proof = await proofOf(onlyOf(book, set), signable({ url: sent }))
    expect(valueIn(proof)).toContain('/us-east-1/bedrock/aws4_request')
    expect(valueIn(proof, 'x-amz-date')).toBe(awsStamp(credentialBench().clock.wallMs()))
  })
})

describe('§12.3: addresses of Vertex', () => {
  const project = '/v1/projects/p/locations/us-central1'
  const gemini = '/publishers/google/models/gemini-x:generateContent'
  test.each<{ base: string; path: string; dialect?: Dialect; url: string }>([
    { base: project, path: gemini, url: project + gemini },
    { base: `${project}/`, path: gemini, url: project + gemini },
    { base: `${project}/publishers/google`, path: gemini, url: project + gemini },
    {
      base: `${project}/publishers/google/models`,
      path: '/publishers/anthropic/models/c:rawPredict',
      url: `${project}/publishers/anthropic/models/c:rawPredict`,
    },
    {
      base: '/v1beta1/projects/p/locations/global',
      path: gemini,
      url: `/v1beta1/projects/p/locations/global${gemini}`,
    },
    { base: '', path: gemini, url: `/v1${gemini}` },
    { base: '/gateway', path: gemini, url: `/gateway/v1${gemini}` },
    {
      base: project,
      path: '/endpoints/openapi/chat/completions',
      url: `${project}/endpoints/openapi/chat/completions`,
    },
    {
      base: `${project}/endpoints/openapi`,
      path: '/endpoints/openapi/chat/completions',
      url: `${project}/endpoints/openapi/chat/completions`,
    },
    {
      base: `${project}/endpoints/123`,
      path: '/endpoints/openapi/chat/completions',
      url: `${project}/endpoints/123/chat/completions`,
    },
    { base: project, path: '/endpoints/123:generateContent', url: `${project}/endpoints/123:generateContent` },
    {
      base: project,
      path: '/v1beta/models/gemini-x:embedContent',
      dialect: 'gemini',
      url: `${project}/publishers/google/models/gemini-x:embedContent`,
    },
    { base: project, path: '/v1/embeddings', url: `${project}/endpoints/openapi/embeddings` },
  ])('$path at $base is $url', ({ base, path, dialect = 'openai', url }) => {
    const origin = 'https://us-central1-aiplatform.googleapis.com'
    expect(urlAt('vertex', origin + base, translated(path, dialect, 'alt=sse'))).toBe(`${origin}${url}?alt=sse`)
  })
})

describe('§12.5: addresses of Cohere', () => {
  test.each([
    ['https://api.cohere.com', '/v2/chat', '/v2/chat'],
    ['https://api.cohere.com/v1', '/v2/chat', '/v2/chat'],
    ['https://api.cohere.com/v2/', '/v2/chat', '/v2/chat'],
    ['https://api.cohere.ai/compatibility/v1', '/v2/embed', '/v2/embed'],
    ['https://api.cohere.ai/compatibility/v1', '/v1/chat/completions', '/compatibility/v1/chat/completions'],
  ])('at %s, %s is %s', (base, path, url) => {
    expect(urlAt('cohere', base, translated(path, 'openai'))).toBe(new URL(url, base).href)
  })
})

test.each<[Protocol, Dialect, string, string]>([
  ['bedrock', 'openai', 'authorization', 'Bearer backend-key'],
  ['bedrock', 'anthropic', 'authorization', 'Bearer backend-key'],
  ['vertex', 'gemini', 'x-goog-api-key', 'backend-key'],
  ['vertex', 'anthropic', 'x-goog-api-key', 'backend-key'],
  ['azure', 'anthropic', 'x-api-key', 'backend-key'],
  ['azure', 'openai', 'api-key', 'backend-key'],
])('a key of %s in the %s dialect goes into %s', (protocol, dialect, name, value) => {
  const backend = backendOf('b', { apiKey: new Secret('backend-key') })
  expect(authHeader(candidateOf('b', 'm', { protocol, backend }), dialect)).toEqual([name, value])
})

test.each([
  ['https://x.services.ai.azure.com/models', 'pass-through'],
  ['https://x.openai.azure.com', undefined],
])('§12.6: Azure at %s is told to let unknown parameters pass: %p', (url, value) => {
  const candidate = candidateOf('b', 'm', { protocol: 'azure', backend: backendOf('b', { url: new URL(url) }) })
  expect(new Map(requestHeaders(callOf(), candidate)).get('extra-parameters')).toBe(value)
})
