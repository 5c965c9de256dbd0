import type { LoadContext, Source } from '#boot/load.ts'
import { Variables } from '#config/legacy-variables.ts'
import type { Io } from './io.ts'

/**
 * Variables that name the port to listen on, the first that is set counts. Hosting platforms set PORT for whatever they
 * run; a file with its own `listen` means what it says, and flow-proxy never looked at it.
 */
export function portVariables(source: Source): readonly string[] {
  const heedsPort = source.kind === 'legacy' ? source.backendsFile !== undefined : source.kind === 'environment'
  return ['PROXY_PORT', 'FLOW_PROXY_PORT', ...(heedsPort ? ['PORT'] : [])]
}

export const hostVariables: readonly string[] = ['FLOW_PROXY_HOST']

/** The first of the variables that is set and not empty, as it is written: in capitals, or in small letters. */
export function firstSet(names: readonly string[], env: Io['env']): string | undefined {
  return new Variables(env).first(names)
}

/** A port, undefined for an empty text, null for what is none. */
export function portOf(text: string | undefined): number | undefined | null {
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : null
}

/** What the environment says about where to listen, as for a start. */
export function listenIn(env: Io['env'], source: Source): LoadContext['listen'] {
  const host = env[firstSet(hostVariables, env) ?? '']
  const port = portOf(env[firstSet(portVariables(source), env) ?? ''])
  return { ...(host === undefined ? {} : { host }), ...(port === undefined || port === null ? {} : { port }) }
}
