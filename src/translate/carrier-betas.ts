import { asList } from '#kit/json-value.ts'
import type { HeaderLook } from './codec.ts'
import type { Notes } from './notes.ts'

/**
 * What a cloud's Claude knows of the betas that are asked for, each once, in the order in which they are asked for: those of
 * the request's own headers, of the client's and of its body. Clouds refuse requests with any other.
 */
export function claudeBetas(
  cloud: keyof typeof knownBetas,
  headers: readonly (readonly [name: string, value: string])[],
  client: HeaderLook,
  inBody: unknown,
  notes: Notes | undefined,
): readonly string[] {
  const written = [
    ...headers.filter(([name]) => name === 'anthropic-beta').map(([, value]) => value),
    client.get('anthropic-beta') ?? '',
    ...asList(inBody).filter((beta) => typeof beta === 'string'),
  ]
  const betas = new Set<string>()
  for (const beta of written.join(',').split(',')) {
    const name = beta.trim()
    if (name === '') continue
    if (knownBetas[cloud].has(name)) betas.add(name)
    else notes?.drop('dropped:unknown_field', `anthropic-beta: ${name}`)
  }
  return [...betas]
}

const everywhere: readonly string[] = [
  'computer-use-2024-10-22',
  'computer-use-2025-01-24',
  'computer-use-2025-11-24',
  'context-1m-2025-08-07',
  'context-management-2025-06-27',
  'compact-2026-01-12',
  'dev-full-thinking-2025-05-14',
  'effort-2025-11-24',
  'fine-grained-tool-streaming-2025-05-14',
  'interleaved-thinking-2025-05-14',
  'mid-conversation-system-2026-04-07',
  'output-128k-2025-02-19',
  'token-efficient-tools-2025-02-19',
  'tool-examples-2025-10-29',
  'tool-search-tool-2025-10-19',
]

const knownBetas = {
  bedrock: new Set(everywhere),
  vertex: new Set([...everywhere, 'web-search-2025-03-05']),
} as const
