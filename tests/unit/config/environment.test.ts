import { expect, test } from 'bun:test'
import { environmentConfig, foundProviders } from '#config/environment.ts'
import { compileText, problemLines } from '../../support/config.ts'

const every = {
  OPENAI_API_KEY: 'sk-o',
  ANTHROPIC_API_KEY: 'sk-a',
  GOOGLE_API_KEY: 'g',
  DEEPSEEK_API_KEY: 'd',
  GROQ_API_KEY: 'gr',
  MISTRAL_API_KEY: 'm',
  OPENROUTER_API_KEY: 'or',
  XAI_API_KEY: 'x',
}

test('without provider variables the mock backend answers alone', async () => {
  const { compilation } = await compileText(environmentConfig({ HOME: '/root' }))
  expect([...(compilation?.snapshot?.backends.keys() ?? [])]).toEqual(['mock'])
  expect(compilation?.snapshot?.aliases).toContain('mock/echo')
})

test('without a client key it listens on loopback only', async () => {
  for (const env of [{}, every]) {
    const { compilation } = await compileText(environmentConfig(env), { env })
    expect(compilation?.snapshot?.listen).toMatchObject({ kind: 'tcp', host: '127.0.0.1' })
  }
})

test('each provider whose key is set becomes a backend with its own key and models', async () => {
  const { compilation } = await compileText(environmentConfig(every), { env: every })
  const backends = compilation?.snapshot?.backends
  expect([...(backends?.keys() ?? [])]).toEqual([
    'openai',
    'anthropic',
    'google',
    'deepseek',
    'groq',
    'mistral',
    'openrouter',
    'xai',
  ])
  expect(backends?.get('google')?.apiKey?.reveal()).toBe('g')
  expect(compilation?.snapshot?.plans.get('claude-opus-4-5')?.tiers[0]?.candidates[0]?.id).toBe(
    'anthropic/claude-opus-4-5',
  )
  expect(compilation?.snapshot?.aliases).toContain('groq/openai/gpt-oss-120b')
})

test('no combination of providers gives a problem beyond the note about the open door', async () => {
  for (const [variable, value] of Object.entries(every)) {
    const env = { [variable]: value }
    const lines = await problemLines(environmentConfig(env), { env })
    expect(lines.filter((line) => !line.includes('note: without "proxy_api_key"'))).toEqual([])
  }
})

test('foundProviders() names the variable that counts, and an empty one does not', () => {
  expect(foundProviders({ GEMINI_API_KEY: 'one', GOOGLE_API_KEY: 'two', OPENAI_API_KEY: ' ' })).toEqual([
    { backend: 'google', variable: 'GEMINI_API_KEY' },
  ])
})

test('the text holds references, never a key', () => {
  expect(environmentConfig({ OPENAI_API_KEY: 'sk-very-secret' })).not.toContain('sk-very-secret')
})
