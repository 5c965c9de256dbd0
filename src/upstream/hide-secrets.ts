import type { HeldResponse } from '#core/failure.ts'
import type { Secret } from '#core/secret.ts'
import { encode } from '#kit/bytes.ts'

/**
 * The answer without what only its backend may know: some upstreams repeat the key that they were sent when they say
 * what is wrong with it. `text` is its body, decoded. An answer that holds no secret is the very same.
 */
export function withoutSecrets(held: HeldResponse, text: string, secrets: readonly Secret[]): HeldResponse {
  let hidden = text
  for (const secret of secrets) {
    for (const form of formsOf(secret.reveal())) if (hidden.includes(form)) hidden = hidden.replaceAll(form, '****')
  }
  if (hidden === text) return held
  const headers = held.headers.filter((name) => name !== 'content-encoding')
  return { status: held.status, headers, body: encode(hidden) }
}

/** As it was sent, in a URL, in JSON, and in JSON within a text of JSON; each once, longest first. */
function formsOf(secret: string): readonly string[] {
  const once = escaped(secret)
  const forms = new Set([secret, encodeURIComponent(secret.toWellFormed()), once, escaped(once)])
  return [...forms].toSorted((a, b) => b.length - a.length)
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
