import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Backend } from '#core/candidate.ts'
import { joinPath, upstreamUrl } from '#upstream/url.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { callOf } from '../../support/upstream.ts'

describe('B73: joinPath() puts the request path behind the base path', () => {
  test.each([
    ['/v1', '/v1/chat/completions', '/v1/chat/completions'],
    ['', '/v1/chat/completions', '/v1/chat/completions'],
    ['/', '/v1/chat/completions', '/v1/chat/completions'],
    ['/api', '/v1/chat/completions', '/api/v1/chat/completions'],
    ['/v1', '/chat/completions', '/v1/chat/completions'],
    ['/v1/', '/v1/chat/completions', '/v1/chat/completions'],
    ['/v1', '/v1beta/x', '/v1/v1beta/x'],
    ['/v1', '/v1', '/v1'],
    ['/v1beta', '/v1beta/models/gemini-2.5-pro:generateContent', '/v1beta/models/gemini-2.5-pro:generateContent'],
    ['/openai/v1', '/v1/chat/completions', '/openai/v1/chat/completions'],
    ['/api/v1', '/v1/messages', '/api/v1/messages'],
    ['/v1/chat/completions', '/v1/chat/completions', '/v1/chat/completions'],
    ['/xv1', '/v1/models', '/xv1/v1/models'],
    ['/api/paas/v4', '/v1/chat/completions', '/api/paas/v4/chat/completions'],
    ['/v1beta/openai', '/v1/chat/completions', '/v1beta/openai/chat/completions'],
    ['/team/v1', '/v1/v1/x', '/team/v1/v1/x'],
  ])('base %p and path %p give %p', (base, path, joined) => {
    expect(joinPath(base, path)).toBe(joined)
  })

  test.each(['/v1/../admin', '/v1/%2e%2E/admin', '/../../x', '/v1/..\\..\\x', '/./../x'])(
    'dot segments of %p cannot leave the base path',
    (path) => {
      expect(new URL(`http://host${joinPath('/team/a', path)}`).pathname).toStartWith('/team/a/')
    },
  )

  test('a base of any segments stays in front, and a base without overlap keeps the whole path', () => {
    const segment = fc.stringMatching(/^[a-z]{1,6}$/)
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 4 }),
        fc.array(segment, { minLength: 1 }),
        (base, path) => {
          const basePath = `/${base.join('/')}`
          const joined = joinPath(basePath, `/${path.join('/')}`)
          expect(`${joined}/`).toStartWith(`${basePath}/`)
          if (!base.some((part) => path.includes(part))) expect(joined).toBe(`${basePath}/${path.join('/')}`)
        },
      ),
    )
  })
})

function at(url: string): { backend: Backend } {
  return { backend: backendOf('b', { url: new URL(url) }) }
}

describe('upstreamUrl() of a call that nobody read', () => {
  const raw = { path: '/*', dialect: 'raw', reads: 'nothing', stream: undefined } as const
  test.each([
    { base: 'http://up.test', path: '', query: '', url: 'http://up.test/' },
    { base: 'http://up.test/base', path: '', query: 'x=1', url: 'http://up.test/base?x=1' },
    { base: 'http://up.test/v1', path: '/v1/models', query: '', url: 'http://up.test/v1/v1/models' },
    { base: 'http://up.test/a/v4', path: '/v1/x', query: '', url: 'http://up.test/a/v4/v1/x' },
    { base: 'http://up.test/b/', path: '//x/', query: '', url: 'http://up.test/b//x/' },
    { base: 'http://up.test/b', path: '/%2F%e4/:x', query: 'a=%20+?', url: 'http://up.test/b/%2F%e4/:x?a=%20+?' },
    { base: 'http://up.test/b', path: '/x/%2e%2E/../../y', query: '', url: 'http://up.test/b/y' },
  ])('A20 N303: $path behind $base is $url', ({ base, path, query, url }) => {
    const candidate = candidateOf('any', 'm', at(base))
    expect(upstreamUrl(callOf({ endpoint: raw, path, query }), candidate).href).toBe(url)
  })

  test('it is the same for a model that keeps its name, on a path of models', () => {
    const candidate = { ...candidateOf('any', 'm', at('http://up.test/api/v1')), keepsModel: true }
    expect(upstreamUrl(callOf(), candidate).href).toBe('http://up.test/api/v1/v1/chat/completions')
  })
})

describe('upstreamUrl()', () => {
  test.each([
    { base: 'http://up.test', path: '/api/chat', url: 'http://up.test/api/chat' },
    { base: 'http://up.test/', path: '/api/tags', url: 'http://up.test/api/tags' },
    { base: 'http://up.test/api', path: '/api/chat', url: 'http://up.test/api/chat' },
    { base: 'http://up.test/v1', path: '/api/chat', url: 'http://up.test/api/chat' },
    { base: 'http://up.test/v1', path: '/v1/chat/completions', url: 'http://up.test/v1/chat/completions' },
    { base: 'http://up.test/api/', path: '/v1/messages', url: 'http://up.test/v1/messages' },
    { base: 'http://up.test/team/ollama/v1', path: '/api/chat', url: 'http://up.test/team/ollama/api/chat' },
  ])('Ollama at $base serves $path at $url', ({ base, path, url }) => {
    const candidate = candidateOf('b', 'm', { ...at(base), protocol: 'ollama' })
    expect(upstreamUrl(callOf({ path }), candidate).href).toBe(url)
  })

  test('B74: the query string is forwarded as it came', () => {
    const candidate = candidateOf('b', 'm', at('http://up.test/v1'))
    const url = upstreamUrl(callOf({ query: 'api-version=1&x=%20a+b&x=2' }), candidate)
    expect(url.href).toBe('http://up.test/v1/chat/completions?api-version=1&x=%20a+b&x=2')
  })

  test('percent-encoding in the path is kept as it came', () => {
    const path = '/v1/files/a%2Fb%zz%20%C3%A9/c:d'
    expect(upstreamUrl(callOf({ path }), candidateOf('b', 'm', at('http://up.test'))).pathname).toBe(path)
  })

  test.each([
    ['http://up.test', '/v1beta', 'http://up.test/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse'],
    ['http://up.test/v1beta', '/v1beta', 'http://up.test/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse'],
    ['http://up.test/v1beta', '/v1', 'http://up.test/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse'],
    ['http://up.test/v1', '/v1beta', 'http://up.test/v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse'],
    ['http://up.test/google', '/v1', 'http://up.test/google/v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse'],
  ])('B73: a Gemini call to base %p in version %p goes to %p', (base, version, href) => {
    const path = `${version}/models/alias:streamGenerateContent`
    const start = path.indexOf('alias')
    const call = callOf({
      endpoint: { path: '/v1beta/models/*', dialect: 'gemini', reads: 'path', stream: 'gemini_sse' },
      path,
      query: 'alt=sse',
      modelAt: { start, end: start + 'alias'.length },
    })
    const candidate = candidateOf('b', 'gemini-2.5-pro', { protocol: 'gemini', ...at(base) })
    expect(upstreamUrl(call, candidate).href).toBe(href)
  })

  test.each([
    {
      name: 'the deployment and the api-version are put in',
      base: 'https://x.openai.azure.com',
      query: '',
      href: 'https://x.openai.azure.com/openai/deployments/gpt%2F5/chat/completions?api-version=2024-10-21',
    },
    {
      name: 'the client’s own api-version wins',
      base: 'https://x.openai.azure.com/',
      query: 'a=b&api-version=preview',
      href: 'https://x.openai.azure.com/openai/deployments/gpt%2F5/chat/completions?a=b&api-version=preview',
    },
    {
      name: 'another query stays in front',
      base: 'https://x.openai.azure.com/openai',
      query: 'a=b',
      href: 'https://x.openai.azure.com/openai/deployments/gpt%2F5/chat/completions?a=b&api-version=2024-10-21',
    },
    {
      name: 'the newer form joins plainly',
      base: 'https://x.openai.azure.com/openai/v1/',
      query: '',
      href: 'https://x.openai.azure.com/openai/v1/chat/completions',
    },
  ])('B101: azure: $name', ({ base, query, href }) => {
    const candidate = candidateOf('b', 'gpt/5', { protocol: 'azure', ...at(base) })
    expect(upstreamUrl(callOf({ query }), candidate).href).toBe(href)
  })
})
