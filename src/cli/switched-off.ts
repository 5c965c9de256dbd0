import { readSource, type Source } from '#boot/load.ts'
import { loadConfig } from '#config/load.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'
import { chainOf } from '#snapshot/fallbacks.ts'
import type { Io } from './io.ts'

/** A route that is written in the configuration and never asked. */
export interface SwitchedOff {
  readonly alias: string
  readonly backend: string
  readonly model: string
  readonly reason: string
}

/** The switched-off routes of an alias and its fallbacks: a compiled configuration knows of them no more. */
export async function switchedOff(source: Source, asked: string, env: Io['env']): Promise<SwitchedOff[]> {
  const read = await readSource(source, env)
  const { config, off } = await loadConfig({ ...read, env, files: systemSecretFiles, standIns: true })
  if (config === undefined) return []
  const enabled = new Map(config.backends.map((backend) => [backend.name, backend.enabled]))
  const variables = new Map(off.map(({ name, variable }) => [name, variable]))
  const chain = chainOf(asked, new Map(Object.entries(config.fallback.alias_fallback)))
  return [asked, ...chain].flatMap((alias) => {
    const model = config.models[alias]
    return (model?.routes ?? []).flatMap((route): readonly SwitchedOff[] => {
      const reason = reasonFor({
        alias: model?.enabled === true,
        route: route.enabled,
        backend: enabled.get(route.backend) !== false,
        variable: variables.get(route.backend),
      })
      return reason === undefined ? [] : [{ alias, backend: route.backend, model: route.model, reason }]
    })
  })
}

interface Switches {
  readonly alias: boolean
  readonly route: boolean
  readonly backend: boolean
  /** The one that is not set. */
  readonly variable: string | undefined
}

function reasonFor({ alias, route, backend, variable }: Switches): string | undefined {
  if (variable !== undefined) return `its backend is off, since environment variable "${variable}" is not set`
  if (!backend) return 'its backend is switched off ("enabled: false")'
  if (!route) return 'it is switched off ("enabled: false")'
  return alias ? undefined : 'its alias is switched off ("enabled: false")'
}
