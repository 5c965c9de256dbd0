import type { ErrorKind } from './common.ts'
import type { ErrorWords } from './errors.ts'

/** What kind an upstream's error is of; `status`: undefined where it came with a good one. */
export function kindOfError(words: ErrorWords, status: number | undefined): ErrorKind {
  const names = [words.code, words.type].flatMap((name) => (name === undefined ? [] : [name.toLowerCase()]))
  const text = words.message.slice(0, scannedMax)
  // Groq says `rate_limit_exceeded` of a request that no wait will make fit.
  if (status === 413) return matches(overflowPhrases, text) ? 'context_overflow' : 'too_large'
  for (const name of names) {
    const kind = refine(name, text)
    if (kind !== undefined) return kind
  }
  const said = kindOfText(text, status)
  if (said !== undefined) return said
  if (status !== undefined) return kindOfStatus(status)
  for (const name of names) {
    const kind = vagueNames.get(name)
    if (kind !== undefined) return kind
  }
  return 'upstream_failed'
}

/** The status that tells an error of this kind to a client. */
export function statusOfError(kind: ErrorKind, words: ErrorWords, status: number | undefined): number {
  switch (kind) {
    case 'invalid_request':
      return status !== undefined && status >= 400 && status < 500 ? status : 400
    case 'upstream_auth':
      return status === 401 || status === 403 ? status : isAboutRights(words) ? 403 : 401
    case 'quota':
      return status === 429 ? 429 : 402
    case 'overloaded':
      return status === 529 || words.type === 'overloaded_error' ? 529 : 503
    case 'upstream_failed':
    case 'internal':
      return status !== undefined && status >= 500 && status < 600 ? status : 502
    case 'context_overflow':
    case 'unsupported':
    case 'content_policy':
      return 400
    case 'auth':
      return 401
    case 'permission':
      return 403
    case 'not_found':
      return 404
    case 'conflict':
      return 409
    case 'too_large':
      return 413
    case 'media_type':
      return 415
    case 'rate_limit':
      return 429
    case 'timeout':
      return 504
  }
}

/** Limit: UTF-16 units of a message that are looked at. */
const scannedMax = 4096

function kindOfStatus(status: number): ErrorKind {
  const kind = kindByStatus.get(status)
  if (kind !== undefined) return kind
  return status >= 400 && status < 499 ? 'invalid_request' : 'upstream_failed'
}

const kindByStatus: ReadonlyMap<number, ErrorKind> = new Map([
  [401, 'upstream_auth'],
  [402, 'quota'],
  [403, 'upstream_auth'],
  [404, 'not_found'],
  [408, 'timeout'],
  [409, 'conflict'],
  [413, 'too_large'],
  [415, 'media_type'],
  // A model of AWS failed.
  [424, 'upstream_failed'],
  [429, 'rate_limit'],
  [503, 'overloaded'],
  [504, 'timeout'],
  [529, 'overloaded'],
])

function refine(name: string, text: string): ErrorKind | undefined {
  // AWS has one exception for all that is wrong with a request; Google has one for a project that may not, or a file that is not ready.
  if (name === 'failed_precondition') return /\bfiles?\b/i.test(text) ? 'invalid_request' : 'upstream_auth'
  if (name === 'invalid_prompt') return /flagged|policy/i.test(text) ? 'content_policy' : undefined
  return clearNames.get(name)
}

function isAboutRights({ type, code }: ErrorWords): boolean {
  const rights = /^(?:permission_error|permission_denied|accessdeniedexception|failed_precondition)$/i
  return rights.test(type ?? '') || rights.test(code ?? '')
}

function kindOfText(text: string, status: number | undefined): ErrorKind | undefined {
  // A server's fault may speak of anything; only what would come with a refusal of the request is looked for.
  if (status !== undefined && status >= 500 && status !== 529) return undefined
  // Limits by the minute speak of too many tokens, too.
  if (status !== 429 && matches(overflowPhrases, text)) return 'context_overflow'
  if (matches(quotaPhrases, text)) return 'quota'
  if (matches(policyPhrases, text)) return 'content_policy'
  if (matches(keyPhrases, text)) return 'upstream_auth'
  if (matches(missingModelPhrases, text)) return 'not_found'
  return undefined
}

function matches(phrases: readonly RegExp[], text: string): boolean {
  return phrases.some((phrase) => phrase.test(text))
}

const overflowPhrases: readonly RegExp[] = [
  /context_length_exceeded/i,
  /prompt is too long/i,
  /maximum context length/i,
  /input token count.{0,40}exceeds/i,
  /input is too long/i,
  /too many (?:input )?tokens\b(?!.{0,20}per (?:minute|day))/i,
  /exceeds? (?:the |this model's )?(?:available |maximum )?context (?:size|window|length|limit)/i,
  /(?:context (?:window|length|size|limit)|max(?:imum)?[_ ]model[_ ]len(?:gth)?).{0,40}(?:exceed|too (?:small|long)|overflow)/i,
  /(?:prompt|input|request|messages?|conversation)\b.{0,60}(?:exceeds?|larger than|longer than).{0,40}(?:context|token limit|maximum (?:number of |input )?tokens|max(?:imum)? prompt length|model'?s? limit)/i,
  /reduce the length of (?:the |your )?(?:messages|prompt|input)/i,
]

const quotaPhrases: readonly RegExp[] = [
  /insufficient_quota/i,
  /credit balance is too low/i,
  /insufficient (?:account )?(?:balance|credits?|funds)/i,
  /(?:requires|not enough) (?:more )?credits/i,
  /billing hard limit/i,
]

const policyPhrases: readonly RegExp[] = [
  /content_policy_violation|ResponsibleAIPolicyViolation/i,
  /\bcontent_filter\b/i,
  /content management policy/i,
  /blocked by (?:our |the )?content (?:filter|policy|moderation)/i,
  /\bflagged (?:as|by|for)\b/i,
]

const keyPhrases: readonly RegExp[] = [
  /API_KEY_INVALID/,
  /API key (?:not valid|expired|not found)/i,
  /incorrect api key provided/i,
]

const missingModelPhrases: readonly RegExp[] = [
  /\bmodel_not_found\b/i,
  /\bmodel\b.{0,120}\b(?:does not exist|not found|is not available|has been decommissioned|no longer available)/i,
  /(?:no|unknown) model (?:named|called|found)/i,
  /^(?:unknown|invalid) model\b/i,
]

const nameLists: readonly (readonly [kind: ErrorKind, names: string])[] = [
  [
    'context_overflow',
    'context_length_exceeded context_window_exceeded exceed_context_size_error max_context_length_exceeded context_limit_exceeded',
  ],
  [
    'quota',
    'insufficient_quota billing_error billing_hard_limit_reached billing_not_active insufficient_balance insufficient_user_quota exceeded_current_quota_error insufficient_credits',
  ],
  [
    'content_policy',
    'content_filter content_filter_error content_policy_violation content_policy responsibleaipolicyviolation moderation_blocked data_inspection_failed datainspectionfailed guardrail_intervened',
  ],
  [
    'not_found',
    'model_not_found model_not_available not_found_error not_found notfound notfounderror deploymentnotfound resourcenotfoundexception model_decommissioned model_not_exist resource_not_found_error',
  ],
  [
    'overloaded',
    'overloaded_error overloaded engine_overloaded_error engine_overloaded serviceunavailableexception service_unavailable service_unavailable_error unavailable modelnotreadyexception model_overloaded capacity_exceeded no_capacity',
  ],
  [
    'rate_limit',
    'rate_limit_error rate_limit_exceeded rate_limit_reached_error rate_limited resource_exhausted throttlingexception throttled toomanyrequestsexception too_many_requests servicequotaexceededexception tokens requests ratelimitreached',
  ],
  [
    'upstream_auth',
    'authentication_error invalid_api_key invalid_authentication_error unauthenticated unauthorized api_key_invalid api_key_expired unrecognizedclientexception expiredtokenexception accessdeniedexception invalidsignatureexception incompletesignatureexception missingauthenticationtokenexception requesttimetooskewed permission_denied permission_error account_deactivated access_denied',
  ],
  ['timeout', 'timeout_error timeout deadline_exceeded modeltimeoutexception gateway_timeout'],
  ['too_large', 'request_too_large'],
  ['conflict', 'conflict_error aborted already_exists conflictexception'],
  // The model wrote a call that its server could not read.
  [
    'upstream_failed',
    'tool_use_failed json_validate_failed modelerrorexception modelstreamerrorexception internalserverexception',
  ],
]

const clearNames: ReadonlyMap<string, ErrorKind> = new Map(
  nameLists.flatMap(([kind, names]) => names.split(' ').map((name): [string, ErrorKind] => [name, kind])),
)

/** They say less than a status, so that they count only where there is none. */
const vagueNames: ReadonlyMap<string, ErrorKind> = new Map<string, ErrorKind>([
  ['invalid_request_error', 'invalid_request'],
  ['invalid_request', 'invalid_request'],
  ['invalid_prompt', 'invalid_request'],
  ['invalid_argument', 'invalid_request'],
  ['out_of_range', 'invalid_request'],
  ['validationexception', 'invalid_request'],
  ['bad_request', 'invalid_request'],
])
