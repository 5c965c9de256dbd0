import type { Protocol } from '#core/dialect.ts'
import { findError } from '#wire/error-in-body.ts'
import type { Reply } from './ask.ts'
import { fail, ok, warn, type Finding } from './finding.ts'
import { hasList, isListed, likeliest, readModelList, whyNotCompared, type ModelList } from './model-list.ts'

/** What is known of a backend whose list was asked for. */
export interface ListFacts {
  readonly protocol: Protocol
  readonly hasKey: boolean
  readonly proof: KeyProof | undefined
  /** Where its requests go, for advice. */
  readonly target: string
  /** Names of models that routes want of it → aliases that want them. */
  readonly wanted: ReadonlyMap<string, readonly string[]>
}

/** Who gets the list: only those with a key, everybody, or nobody knows. */
export type KeyProof = 'guarded' | 'open' | 'none'

/** What the answer to the request for the list of models says about key, address and names. */
export function judgeList(reply: Reply, facts: ListFacts): readonly Finding[] {
  const { status, brokenBy } = reply
  if (!hasList(facts.protocol) && isAnswer(status)) return [ok(`it answers (status ${status}); ${unlisted}`)]
  if (status < 200 || status > 299) return [judgeStatus(reply, facts)]
  if (brokenBy !== undefined) return [warn(`model list: the answer broke off: ${brokenBy}`, 'try again')]
  const list = readModelList(reply.text)
  if (list === undefined) return [judgeNoList(reply, facts)]
  return [judgeKey(list, facts), ...judgeNames(list, facts)]
}

/** Of whoever does not know what was asked for. */
function isAnswer(status: number): boolean {
  return (status >= 200 && status < 300) || status === 400 || status === 404 || status === 405
}

const unlisted = 'it has no list of models there, so key and names show only when it is asked'

function judgeKey({ count }: ModelList, { hasKey, proof }: ListFacts): Finding {
  const models = `${count} ${count === 1 ? 'model' : 'models'}`
  if (!hasKey) return ok(`the model list has ${models}; no key is configured, and none was asked for`)
  if (proof === 'none') return ok(`the model list has ${models}; whether it is for keys only could not be found out`)
  if (proof === 'open')
    return ok(`the model list has ${models}; everybody gets it, so it does not prove that the key is good`)
  return ok(`the key is accepted, the model list has ${models}`)
}

function judgeNames(list: ModelList, { protocol, wanted }: ListFacts): readonly Finding[] {
  if (wanted.size === 0) return [ok('no alias has a route to it')]
  const notCompared = whyNotCompared(protocol)
  if (notCompared !== undefined) return [ok(notCompared)]
  if (list.count === 0 || list.hasMore) return []
  const missing = [...wanted].filter(([model]) => !isListed(model, list, protocol))
  if (missing.length === 0) {
    return [
      ok(
        wanted.size === 1
          ? 'the model of its routes is in the list'
          : `all ${wanted.size} models of its routes are in the list`,
      ),
    ]
  }
  const findings = missing.slice(0, missingShown).map(([model, aliases]) => {
    const near = likeliest(model, list).map((name) => `"${name}"`)
    const meant = near.length === 0 ? 'correct the name' : `did you mean ${near.join(' or ')}? Correct it`
    const places = aliases.map((alias) => `models."${alias}"`)
    return warn(`the model "${model}" is not in the list`, `${meant} in ${places.slice(0, aliasesShown).join(', ')}`)
  })
  const left = missing.length - findings.length
  return left === 0
    ? findings
    : [...findings, warn(`${left} more models are not in the list`, 'correct the names above first')]
}

/** Limit: names that are told one by one, and places of each. */
const missingShown = 10
const aliasesShown = 3

function judgeNoList({ status, headers }: Reply, { target }: ListFacts): Finding {
  const type = headers.get('content-type')?.split(';')[0]?.trim() ?? 'no type'
  if (type.includes('html')) {
    return fail(
      `it answered with a web page instead of a list of models (status ${status})`,
      `correct "url", requests would go to ${target}: most often the path is missing, such as "/v1"`,
    )
  }
  return warn(
    `it answered with status ${status}, but not with a list of models (${type})`,
    `check "url" and "protocol": requests would go to ${target}`,
  )
}

function judgeStatus(reply: Reply, facts: ListFacts): Finding {
  const { status } = reply
  const { hasKey, target } = facts
  const told = `the list of models was answered with status ${status}${wordsOf(reply)}`
  if (status >= 300 && status <= 399) {
    const place = reply.headers.get('location') ?? 'nowhere'
    return fail(
      `${told}, a redirect to ${withoutQuery(place)}`,
      'redirects are not followed: write the final address in "url"',
    )
  }
  if (status === 401 || isBadKey(reply)) {
    if (!hasKey)
      return fail(
        `it wants a key and none is configured (status ${status})`,
        'set "api_key" or "credentials" of this backend',
      )
    return fail(
      `the key is not accepted (status ${status}${wordsOf(reply)})`,
      'check "api_key" or "credentials" for a wrong, old or cut key, and "protocol" or "auth_mode" for the header in which it is sent',
    )
  }
  if (status === 400 && speaksOfTls(reply)) {
    return fail(told, 'write "https://" in "url": what answers there wants TLS')
  }
  switch (status) {
    case 402:
      return fail(told, 'the account has no credit: top it up')
    case 403:
      return fail(
        told,
        'the key may not do this: check its permissions, the project or organisation, and whether the provider serves your region',
      )
    case 404:
    case 405:
    case 501:
      return warn(
        `${told}: it has no such list, or its address is wrong, so key and names could not be checked`,
        `check "url": requests would go to ${target}`,
      )
    case 407:
      return fail(told, 'the outbound proxy wants a user and a password: write them into its address')
    case 429:
      return warn(told, 'the provider limits this key now: try again later, or check quota and credit')
  }
  if (status >= 500)
    return fail(told, 'the provider, or a proxy before it, is out of order: try again later, or see its status page')
  return warn(told, `check "url" and "protocol": requests would go to ${target}`)
}

/** The error's own name for itself, where it is a plain word: its prose may repeat the key. */
function wordsOf({ text }: Reply): string {
  const reported = findError(text)
  const name = [reported?.code, reported?.type].find((word) => word !== undefined && plainWord.test(word))
  return name === undefined ? '' : ` (${name})`
}

const plainWord = /^[A-Za-z][\w.-]{1,47}$/

/** Google answers a bad key with 400. */
function isBadKey({ status, text }: Reply): boolean {
  return status === 400 && /API_KEY_INVALID|api key not valid/i.test(text)
}

function speaksOfTls({ text }: Reply): boolean {
  return /HTTP request was sent to HTTPS|client sent an HTTP request to an HTTPS server/i.test(text)
}

function withoutQuery(place: string): string {
  return place.replace(/[?#].*$/s, '')
}
