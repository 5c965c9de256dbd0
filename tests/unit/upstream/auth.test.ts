import { describe, expect, test } from 'bun:test'
import type { AuthMode } from '#core/candidate.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'
import { Secret } from '#core/secret.ts'
import { authHeader } from '#upstream/auth.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'

const apiKey = new Secret('backend-key')

describe('B101: authHeader() sends the key as the protocol wants it', () => {
  test.each<[Protocol, Dialect, string, string]>([
    ['openai', 'openai', 'authorization', 'Bearer backend-key'],
    ['deepseek', 'openai', 'authorization', 'Bearer backend-key'],
    ['groq', 'openai', 'authorization', 'Bearer backend-key'],
    ['mistral', 'openai', 'authorization', 'Bearer backend-key'],
    ['cohere', 'openai', 'authorization', 'Bearer backend-key'],
    ['anthropic', 'anthropic', 'x-api-key', 'backend-key'],
    ['gemini', 'gemini', 'x-goog-api-key', 'backend-key'],
    ['azure', 'openai', 'api-key', 'backend-key'],
    ['any', 'openai', 'authorization', 'Bearer backend-key'],
    ['any', 'anthropic', 'x-api-key', 'backend-key'],
    ['any', 'gemini', 'x-goog-api-key', 'backend-key'],
  ])('%s spoken to in the %s dialect', (protocol, dialect, name, value) => {
    const candidate = candidateOf('b', 'm', { protocol, backend: backendOf('b', { apiKey }) })
    expect(authHeader(candidate, dialect)).toEqual([name, value])
  })

  test.each<[AuthMode, readonly [string, string] | undefined]>([
    ['authorization', ['authorization', 'Bearer backend-key']],
    ['x-api-key', ['x-api-key', 'backend-key']],
    ['api-key', ['api-key', 'backend-key']],
    ['x-goog-api-key', ['x-goog-api-key', 'backend-key']],
    ['none', undefined],
  ])('auth_mode %s wins over the protocol', (authMode, header) => {
    const candidate = candidateOf('b', 'm', { protocol: 'anthropic', backend: backendOf('b', { apiKey, authMode }) })
    expect(authHeader(candidate, 'anthropic')).toEqual(header)
  })
})

test('B04: a backend without a key gets no header for one', () => {
  expect(authHeader(candidateOf('b', 'm'), 'openai')).toBeUndefined()
})
