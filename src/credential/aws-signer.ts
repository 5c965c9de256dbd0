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

  prove({ method, url, headers, body }: Signable): Proof | CredentialFailure {
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
    const request = { method, path: url.pathname, query: url.search.slice(1), headers: signed, bodyHash }
    added.push(['authorization', signAws(request, scope, accessKeyId, this.#keyFor(scope))])
    return { kind: 'proof', headers: added, isReused: false }
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

/** Headers of its own service, and the type; others may be changed by what stands between. */
function isSigned(name: string): boolean {
  return name === 'content-type' || (name.startsWith('x-amz') && !ours.has(name))
}

const ours: ReadonlySet<string> = new Set(['x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'])

function hostOf(headers: readonly HeaderPair[], url: URL): string {
  return headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? url.host
}
