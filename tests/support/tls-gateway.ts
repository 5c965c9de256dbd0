import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { authority, forLocalhost, type KeyPair } from './certificates.ts'
import { startGateway, type GatewayOptions, type RunningGateway } from './gateway.ts'
import { openaiAt } from './sdk.ts'

export const clientKey = 'sk-client-key-0001'

/** A configuration with the alias `m`, answered by the mock backend, and with more backends and models if they are given. */
export function tlsBase(backend = '', model = ''): string {
  return `proxy_api_key: ${clientKey}
backends:
  - { name: mock, url: "mock://demo" }
${backend}
models:
  m: { routes: [{ backend: mock, model: x }] }
${model}
`
}

/** Files of a gateway: these certificates and the authority of the tests. */
export const filesOf = (pair: KeyPair, others: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'cert.pem': pair.cert,
  'key.pem': pair.key,
  'ca.pem': authority,
  ...others,
})

export async function startTls(base: string, tls: string, options: GatewayOptions = {}): Promise<RunningGateway> {
  return await startGateway(`${base}${tls}\n`, { files: filesOf(forLocalhost), ...options })
}

export function renew({ directory }: RunningGateway, pair: KeyPair): void {
  writeFileSync(join(directory, 'key.pem'), pair.key)
  writeFileSync(join(directory, 'cert.pem'), pair.cert)
}

export const plainTls = 'tls: { cert: ./cert.pem, key: ./key.pem }'

/** What is shown of `forLocalhost`, and of a certificate that signed itself. */
export const first = 'localhost by test authority'
export const second = 'localhost by localhost'

/** An official client that trusts the authority of the tests. */
export function sdkOver(gateway: RunningGateway, ca = authority): ReturnType<typeof openaiAt> {
  const url = gateway.url.replace('127.0.0.1', 'localhost')
  return openaiAt({
    url,
    apiKey: clientKey,
    fetch: async (input, init) => await fetch(input, { ...init, tls: { ca } }),
  })
}
