import type * as v from 'valibot'
import type { Call } from '#core/call.ts'
import type { RequestFilter } from '#core/filter.ts'
import type { Plan } from '#core/plan.ts'
import { isRefusal } from '#core/refusal.ts'
import { compileGlob } from '#kit/glob.ts'
import { percentDecoded } from '#kit/percent.ts'
import { withoutMembers } from '#wire/json-remove.ts'
import { peekJson } from '#wire/peek.ts'
import { streamWish } from '#wire/stream-wish.ts'
import type { FiltersSchema } from './filter-schema.ts'

type FilterSettings = v.InferOutput<typeof FiltersSchema>[number]

/** The `filters` section, compiled; undefined where there is nothing to take out. */
export function compileFilters(settings: readonly FilterSettings[]): readonly RequestFilter[] | undefined {
  return settings.length === 0 ? undefined : settings.map(compileFilter)
}

function compileFilter({ match, remove }: FilterSettings): RequestFilter {
  const methods = match.methods && new Set(match.methods.map((method) => method.toUpperCase()))
  const path = match.path === undefined ? undefined : compileGlob(match.path)
  const wanted = Object.entries(Array.isArray(match.headers) ? namesOnly(match.headers) : (match.headers ?? {}))
  const headers = wanted.map(([name, value]) => ({ name, isLike: compileGlob(value) }))
  return {
    matches: (method, pathname, received) =>
      methods?.has(method) !== false &&
      (path === undefined || path(pathname) || path(percentDecoded(pathname))) &&
      headers.every(({ name, isLike }) => {
        const value = received.get(name)
        return value !== null && isLike(value)
      }),
    isFor: match.backends && keptTo(new Set(match.backends)),
    bodyPaths: remove.body.map((bodyPath) => bodyPath.split('.')),
    headers: remove.headers.map((name) => name.toLowerCase()),
    queryNames: remove.query,
  }
}

/** A request of which somebody else may get a part is sent as it came. */
function keptTo(names: ReadonlySet<string>): (plan: Plan) => boolean {
  return ({ tiers }) => tiers.every(({ candidates }) => candidates.every(({ backend }) => names.has(backend.name)))
}

function namesOnly(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '*']))
}

/**
 * Must the body of such a request be read? `paths`: as sent, and what of it goes to the backend. `plan`: undefined where
 * only what the body says could tell it.
 */
export function wantsBody(
  filters: readonly RequestFilter[],
  method: string,
  paths: readonly string[],
  headers: Headers,
  plan: Plan | undefined,
): boolean {
  return filters.some((filter) => filter.bodyPaths.length > 0 && isMatch(filter, method, paths, headers, plan))
}

/** The call without what its filters take out; every other byte stays as it was. */
export function filtered(filters: readonly RequestFilter[], call: Call, sentPath: string, plan: Plan): Call {
  const { method, headers } = call
  const paths = sentPath === call.path ? [sentPath] : [sentPath, call.path]
  const matching = filters.filter((filter) => isMatch(filter, method, paths, headers, plan))
  if (matching.length === 0) return call
  return withoutFields(
    withoutBodyPaths(
      call,
      matching.flatMap(({ bodyPaths }) => bodyPaths),
    ),
    matching.flatMap((filter) => filter.headers),
    matching.flatMap(({ queryNames }) => queryNames),
  )
}

function isMatch(
  filter: RequestFilter,
  method: string,
  paths: readonly string[],
  headers: Headers,
  plan: Plan | undefined,
): boolean {
  if (plan !== undefined && filter.isFor?.(plan) === false) return false
  return paths.some((path) => filter.matches(method, path, headers))
}

function withoutFields(call: Call, names: readonly string[], queryNames: readonly string[]): Call {
  const query = withoutParameters(call.query, queryNames)
  const present = names.filter((name) => call.headers.has(name))
  if (present.length === 0) return query === call.query ? call : { ...call, query }
  const headers = new Headers(call.headers)
  for (const name of present) headers.delete(name)
  return { ...call, query, headers }
}

function withoutParameters(query: string, names: readonly string[]): string {
  if (query === '' || names.length === 0) return query
  const pairs = query.split('&')
  const kept = pairs.filter((pair) => !names.includes(parameterName(pair)))
  return kept.length === pairs.length ? query : kept.join('&')
}

function parameterName(pair: string): string {
  const equals = pair.indexOf('=')
  return percentDecoded((equals === -1 ? pair : pair.slice(0, equals)).replaceAll('+', ' '))
}

/** What names the model stays: without it nobody would know where the request goes. */
function withoutBodyPaths(call: Call, bodyPaths: readonly (readonly string[])[]): Call {
  const { body, endpoint, modelAt } = call
  if (body === undefined || bodyPaths.length === 0 || endpoint.reads === 'multipart') return call
  const isNamedInside = endpoint.reads === 'json'
  const rest = withoutMembers(body, bodyPaths, isNamedInside ? modelAt : undefined)
  if (rest === body) return call
  if (!isNamedInside) {
    const stream = endpoint.reads === 'nothing' && call.stream ? (streamWish(rest) ?? call.stream) : call.stream
    return { ...call, body: rest, stream }
  }
  const seen = peekJson(rest)
  if (isRefusal(seen)) return call
  const stream = seen.stream || (endpoint.streamsByDefault === true && !seen.hasStreamWish)
  return { ...call, body: rest, modelAt: seen.modelAt, stream }
}
