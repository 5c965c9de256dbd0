import { rawRequest, type ClientAnswer } from './raw-client.ts'

/** Asks a gateway for a chat answer, as curl would: nothing but the headers that are given. */
export async function askChat(
  address: string,
  model: string,
  extra: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<ClientAnswer> {
  return await rawRequest(address, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...extra }),
  })
}
