import type { Snapshot } from '#snapshot/snapshot.ts'

/** The key of the example configuration: no secret, so it may stand in a command to paste. */
const exampleKey = 'sk-your-unified-api-key'

/** A curl command that works as it is, for the first alias; the operator's own key is never printed. */
export function firstRequest(snapshot: Snapshot, address: string, firstAlias: string): string {
  const key =
    snapshot.secrets.find((secret) => secret.reveal() === exampleKey) === undefined
      ? '<your proxy_api_key>'
      : exampleKey
  const body = JSON.stringify({ model: firstAlias, messages: [{ role: 'user', content: 'Hello' }], stream: true })
  return [
    `curl ${address.startsWith('unix:') ? `--unix-socket ${address.slice('unix:'.length)} http://localhost` : address}/v1/chat/completions`,
    ...(snapshot.keys.isOpen ? [] : [`-H "Authorization: Bearer ${key}"`]),
    '-H "Content-Type: application/json"',
    `-d '${body.replaceAll("'", String.raw`'\''`)}'`,
  ].join(' \\\n  ')
}
