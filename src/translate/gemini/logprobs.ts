import { asList, asNumber, asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { TokenLogprob } from '#translate/common.ts'

/** `logprobsResult` of a candidate; undefined where it has none. */
export function logprobsOf(result: unknown): readonly TokenLogprob[] | undefined {
  const object = asObject(result)
  if (object === undefined) return undefined
  const tops = asList(object['topCandidates'])
  const tokens = asList(object['chosenCandidates']).map((chosen, index) => {
    const top = asList(asObject(tops[index])?.['candidates']).map(tokenOf)
    const { token, logprob } = tokenOf(chosen)
    return { token, logprob, top }
  })
  return tokens.length === 0 ? undefined : tokens
}

export function logprobsResultOf(tokens: readonly TokenLogprob[]): JsonObject {
  const chosenCandidates = tokens.map(candidateOf)
  if (tokens.every(({ top }) => top.length === 0)) return { chosenCandidates }
  return { chosenCandidates, topCandidates: tokens.map(({ top }) => ({ candidates: top.map(candidateOf) })) }
}

export function averageOf(tokens: readonly TokenLogprob[]): number {
  return tokens.reduce((all, { logprob }) => all + logprob, 0) / tokens.length
}

function tokenOf(candidate: unknown): { token: string; logprob: number } {
  const object = asObject(candidate) ?? {}
  return { token: asText(object['token']) ?? '', logprob: asNumber(object['logProbability']) ?? 0 }
}

function candidateOf({ token, logprob }: { readonly token: string; readonly logprob: number }): JsonObject {
  return { token, logProbability: logprob }
}
