import type { CredentialSet } from '#core/credential.ts'
import type { Secret } from '#core/secret.ts'
import type { Link } from '#ports/transport.ts'

/** A credential as the operator wrote it, compiled. */
export interface CredentialSpec {
  /** Identity of what traffic teaches about it: backend, name and a digest of all that it is made of. */
  readonly id: string
  readonly backend: string
  readonly name: string
  readonly weight: number
  /** Scheme, host and port of the only place that it may be sent to. */
  readonly origin: string
  readonly material: Material
  /** What answers must not repeat; short values are left out, since they would be found in any text. */
  readonly hidden: readonly Secret[]
}

/** A backend's credentials, with all that is needed to use them. */
export interface CompiledCredentials extends CredentialSet {
  readonly specs: readonly CredentialSpec[]
}

/** What a credential proves itself with. Every value that must not be seen is a Secret. */
export type Material = KeyMaterial | FileMaterial | JwtMaterial | OauthMaterial | GoogleMaterial | AwsMaterial

export interface KeyMaterial {
  readonly kind: 'key'
  readonly key: Secret
}

export interface FileMaterial {
  readonly kind: 'file'
  readonly path: string
  /** What stood there when the configuration was read. */
  readonly key: Secret
}

export interface JwtMaterial {
  readonly kind: 'jwt'
  readonly secret: Secret
  /** The payload as JSON, without the claims that tell time. */
  readonly payload: Secret
  /** Milliseconds between `iat` and `exp`, neither of which is there when it is 0. */
  readonly ttlMs: number
  /** How long a token is used. */
  readonly cacheMs: number
  /** How long before its end a new one is made. */
  readonly marginMs: number
}

export interface OauthMaterial {
  readonly kind: 'oauth2'
  readonly tokenUrl: URL
  readonly link: Link
  readonly clientId: string
  readonly clientSecret: Secret
  /** Of a person, for whom the token is to be then; undefined: it is the client's own. */
  readonly refreshToken?: Secret | undefined
  /** Where id and secret stand: in the header, or among the parameters. */
  readonly style: 'basic' | 'body'
  /** Sent only where it is not empty. */
  readonly scope: string
  readonly audience: string
  readonly marginMs: number
}

export interface GoogleMaterial {
  readonly kind: 'google'
  readonly tokenUrl: URL
  readonly link: Link
  readonly email: string
  readonly keyId: string | undefined
  /** PEM, PKCS #8. */
  readonly privateKey: Secret
  readonly scope: string
  readonly marginMs: number
}

export interface AwsMaterial {
  readonly kind: 'aws'
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
  readonly sessionToken: Secret | undefined
  readonly region: string
  readonly service: string
}
