import type { X509Certificate } from 'node:crypto'

/** What a server showed of itself when the connection was encrypted. */
export interface Shown {
  /** `TLS 1.3`; empty where it cannot be told. */
  readonly protocol: string
  readonly certificate: CertificateFacts | undefined
}

export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** The names that it is for. */
  readonly names: string
  readonly fromMs: number
  readonly untilMs: number
}

/** What a connected socket knows of the other side. Sockets behind an encrypted proxy know nothing. */
export function shownOn(socket: object): Shown {
  if (!isEncrypted(socket)) return { protocol: '', certificate: undefined }
  const protocol = String(socket.getTLSVersion()).replace('TLSv', 'TLS ')
  const certificate = socket.getPeerX509Certificate()
  return { protocol, certificate: certificate === undefined ? undefined : factsOf(certificate) }
}

/** The platform's sockets know more than what the rest of the program wants of a socket. */
interface EncryptedSocket {
  getTLSVersion(): unknown
  getPeerX509Certificate(): X509Certificate | undefined
}

function isEncrypted(socket: object): socket is EncryptedSocket {
  return 'getTLSVersion' in socket && 'getPeerX509Certificate' in socket
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: nameIn(certificate.subject, ['CN', 'O']),
    issuer: nameIn(certificate.issuer, ['O', 'CN']),
    names: (certificate.subjectAltName ?? '').replaceAll(/\b(?:DNS|IP Address):/g, '').slice(0, namesLengthMax),
    fromMs: Date.parse(certificate.validFrom),
    untilMs: Date.parse(certificate.validTo),
  }
}

/** Limit: characters that are shown of the names in a certificate. */
const namesLengthMax = 120

/** The first of these fields that a distinguished name has. */
function nameIn(distinguishedName: string, fields: readonly string[]): string {
  const values = new Map(distinguishedName.split('\n').map((line) => [line.split('=')[0], line.replace(/^[^=]*=/, '')]))
  const found = fields.map((field) => values.get(field)).find((value) => value !== undefined)
  return (found ?? 'nobody').slice(0, namesLengthMax)
}
