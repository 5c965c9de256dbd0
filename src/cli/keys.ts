import { digestOf } from '#identity/key-ring.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'

export interface KeysOptions {
  /** What is to be done: `new`. */
  readonly what: string | undefined
  readonly name: string | undefined
  readonly json: boolean
}

/** `llm-proxy keys new`: a key for a client, and what stands in the configuration for it. Nothing is kept or sent. */
export function keys({ what, name = 'alice', json }: KeysOptions, io: Pick<Io, 'stdout' | 'stderr'>): number {
  if (what !== 'new') {
    io.stderr('llm-proxy keys: say what to do, as in "llm-proxy keys new"\n')
    return exit.usage
  }
  if (!/^[^\p{Cc}]{1,200}$/u.test(name)) {
    io.stderr('llm-proxy keys: --name: expected up to 200 characters, without control characters\n')
    return exit.usage
  }
  const key = newKey()
  const digest = digestOf(key).toHex()
  io.stdout(json ? `${JSON.stringify({ key, key_sha256: digest, name })}\n` : told(key, digest, name))
  return exit.done
}

/** 256 bits of chance, so that a plain digest is enough to keep it by. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return `sk-llmp-${bytes.toBase64({ alphabet: 'base64url', omitPadding: true })}`
}

function told(key: string, digest: string, name: string): string {
  return `The key, shown this once. Give it to its user:

  ${key}

What stands in the configuration for it:

  auth:
    providers:
      - type: api_key
        keys:
          - name: ${JSON.stringify(name)}
            key_sha256: "${digest}"
`
}
