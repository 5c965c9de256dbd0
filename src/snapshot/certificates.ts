import type * as Crypto from 'node:crypto'

/** What a backend's `tls` section holds, in PEM. */
export interface TlsTexts {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface TlsFault {
  readonly key: 'ca' | 'cert' | 'key'
  readonly message: string
}

/** What would make each connection fail: certificates that cannot be read, a key without its certificate or of another. */
export function findTlsFaults(
  { ca, cert, key }: TlsTexts,
  whose = "that of this backend's client",
): readonly TlsFault[] {
  const faults: TlsFault[] = []
  const certificates = { ca: ca === undefined ? [] : pemBlocks(ca), cert: cert === undefined ? [] : pemBlocks(cert) }
  for (const place of ['ca', 'cert'] as const) {
    const broken = certificates[place].findIndex((block) => readCertificate(block) === undefined)
    if (broken === -1) continue
    const which = certificates[place].length === 1 ? 'the certificate' : `certificate ${broken + 1} of this text`
    faults.push({ key: place, message: `${which} cannot be read, is it whole?` })
  }
  if (cert !== undefined && key === undefined) faults.push({ key: 'cert', message: 'needs its private key in "key"' })
  if (key === undefined) return faults
  if (cert === undefined) return [...faults, { key: 'key', message: 'needs its certificate in "cert"' }]
  const privateKey = readKey(key)
  const [first = ''] = certificates.cert
  const certificate = readCertificate(first)
  if (typeof privateKey === 'string') faults.push({ key: 'key', message: privateKey })
  else if (certificate !== undefined && !certificate.checkPrivateKey(privateKey)) {
    const message = `does not belong to the first certificate in "cert", which must be ${whose}`
    faults.push({ key: 'key', message })
  }
  return faults
}

/** The certificates of a text, one by one; what stands between them is commentary. */
function pemBlocks(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
}

function readCertificate(block: string): Crypto.X509Certificate | undefined {
  try {
    const { X509Certificate } = nodeCrypto()
    return new X509Certificate(block)
  } catch {
    return undefined
  }
}

/** The key, or why it is none. */
function readKey(text: string): Crypto.KeyObject | string {
  try {
    return nodeCrypto().createPrivateKey(text)
  } catch (error) {
    const isLocked = error instanceof Error && 'code' in error && error.code === 'ERR_MISSING_PASSPHRASE'
    return isLocked ? 'is locked by a passphrase, store it without one' : 'the private key cannot be read, is it whole?'
  }
}

/** Few backends have certificates of their own, and loading takes time that a start does not have. */
function nodeCrypto(): typeof Crypto {
  return process.getBuiltinModule('node:crypto')
}
