import type { HeaderPair } from '#kit/header-list.ts'

/** A request as Signature Version 4 sees it. */
export interface AwsRequest {
  readonly method: string
  /** As on the wire, percent-encoding included. */
  readonly path: string
  /** As on the wire, without its `?`. */
  readonly query: string
  /** Exactly those that are signed, `host` and `x-amz-date` among them; names in any case. */
  readonly headers: readonly HeaderPair[]
  /** {@link sha256} of the body. */
  readonly bodyHash: string
}

/** Where and when a signature is good. */
export interface AwsScope {
  /** `20150830T123600Z` */
  readonly stamp: string
  readonly region: string
  readonly service: string
}

/**
 * The value of `authorization` for a request by AWS Signature Version 4. Pure. Not for S3, the one service whose paths
 * are signed in another way.
 */
export function signAws(request: AwsRequest, scope: AwsScope, accessKeyId: string, signingKey: Uint8Array): string {
  const headers = canonicalHeaders(request.headers)
  const names = headers.map(([name]) => name).join(';')
  const terms = scopeText(scope)
  const toSign = `AWS4-HMAC-SHA256\n${scope.stamp}\n${terms}\n${sha256([canonicalRequest(request)])}`
  const signature = new Bun.CryptoHasher('sha256', signingKey).update(toSign).digest('hex')
  return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${terms}, SignedHeaders=${names}, Signature=${signature}`
}

/** The key of one day, region and service. */
export function signingKeyOf(secretAccessKey: string, { stamp, region, service }: AwsScope): Uint8Array {
  const day = hmac(`AWS4${secretAccessKey}`, stamp.slice(0, 8))
  return hmac(hmac(hmac(day, region), service), 'aws4_request')
}

/** Milliseconds since 1970 → `20150830T123600Z`. */
export function awsStamp(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}

/** SHA-256 of the pieces one behind the other, in hexadecimal. */
export function sha256(pieces: readonly (Uint8Array | string)[]): string {
  const hash = new Bun.CryptoHasher('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** What is hashed and signed. */
export function canonicalRequest({ method, path, query, headers, bodyHash }: AwsRequest): string {
  const lines = canonicalHeaders(headers)
  return [
    method,
    canonicalPath(path),
    canonicalQuery(query),
    ...lines.map(([name, value]) => `${name}:${value}`),
    '',
    lines.map(([name]) => name).join(';'),
    bodyHash,
  ].join('\n')
}

/** Dot segments and empty ones resolved, then each segment encoded as it stands, so that `%` becomes `%25`. */
export function canonicalPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(encode(segment))
  }
  return kept.length === 0 ? '/' : `/${kept.join('/')}${path.endsWith('/') ? '/' : ''}`
}

/** Each name and value encoded in one way only; sorted by name, then by value. */
export function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '')
  return pairs
    .map((pair) => {
      const equals = pair.indexOf('=')
      const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
      return { name: encode(decode(name)), value: encode(decode(value)) }
    })
    .toSorted((a, b) => byCode(a.name, b.name) || byCode(a.value, b.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join('&')
}

/** Sorted by name; several of one name are one, in their order; runs of blanks are one blank. */
function canonicalHeaders(headers: readonly HeaderPair[]): readonly HeaderPair[] {
  const byName = new Map<string, string>()
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    const text = value.replaceAll(/[ \t]+/g, ' ').replaceAll(/^ | $/g, '')
    const before = byName.get(key)
    byName.set(key, before === undefined ? text : `${before},${text}`)
  }
  return [...byName].toSorted(([a], [b]) => byCode(a, b))
}

function scopeText({ stamp, region, service }: AwsScope): string {
  return `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`
}

function hmac(key: string | Uint8Array, text: string): Uint8Array {
  return new Bun.CryptoHasher('sha256', key).update(text).digest()
}

/** RFC 3986, which leaves fewer characters alone than `encodeURIComponent` does. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Bad percent-encoding stands for itself.
    return text
  }
}

/** By code points, as the signature wants it, whatever the language of the machine. Both are ASCII here. */
function byCode(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
