import { isPlainObject } from '#config/source.ts'

/** Every form of an old configuration that is read. */
export const forms = ['secrets', 'backends', 'ococl', 'proxy-llm', 'litellm', 'one-api'] as const

export type Form = (typeof forms)[number]

/** For reports. */
export const formNames: Readonly<Record<Form, string>> = {
  secrets: 'secrets.json of flow-proxy',
  backends: 'backends.json of new-api-proxy',
  ococl: 'YAML of ococl/llm-proxy',
  'proxy-llm': 'YAML of proxy-llm',
  litellm: 'config.yaml of LiteLLM',
  'one-api': 'channels of one-api or new-api',
}

export function isForm(text: string): text is Form {
  return forms.some((form) => form === text)
}

/** The form that a file seems to have, or undefined. */
export function formOf(value: unknown): Form | undefined {
  if (Array.isArray(value)) {
    const entries: unknown[] = value
    if (entries.some((entry) => isPlainObject(entry) && 'clientId' in entry)) return 'secrets'
    return entries.some(isChannel) ? 'one-api' : undefined
  }
  if (!isPlainObject(value)) return undefined
  if ('services' in value && !('backends' in value)) return 'backends'
  if (['model_list', 'litellm_settings', 'router_settings', 'general_settings'].some((key) => key in value)) {
    return 'litellm'
  }
  if (channelsOf(value).some(isChannel)) return 'one-api'
  if (Array.isArray(value['models']) || ['storage', 'daily_export', 'monitoring'].some((key) => key in value)) {
    return 'proxy-llm'
  }
  return 'backends' in value || 'models' in value ? 'ococl' : undefined
}

/** The channels of an export: a list, or one inside the answer of an admin page. */
export function channelsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (!isPlainObject(value)) return []
  if (isChannel(value)) return [value]
  for (const key of ['data', 'channels', 'items']) {
    const inner = channelsOf(value[key])
    if (inner.length > 0) return inner
  }
  return []
}

/** Where the list of {@link channelsOf} stands. */
export function channelsAt(value: unknown): string[] {
  if (Array.isArray(value) || !isPlainObject(value) || isChannel(value)) return []
  const key = ['data', 'channels', 'items'].find((name) => channelsOf(value[name]).length > 0)
  return key === undefined ? [] : [key, ...channelsAt(value[key])]
}

function isChannel(value: unknown): boolean {
  return isPlainObject(value) && 'type' in value && ('models' in value || 'base_url' in value)
}
