import type { CredentialFailure } from '#core/credential.ts'
import { asObject, parseJson } from '#kit/json-value.ts'
import type { Clock } from '#ports/clock.ts'
import { signHs256, signRs256 } from './sign-token.ts'
import type { GoogleMaterial, JwtMaterial, OauthMaterial } from './spec.ts'
import type { Token, TokenSource } from './token-keeper.ts'
import { requestToken, type TokenRequestPorts } from './token-request.ts'

/** A token that is made here, by the secret that both sides know. */
export function jwtSource({ secret, payload, ttlMs, cacheMs, marginMs }: JwtMaterial, clock: Clock): TokenSource {
  return {
    how: 'minted',
    // Without claims that tell time, each token is like the one before.
    varies: ttlMs > 0,
    marginMs,
    async obtain() {
      const claims = asObject(parseJson(payload.reveal()))
      const iat = Math.floor(clock.wallMs() / 1000)
      const timed = ttlMs === 0 ? claims : { ...claims, iat, exp: iat + Math.floor(ttlMs / 1000) }
      try {
        const value = await signHs256(timed ?? {}, secret.reveal())
        return { kind: 'token', value, lifeMs: ttlMs === 0 ? cacheMs : Math.min(cacheMs, ttlMs) } satisfies Token
      } catch {
        return cannotSign
      }
    },
  }
}

/**
 * A token that is fetched for a client with a secret (RFC 6749 §4.4), as Azure AD has them, or for a person who allowed it
 * once (§6).
 */
export function oauthSource(material: OauthMaterial, ports: TokenRequestPorts): TokenSource {
  const { tokenUrl: url, link, clientId, clientSecret, refreshToken, style, scope, audience, marginMs } = material
  return {
    how: 'fetched',
    varies: true,
    marginMs,
    async obtain() {
      const form = {
        ...(refreshToken === undefined
          ? { grant_type: 'client_credentials' }
          : { grant_type: 'refresh_token', refresh_token: refreshToken.reveal() }),
        ...(scope !== '' && { scope }),
        ...(audience !== '' && { audience }),
      }
      const secret = clientSecret.reveal()
      if (style === 'basic') {
        return await requestToken(ports, { url, link, form, authorization: basicOf(clientId, secret) })
      }
      return await requestToken(ports, { url, link, form: { ...form, client_id: clientId, client_secret: secret } })
    },
  }
}

/** A token that is fetched for a service account of Google, by an assertion signed with its key (RFC 7523). */
export function googleSource(material: GoogleMaterial, ports: TokenRequestPorts): TokenSource {
  const { tokenUrl: url, link, email, keyId, privateKey, scope, marginMs } = material
  return {
    how: 'fetched',
    varies: true,
    marginMs,
    async obtain() {
      const iat = Math.floor(ports.clock.wallMs() / 1000)
      const claims = { iss: email, scope, aud: url.href, iat, exp: iat + assertionSeconds }
      try {
        const assertion = await signRs256(claims, privateKey.reveal(), keyId)
        return await requestToken(ports, { url, link, form: { grant_type: byAssertion, assertion } })
      } catch {
        return cannotSign
      }
    },
  }
}

/** Google takes no longer ones. */
const assertionSeconds = 3600
const byAssertion = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** RFC 6749 §2.3.1: both are encoded as in a form before they are joined. */
function basicOf(clientId: string, clientSecret: string): string {
  const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function formEncoded(text: string): string {
  return new URLSearchParams({ text }).toString().slice('text='.length)
}

/** What the library says could hold the key. */
const cannotSign: CredentialFailure = {
  kind: 'credential_failure',
  reason: 'cannot_sign',
  message: 'its token cannot be signed with its key',
}
