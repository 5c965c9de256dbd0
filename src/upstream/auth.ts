import type { Candidate } from '#core/candidate.ts'
import type { KeyHeader } from '#core/credential.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'

/** The header that carries the backend key, in the form this backend reads it; undefined when it has no key. */
export function authHeader(candidate: Candidate, dialect: Dialect): readonly [name: string, value: string] | undefined {
  const { apiKey } = candidate.backend
  const mode = keyHeader(candidate, dialect)
  if (apiKey === undefined || mode === 'none') return undefined
  const key = apiKey.reveal()
  return [mode, mode === 'authorization' ? `Bearer ${key}` : key]
}

/** Where this backend reads a key. */
export function keyHeader({ backend: { authMode }, protocol }: Candidate, dialect: Dialect): KeyHeader {
  if (authMode !== 'dialect') return authMode
  // Its Claude is asked as Anthropic's own is.
  if (protocol === 'azure' && dialect === 'anthropic') return 'x-api-key'
  return modeOfProtocol[protocol] ?? modeOfDialect[dialect]
}

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
  bedrock: 'authorization',
  converter: 'authorization',
  // Tokens, which credentials fetch, go into `authorization` in any case.
  vertex: 'x-goog-api-key',
} satisfies Record<Exclude<Protocol, 'any'>, KeyHeader>

const modeOfDialect: Readonly<Record<Dialect, KeyHeader>> = {
  openai: 'authorization',
  anthropic: 'x-api-key',
  gemini: 'x-goog-api-key',
  ollama: 'authorization',
  raw: 'authorization',
}
