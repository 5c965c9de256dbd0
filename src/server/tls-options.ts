import type { TLSOptions } from 'bun'
import type { ListenTls } from '#snapshot/listen-tls.ts'

/** What the platform takes: an entry for each name, the first one for all that ask for none of them. */
export function platformTls({ certificates, clientCa, minVersion }: ListenTls): TLSOptions[] {
  const common = {
    minVersion: minVersion === '1.3' ? 0x0304 : 0x0303,
    // Those of TLS 1.2 that keep former traffic secret when the key is lost, and none with CBC and SHA-1.
    ciphers,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  }
  return certificates.flatMap(({ cert, key, names }, index) => {
    const entry = { ...common, cert, key: key.reveal() }
    const named = names.map((serverName) => ({ ...entry, serverName }))
    return index === 0 ? [entry, ...named] : named
  })
}

const ciphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')
