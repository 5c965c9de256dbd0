/** What a public key can check signatures of. */
export type KeyKind = 'RSA' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519'

/** The kind of a public key in PEM (RFC 7468 §13), or what is wrong with the text. Nothing here needs a crypto library. */
export function readPublicKey(pem: string): { readonly kind: KeyKind } | { readonly fault: string } {
  const fault = faultOf(pem)
  if (fault !== undefined) return { fault }
  const head = derOf(pem).subarray(0, headBytes).toString('hex')
  const kind = kinds.find(([identifier]) => head.includes(identifier))?.[1]
  return kind === undefined ? { fault: 'it is a key of a kind that is not known here' } : { kind }
}

function faultOf(pem: string): string | undefined {
  const [, label = ''] = pemForm.exec(pem) ?? []
  if (label.includes('PRIVATE KEY')) return 'it is a private key, which only who signs may have: write its public key'
  if (label === 'CERTIFICATE') return 'it is a certificate: write its key, as `openssl x509 -pubkey -noout` prints it'
  if (label !== 'PUBLIC KEY') return 'expected a PEM that begins with "-----BEGIN PUBLIC KEY-----"'
  return isWholeSequence(derOf(pem)) ? undefined : 'it is cut off or damaged: copy it anew'
}

const pemForm = /-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/

function derOf(pem: string): Buffer {
  return Buffer.from(pemForm.exec(pem)?.[2] ?? '', 'base64')
}

/** The algorithm and its curve stand at the beginning. */
const headBytes = 40

/** Object identifiers (DER, with tag and length), the more special ones first. */
const kinds: readonly (readonly [identifier: string, kind: KeyKind])[] = [
  ['06092a864886f70d010101', 'RSA'],
  ['06082a8648ce3d030107', 'P-256'],
  ['06052b81040022', 'P-384'],
  ['06052b81040023', 'P-521'],
  ['06032b6570', 'Ed25519'],
]

/** Is all of it one sequence, as long as it says? */
function isWholeSequence(der: Buffer): boolean {
  const [tag, first = 0] = der
  if (tag !== 0x30) return false
  if (first < 0x80) return der.length === 2 + first
  const count = first - 0x80
  if (count < 1 || count > 3 || der.length < 2 + count) return false
  return der.length === 2 + count + der.readUIntBE(2, count)
}
