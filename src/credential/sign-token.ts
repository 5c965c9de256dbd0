import { encode } from '#kit/bytes.ts'

/** A claim's value in a token. */
export type Claims = Readonly<Record<string, unknown>>

/** A token with the claims in this very order, signed by HMAC with SHA-256. No length of the secret is asked for. */
export async function signHs256(claims: Claims, secret: string): Promise<string> {
  const { SignJWT } = await import('jose')
  return await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(encode(secret))
}

/** A token signed by RSA with SHA-256; `pem` is a private key (PKCS #8). Rejects when it is none. */
export async function signRs256(claims: Claims, pem: string, keyId: string | undefined): Promise<string> {
  const { importPKCS8, SignJWT } = await import('jose')
  const key = await importPKCS8(pem, 'RS256')
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) }
  return await new SignJWT(claims).setProtectedHeader(header).sign(key)
}
