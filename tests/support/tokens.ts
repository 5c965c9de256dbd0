import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose'
import * as v from 'valibot'
import type { CompileProblem } from '#core/problem.ts'
import { AuthSchema } from '#identity/auth-schema.ts'
import { compileIdentity } from '#identity/compile.ts'
import type { KeyRing } from '#identity/key-ring.ts'
import { linkWith } from './outgoing.ts'

/** The ring of an `auth` section, which must have no errors. */
export function ringOf(auth: v.InferInput<typeof AuthSchema>): KeyRing {
  const { ring, problems } = identityOf(auth)
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(JSON.stringify(errors))
  return ring
}

export function identityOf(auth: v.InferInput<typeof AuthSchema>): {
  readonly ring: KeyRing
  readonly problems: readonly CompileProblem[]
} {
  return compileIdentity({
    auth: v.parse(AuthSchema, auth),
    commonKey: '',
    standIn: 'stand-in',
    linkTo: () => linkWith(),
  })
}

/** Somebody who signs tokens. */
export interface Signer {
  readonly algorithm: string
  readonly pem: string
  /** Its public key as a set of keys has it. */
  readonly jwk: JWK
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>
}

export async function signerWith(algorithm: string, kid = 'k1'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  return {
    algorithm,
    pem: await exportSPKI(publicKey),
    jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' },
    sign: async (claims, header = {}) =>
      await new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid, ...header }).sign(privateKey),
  }
}

/** A token of a secret, whatever its claims. */
export async function hs256(
  secret: string,
  claims: JWTPayload,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...header })
    .sign(new TextEncoder().encode(secret))
}

/** A token with these very parts; the signature is not of them. */
export function forged(header: object, claims: object, signature = 'c2lnbmF0dXJl'): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.${signature}`
}
