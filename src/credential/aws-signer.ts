import type { CredentialFailure, Proof, Signable } from '#core/credential.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import type { Clock } from '#ports/clock.ts'
import type { Prover } from './prover.ts'
import { awsStamp, sha256, signAws, signingKeyOf, type AwsScope } from './sigv4.ts'
import type { AwsMaterial } from './spec.ts'

/** Proves each request by a signature of its own (AWS Signature Version 4). */
export class AwsSigner implements Prover {
  readonly #material: AwsMaterial
  readonly #clock: Clock
  /** Of one day, since making it costs as much as the rest. */
  #key: { readonly day: string; readonly bytes: Uint8Array } | undefined

  constructor(material: AwsMaterial, clock: Clock) {
    this.#material = material
    this.#clock = clock
  }

  prove({ method, url, headers, body, isUnread }: Signable): Proof | CredentialFailure {
    if (isUnread === true) return unread
    const { accessKeyId, sessionToken, region, service } = this.#material
    const scope: AwsScope = { stamp: awsStamp(this.#clock.wallMs()), region, service }
    const bodyHash = sha256(body ?? [])
    const added: HeaderPair[] = [
      ['x-amz-date', scope.stamp],
      ['x-amz-content-sha256', bodyHash],
    ]
    if (sessionToken !== undefined) added.push(['x-amz-security-token', sessionToken.reveal()])
    const signed: HeaderPair[] = [...added, ['host', hostOf(headers, url)]]
    for (const pair of headers) if (isSigned(pair[0].toLowerCase())) signed.push(pair)
    if (signed.some(([, value]) => !plainText.test(value))) return unsignable
    const cleaned = withoutForeignSignature(url)
    const request = { method, path: url.pathname, query: cleaned.search.slice(1), headers: signed, bodyHash }
    added.push(['authorization', signAws(request, scope, accessKeyId, this.#keyFor(scope))])
    return { kind: 'proof', headers: added, isReused: false, ...(cleaned !== url && { url: cleaned }) }
  }

  /** The next signature would be by the same key. */
  refused(): boolean {
    return false
  }

  current(): undefined {
    return undefined
  }

  #keyFor(scope: AwsScope): Uint8Array {
    const day = scope.stamp.slice(0, 8)
    if (this.#key?.day !== day) {
      this.#key = { day, bytes: signingKeyOf(this.#material.secretAccessKey.reveal(), scope) }
    }
    return this.#key.bytes
  }
}

/** How other bytes are to be read is written nowhere; a signature of them would be refused, as if the key were wrong. */
const plainText = /^[\t\u0020-\u007e]*$/

const unread: CredentialFailure = {
  kind: 'credential_failure',
  reason: 'unsignable',
  message: 'the request cannot be signed: its body is too large to be read first',
}

const unsignable: CredentialFailure = {
  kind: 'credential_failure',
  reason: 'unsignable',
  message: 'a header of the request that must be signed is not plain ASCII',
}

/** A request with two signatures is refused. */
function withoutForeignSignature(url: URL): URL {
  if (!url.search.toLowerCase().includes('x-amz-') && !url.search.includes('%')) return url
  const pairs = url.search.slice(1).split('&')
  const kept = pairs.filter((pair) => !isOfSignature(pair))
  if (kept.length === pairs.length) return url
  const cleaned = new URL(url)
  cleaned.search = kept.join('&')
  return cleaned
}

function isOfSignature(pair: string): boolean {
  const [name = ''] = new URLSearchParams(pair).keys()
  return name.toLowerCase().startsWith('x-amz-')
}

/** Headers of its own service, and the type; others may be changed by what stands between. */
function isSigned(name: string): boolean {
  return name === 'content-type' || (name.startsWith('x-amz') && !ours.has(name))
}

const ours: ReadonlySet<string> = new Set(['x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'])

function hostOf(headers: readonly HeaderPair[], url: URL): string {
  return headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? url.host
}
