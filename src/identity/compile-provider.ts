import type { Access, CallerLimits } from '#core/caller.ts'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import type { Link } from '#ports/transport.ts'
import type { ProviderSettings, TokenAlgorithm } from './auth-schema.ts'
import { digestOf } from './key-ring.ts'
import { readPublicKey, type KeyKind } from './public-key.ts'
import type { TokenProof, TokenProvider } from './token-provider.ts'

export interface ProviderContext {
  readonly path: CompileProblem['path']
  readonly access: Access | undefined
  readonly limits: CallerLimits | undefined
  readonly linkTo: (url: URL) => Link
}

interface CompiledProvider {
  /** Undefined when it cannot be used. */
  readonly provider: TokenProvider | undefined
  readonly problems: readonly CompileProblem[]
}

/** A provider of `type: jwt`: whose tokens are accepted, and what they say. */
export function compileProvider(settings: ProviderSettings, context: ProviderContext): CompiledProvider {
  const problems: CompileProblem[] = []
  const tell = (severity: CompileProblem['severity'], key: string | undefined, message: string): void => {
    problems.push({ severity, path: key === undefined ? context.path : [...context.path, key], message })
  }
  const found = proofOf(settings, context, tell)
  if (found === undefined) return { provider: undefined, problems }
  const { proof, fitting, usual } = found
  const strange = settings.algorithms?.find((algorithm) => !fitting.includes(algorithm))
  if (strange !== undefined) {
    tell('error', 'algorithms', `"${strange}" is not for this kind of key: take of ${fitting.join(', ')}`)
    return { provider: undefined, problems }
  }
  const { issuer, audience } = settings
  if (audience === undefined && proof.kind === 'jwks') {
    tell('warning', undefined, 'it takes tokens that were made for any other program: set its "audience"')
  }
  const { path } = context
  return {
    provider: {
      id: digestOf(JSON.stringify(settings)).toHex(),
      name: `${path.slice(0, -1).join('.')}[${path.at(-1)}]`,
      proof,
      algorithms: settings.algorithms ?? usual,
      issuers: listOf(issuer),
      audiences: listOf(audience),
      lifeMsMax: settings.expiration,
      toleranceMs: settings.clock_tolerance,
      userClaim: settings.user_claim,
      userPrefix: settings.user_prefix,
      permissionsClaim: settings.permissions_claim,
      modelsClaim: settings.models_claim,
      access: context.access,
      limits: context.limits,
    },
    problems,
  }
}

interface FoundProof {
  readonly proof: TokenProof
  /** Algorithms that it could be used with. */
  readonly fitting: readonly TokenAlgorithm[]
  /** Those that are accepted where none is written. */
  readonly usual: readonly TokenAlgorithm[]
}

type Tell = (severity: CompileProblem['severity'], key: string | undefined, message: string) => void

function proofOf(settings: ProviderSettings, { linkTo }: ProviderContext, tell: Tell): FoundProof | undefined {
  const { secret, public_key: pem, jwks_url: address } = settings
  const given = [secret, pem, address].filter((value) => value !== undefined).length
  if (given !== 1) {
    const message =
      given === 0
        ? 'nothing says how its tokens are checked: give it "secret", "public_key" or "jwks_url"'
        : 'of "secret", "public_key" and "jwks_url" it may have one only: whose token it is must not be a guess'
    tell('error', undefined, message)
    return undefined
  }
  if (secret !== undefined) return ofSecret(secret, tell)
  if (pem !== undefined) return ofPublicKey(pem, tell)
  const url = new URL(address ?? '')
  if (url.protocol === 'http:' && !isThisMachine(url)) {
    tell('warning', 'jwks_url', 'whoever is between can put in keys of their own: use https://')
  }
  const { jwks_refresh: refreshMs, jwks_max_stale: written } = settings
  return {
    proof: { kind: 'jwks', url, link: linkTo(url), refreshMs, staleMsMax: Math.max(refreshMs, written) },
    fitting: [...rsa, ...elliptic],
    usual: ['RS256', 'ES256', 'EdDSA'],
  }
}

function ofSecret(secret: string, tell: Tell): FoundProof | undefined {
  if (secret.includes('-----BEGIN ')) {
    tell('error', 'secret', 'it is a key pair\'s, which everybody may know: write it as "public_key"')
    return undefined
  }
  if (Buffer.byteLength(secret) < secretBytesMin) {
    tell('warning', 'secret', `is shorter than ${secretBytesMin} bytes, and can be guessed from any token`)
  }
  return {
    proof: { kind: 'secret', secret: new Secret(secret) },
    fitting: ['HS256', 'HS384', 'HS512'],
    usual: ['HS256'],
  }
}

/** RFC 7518 §3.2. */
const secretBytesMin = 32

function ofPublicKey(pem: string, tell: Tell): FoundProof | undefined {
  const found = readPublicKey(pem)
  if ('fault' in found) {
    tell('error', 'public_key', found.fault)
    return undefined
  }
  const usual = usualByKind[found.kind]
  return { proof: { kind: 'public_key', pem }, fitting: found.kind === 'RSA' ? rsa : [usual], usual: [usual] }
}

const usualByKind: Readonly<Record<KeyKind, TokenAlgorithm>> = {
  RSA: 'RS256',
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}

const rsa: readonly TokenAlgorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const elliptic: readonly TokenAlgorithm[] = ['ES256', 'ES384', 'ES512', 'EdDSA']

function listOf(written: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof written === 'string' ? [written] : written
}

function isThisMachine({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
