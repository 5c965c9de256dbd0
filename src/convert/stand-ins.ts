import type { Tree } from '#config/source.ts'
import { listOf, mapOf } from './values.ts'

/** Values for variables of the backends that are no secrets: addresses, their parts, versions and ids. */
export function standInsFor(backends: readonly Tree[]): Readonly<Record<string, string>> {
  const found = new Map<string, string>()
  const note = (value: unknown, standIn: string): void => {
    const name = /^\$\{(\w+)\}$/.exec(String(value))?.[1]
    if (name !== undefined && !found.has(name)) found.set(name, standIn)
  }
  for (const { url, url_anthropic: second, api_version: version, credentials } of backends) {
    note(url, 'https://backend.invalid')
    note(second, 'https://backend.invalid')
    note(version, '2024-10-21')
    // What is left are parts of an address.
    for (const [reference] of String(url).matchAll(/\$\{\w+\}/g)) note(reference, 'us-east-1')
    for (const { access_key_id: id, region, tenant, client_id: client } of listOf(credentials).map(mapOf)) {
      note(id, 'STANDSFORANUNKNOWNID')
      note(region, 'us-east-1')
      note(tenant, 'tenant')
      note(client, 'client')
    }
  }
  return Object.fromEntries(found)
}
