import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { RunningGateway } from './gateway.ts'
import { chatRequest, rawRequest, type ClientAnswer } from './raw-client.ts'
import { plainAnswer } from './raw-origin.ts'
import { selfSigned } from './tls.ts'

/** What `transport` of a backend may be. */
export const transports = ['own', 'fetch'] as const

/** A whole answer to a chat request. */
export const good = plainAnswer('{"choices":[{"message":{"content":"hello"}}]}', ['Content-Type: application/json'])

/** A configuration with one alias for each backend, of its name. */
export function configOf(backends: Readonly<Record<string, string>>, more = ''): string {
  const names = Object.keys(backends)
  return `
${more}
fallback: { cooldown_seconds: 0 }
backends:
${names.map((name) => `  - { name: ${name}, ${backends[name]} }`).join('\n')}
models:
${names.map((name) => `  ${name}: { routes: [{ backend: ${name}, model: m }] }`).join('\n')}
`
}

/** One request to an alias. */
export async function ask(gateway: RunningGateway, model = 'm'): Promise<ClientAnswer> {
  return await rawRequest(gateway.url, chatRequest(model, { stream: false }))
}

/** An HTTPS upstream and what it saw of its clients. */
export interface TlsOrigin extends AsyncDisposable {
  readonly url: string
  readonly names: string[]
  readonly versions: string[]
}

/** Starts one on a free port of loopback; what it says is always the same good answer. */
export async function tlsOrigin(options: TlsOptions = {}): Promise<TlsOrigin> {
  const names: string[] = []
  const versions: string[] = []
  const server = createTlsServer({ ...selfSigned, ALPNProtocols: ['http/1.1'], ...options }, (socket) => {
    names.push(String(socket.servername))
    versions.push(String(socket.getProtocol()))
    socket.on('error', () => socket.destroy())
    socket.on('data', () => void socket.write(good))
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('Cannot tell the port: the server has none')
  return {
    url: `https://127.0.0.1:${address.port}/v1`,
    names,
    versions,
    async [Symbol.asyncDispose]() {
      server.close()
      await Promise.resolve()
    },
  }
}
