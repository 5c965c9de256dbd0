import type { AuthMode, Candidate } from '#core/candidate.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'

/** The header that carries the backend key, in the form this backend reads it; undefined when it has no key. */
export function authHeader(candidate: Candidate, dialect: Dialect): readonly [name: string, value: string] | undefined {
  const { apiKey, authMode } = candidate.backend
  const mode = authMode === 'dialect' ? (modeOfProtocol[candidate.protocol] ?? modeOfDialect[dialect]) : authMode
  if (apiKey === undefined || mode === 'none') return undefined
  const key = apiKey.reveal()
  return [mode, mode === 'authorization' ? `Bearer ${key}` : key]
}

type KeyHeader = Exclude<AuthMode, 'dialect'>

/** `any` is missing: it takes the key as the client's own dialect would. */
const modeOfProtocol: Readonly<Partial<Record<Protocol, KeyHeader>>> = {
  openai: 'authorization',
  deepseek: 'authorization',
  groq: 'authorization',
  mistral: 'authorization',
  cohere: 'authorization',
  ollama: 'authorization',
  anthropic: 'x-api-key',
  gemini: 'x-goog-api-key',
  azure: 'api-key',
} satisfies Record<Exclude<Protocol, 'any'>, KeyHeader>

const modeOfDialect: Readonly<Record<Dialect, KeyHeader>> = {
  openai: 'authorization',
  anthropic: 'x-api-key',
  gemini: 'x-goog-api-key',
  ollama: 'authorization',
}
