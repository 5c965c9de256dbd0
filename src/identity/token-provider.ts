import type { Access, CallerLimits } from '#core/caller.ts'
import type { Secret } from '#core/secret.ts'
import type { Link } from '#ports/transport.ts'
import type { TokenAlgorithm } from './auth-schema.ts'

/** Somebody who signs tokens, and what we believe of them. */
export interface TokenProvider {
  /** Changes with all that it is made of; what was learned of another one says nothing about it. */
  readonly id: string
  /** Where it stands in the file, for the log: `auth.providers[1]`. */
  readonly name: string
  readonly proof: TokenProof
  /** The only ones that are accepted. */
  readonly algorithms: readonly TokenAlgorithm[]
  /** Undefined: whoever says it. */
  readonly issuers: readonly string[] | undefined
  /** Undefined: for whomever it is meant. */
  readonly audiences: readonly string[] | undefined
  /** From its making to its end. */
  readonly lifeMsMax: number
  readonly toleranceMs: number
  readonly userClaim: string
  readonly userPrefix: string
  readonly permissionsClaim: string | undefined
  readonly modelsClaim: string | undefined
  /** What each of its tokens may be used for at most. */
  readonly access: Access | undefined
  readonly limits: CallerLimits | undefined
}

/** What signatures are checked with. */
export type TokenProof =
  | { readonly kind: 'secret'; readonly secret: Secret }
  | { readonly kind: 'public_key'; readonly pem: string }
  | {
      readonly kind: 'jwks'
      readonly url: URL
      readonly link: Link
      /** From this age on keys are asked for anew. */
      readonly refreshMs: number
      /** Older ones are not used. */
      readonly staleMsMax: number
    }
