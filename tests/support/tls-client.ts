import { connect, type ConnectionOptions } from 'node:tls'

/** What came of one connection with TLS and one request on it. */
export interface TlsAnswer {
  /** The name in the certificate that was shown, its issuer's behind it; empty where none was. */
  readonly shown: string
  readonly version: string
  readonly cipher: string
  /** First line and all that follows; empty where no answer came. */
  readonly text: string
  /** How the connection failed, if it did. */
  readonly error: string | undefined
}

/** Asks once over a connection of its own. Trusts whoever is there: the tests look at the certificate themselves. */
export async function askTls(
  url: string,
  { request = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', ...options }: TlsAsk = {},
): Promise<TlsAnswer> {
  const { hostname, port } = new URL(url)
  return await new Promise((resolve) => {
    const seen = { shown: '', version: '', cipher: '', text: '', error: undefined as string | undefined }
    const socket = connect(
      { host: hostname, port: Number(port), servername: 'localhost', rejectUnauthorized: false, ...options },
      () => {
        const { subject, issuer } = socket.getPeerCertificate()
        seen.shown = `${String(subject.CN)} by ${String(issuer.CN)}`
        seen.version = socket.getProtocol() ?? ''
        seen.cipher = socket.getCipher().name
        socket.write(request)
      },
    )
    socket.setTimeout(10_000, () => socket.destroy(new Error('nothing came for 10 s')))
    socket.on('data', (bytes: Buffer) => (seen.text += bytes.toString('latin1')))
    socket.on('error', (error: Error) => (seen.error = 'code' in error ? String(error.code) : error.message))
    socket.on('close', () => resolve(seen))
  })
}

export interface TlsAsk extends ConnectionOptions {
  readonly request?: string
}
