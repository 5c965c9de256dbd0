import type { Sections } from './legacy-flow.ts'
import { asksOnlyOne, literal, type Variables } from './legacy-variables.ts'
import type { Tree } from './source.ts'

/** `backends.json` and the variables beside it. `defaults`: what each backend gets that does not say it itself. */
export function serviceSections(backendsFile: string, variables: Variables): Sections & { readonly defaults: Tree } {
  const key = variables.text('BACKEND_API_KEY')
  const reference = variables.reference('BACKEND_API_KEY')
  const level = variables.level('LOG_LEVEL')
  const interval = variables.seconds('HEALTH_CHECK_INTERVAL', 0.1, 86_400)
  const timeout = variables.seconds('HEALTH_CHECK_TIMEOUT', 0.001, 86_400)
  const defaultKey = variables.reference('UPSTREAM_DEFAULT_KEY')
  if (key === undefined && variables.isSet('BACKEND_API_KEY')) {
    const message =
      'is empty, so no key is asked for, and only programs of this machine can connect; ' +
      'ALLOW_UNAUTHENTICATED=true opens the gateway to everybody'
    variables.warn('BACKEND_API_KEY', message)
  }
  for (const name of ['CONFIG_RELOAD_WATCH', 'CONFIG_RELOAD_INTERVAL']) readForItsFaults(name, variables)
  return {
    tree: {
      listen: ':8000',
      services_file: literal(backendsFile),
      ...(reference === undefined ? {} : { proxy_api_key: reference }),
      // The key that every client has opens these pages, and no others.
      admin: { config_with_client_key: true },
      ...(defaultKey === undefined ? {} : { upstream_default_key: defaultKey }),
      ...(variables.flag('REUSE_GATEWAY_KEY') === true ? { reuse_gateway_key: true } : {}),
      ...(interval === undefined && timeout === undefined
        ? {}
        : { health_check: { ...(interval && { interval }), ...(timeout && { timeout }) } }),
      timeout: {
        connect: '10s',
        first_byte: variables.seconds('REQUEST_TIMEOUT', 0, 86_400) ?? '300s',
        idle: '300s',
      },
      fallback: asksOnlyOne,
      ...(level === undefined ? {} : { logging: { level } }),
    },
    defaults: {
      ...authModeOf(variables),
      ...limitsOf(variables),
    },
    origins: [
      ['services_file', backendsFile],
      ['proxy_api_key', 'BACKEND_API_KEY'],
      ['upstream_default_key', 'UPSTREAM_DEFAULT_KEY'],
    ],
  }
}

function authModeOf(variables: Variables): Tree {
  const mode = variables.text('BACKEND_AUTH_MODE')
  if (mode === undefined) return {}
  if (['authorization', 'x-api-key'].includes(mode.toLowerCase())) return { auth_mode: mode }
  variables.warn('BACKEND_AUTH_MODE', `"${mode.slice(0, 64)}" is neither Authorization nor x-api-key: no key is sent`)
  return { auth_mode: 'none' }
}

/** They were limits of one pool for all backends, and are those of each. */
function limitsOf(variables: Variables): Tree {
  const most = variables.count('MAX_CONNECTIONS', 1, connectionsMax)
  const idle = variables.count('MAX_KEEPALIVE_CONNECTIONS', 0, connectionsMax)
  return {
    ...(most === undefined ? {} : { max_connections: most }),
    ...(idle === undefined ? {} : { pool: { max_idle: idle } }),
  }
}

/** Limit: as of `max_connections`. */
const connectionsMax = 65_535

function readForItsFaults(name: string, variables: Variables): void {
  if (name === 'CONFIG_RELOAD_WATCH') void variables.flag(name)
  else void variables.seconds(name, 0.1, 86_400)
}
