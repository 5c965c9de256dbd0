import { aiClients } from './dialect-clients-ai.ts'
import { googleClient, langchainClients, ollamaClient } from './dialect-clients-others.ts'
import { anthropicClient, openaiClients } from './dialect-clients-makers.ts'
import type { DialectClient } from './dialect-turns.ts'

/** Every way in which an application talks to the gateway by an official SDK. */
export function dialectClientsAt(url: string): readonly DialectClient[] {
  return [
    ...openaiClients(url),
    anthropicClient(url),
    googleClient(url),
    ...aiClients(url),
    ...langchainClients(url),
    ollamaClient(url),
  ]
}

/** The names of {@link dialectClientsAt}, for tables that are made before there is an address. */
export const dialectClientNames: readonly string[] = dialectClientsAt('http://127.0.0.1').map(({ name }) => name)

export function dialectClientAt(name: string, url: string): DialectClient {
  const client = dialectClientsAt(url).find((candidate) => candidate.name === name)
  if (client === undefined) throw new Error(`Cannot find the client "${name}"`)
  return client
}
