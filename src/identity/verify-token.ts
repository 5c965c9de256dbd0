import { createLocalJWKSet, errors, importSPKI, jwtVerify, type CryptoKey, type JWTVerifyGetKey } from 'jose'
import { encode } from '#kit/bytes.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { TokenProvider } from './token-provider.ts'

/** A token whose signature and claims were found good. */
export interface GoodToken {
  readonly kind: 'good'
  readonly claims: JsonObject
  /** Wall time. */
  readonly endsMs: number
}

/** `no_key`: the key that it says it was signed with is not among those that are known. */
export interface BadToken {
  readonly kind: 'bad'
  readonly why: 'expired' | 'too_early' | 'no_key' | 'invalid'
  /** For the log; holds nothing of the token. */
  readonly reason: string
}

/**
 * Checks signature, algorithm, issuer, audience and times. Which algorithms and keys count says the provider alone:
 * nothing in the token leads to a key or an address. `keySet`: of a provider with `jwks`. Never rejects.
 */
export async function verifyToken(
  token: string,
  provider: TokenProvider,
  keySet: JsonObject | undefined,
  nowWallMs: number,
): Promise<GoodToken | BadToken> {
  const toleranceSeconds = provider.toleranceMs / 1000
  const options = {
    algorithms: [...provider.algorithms],
    currentDate: new Date(nowWallMs),
    clockTolerance: toleranceSeconds,
    requiredClaims: ['exp'],
    ...(provider.issuers !== undefined && { issuer: [...provider.issuers] }),
    ...(provider.audiences !== undefined && { audience: [...provider.audiences] }),
  }
  try {
    const payload = await payloadOf(token, keyFor(provider, keySet), options)
    const { exp = 0, iat } = payload
    const lifeSecondsMax = provider.lifeMsMax / 1000 + toleranceSeconds
    if (exp - (iat ?? 0) > lifeSecondsMax && iat !== undefined) return livesTooLong
    if (exp - nowWallMs / 1000 > lifeSecondsMax) return livesTooLong
    return { kind: 'good', claims: payload, endsMs: exp * 1000 + provider.toleranceMs }
  } catch (error) {
    return badBy(error)
  }
}

const livesTooLong: BadToken = { kind: 'bad', why: 'invalid', reason: 'it is good for longer than "expiration" allows' }

type VerifyOptions = NonNullable<Parameters<typeof jwtVerify>[2]>

async function payloadOf(token: string, getKey: JWTVerifyGetKey, options: VerifyOptions): Promise<JsonObject & Times> {
  try {
    return (await jwtVerify(token, getKey, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    return await payloadByOneOf(error, token, options)
  }
}

interface Times {
  readonly exp?: number
  readonly iat?: number
}

/** The token does not say which of several keys it was signed with. */
async function payloadByOneOf(
  candidates: AsyncIterable<CryptoKey>,
  token: string,
  options: VerifyOptions,
): Promise<JsonObject & Times> {
  let left = candidatesMax
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
    left -= 1
    if (left === 0) break
  }
  throw new errors.JWSSignatureVerificationFailed()
}

/** Limit: keys that are tried for one token. */
const candidatesMax = 16

function keyFor({ proof, id }: TokenProvider, keySet: JsonObject | undefined): JWTVerifyGetKey {
  switch (proof.kind) {
    case 'secret':
      return () => encode(proof.secret.reveal())
    case 'public_key':
      return async ({ alg }) => await importedKey(id, proof.pem, alg)
    case 'jwks':
      return keySet === undefined ? noKey : resolverOf(keySet)
  }
}

function noKey(): never {
  throw new errors.JWKSNoMatchingKey()
}

/** One key is another one for each algorithm. */
async function importedKey(id: string, pem: string, algorithm: string): Promise<CryptoKey> {
  const name = `${id} ${algorithm}`
  const known = imported.get(name)
  if (known !== undefined) return known
  const key = await importSPKI(pem, algorithm)
  // Limit: providers that came and went with reloads.
  if (imported.size >= importedMax) imported.clear()
  imported.set(name, key)
  return key
}

const imported = new Map<string, CryptoKey>()
const importedMax = 200

function resolverOf(keySet: JsonObject): JWTVerifyGetKey {
  let resolver = resolvers.get(keySet)
  // What is no set of keys throws when a token asks for one of them.
  if (resolver === undefined) resolvers.set(keySet, (resolver = createLocalJWKSet({ keys: [], ...keySet })))
  return resolver
}

/** Goes with the set when there is a newer one. */
const resolvers = new WeakMap<JsonObject, JWTVerifyGetKey>()

function badBy(error: unknown): BadToken {
  if (error instanceof errors.JWTExpired) return { kind: 'bad', why: 'expired', reason: 'it has expired' }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error
    if (claim === 'nbf' && reason === 'check_failed')
      return { kind: 'bad', why: 'too_early', reason: 'it is not valid yet' }
    return {
      kind: 'bad',
      why: 'invalid',
      reason: `its claim "${claim}" is ${reason === 'missing' ? 'missing' : 'another'}`,
    }
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSInvalid) {
    return { kind: 'bad', why: 'no_key', reason: 'the key that it names is not among those of "jwks_url"' }
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return { kind: 'bad', why: 'invalid', reason: 'its algorithm is not among "algorithms"' }
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return { kind: 'bad', why: 'invalid', reason: 'its signature is wrong' }
  }
  return { kind: 'bad', why: 'invalid', reason: 'it cannot be read, or its key cannot be used' }
}
