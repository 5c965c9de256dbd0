import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { TokenLogprob } from '#translate/common.ts'

/** `logprobs` of a choice; undefined where it has none. */
export function readLogprobs(value: unknown): readonly TokenLogprob[] | undefined {
  const tokens: TokenLogprob[] = []
  for (const entry of asList(asObject(value)?.['content'])) {
    const token = readToken(entry)
    const top = asList(asObject(entry)?.['top_logprobs']).flatMap((other) => readToken(other) ?? [])
    if (token !== undefined) tokens.push({ token: token.token, logprob: token.logprob, top })
  }
  return tokens.length === 0 ? undefined : tokens
}

function readToken(value: unknown): Pick<TokenLogprob, 'token' | 'logprob'> | undefined {
  const entry = asObject(value)
  const token = asText(entry?.['token'])
  const logprob = asNumber(entry?.['logprob'])
  return token === undefined || logprob === undefined ? undefined : { token, logprob }
}

/** `logprobs` of a choice for a client; null where there are none. */
export function writeLogprobs(tokens: readonly TokenLogprob[]): JsonObject | null {
  if (tokens.length === 0) return null
  const content = tokens.map((token) => ({ ...writeToken(token), top_logprobs: token.top.map(writeToken) }))
  return { content, refusal: null }
}

function writeToken({ token, logprob }: Pick<TokenLogprob, 'token' | 'logprob'>): JsonObject {
  return { token, logprob, bytes: [...Buffer.from(token)] }
}
