import type { Secret } from '#core/secret.ts'
import { printable } from '#kit/printable.ts'

/** Hides credentials in text that goes to logs: the configured ones by value, all others by their looks. */
export class Masker {
  readonly #secrets: () => readonly Secret[]
  #known: readonly Secret[] | undefined
  #forms: readonly string[] = []
  /**
   * Short texts in which nothing was to be hidden or escaped: names of backends and models come again in every line.
   * Holds no secret.
   */
  readonly #clean = new Set<string>()

  /** `secrets` gives the current list; the same array means that nothing changed. */
  constructor(secrets: () => readonly Secret[]) {
    this.#secrets = secrets
  }

  /** The text without credentials; JSON stays JSON. */
  mask(text: string): string {
    const forms = this.#currentForms()
    if (this.#clean.has(text)) return text
    let masked = text
    for (const form of forms) if (masked.includes(form)) masked = hideAll(masked, form)
    if (trigger.test(masked)) masked = maskPatterns(masked)
    if (text.length <= cleanLengthMax && masked === text && printable(text) === text) this.#remember(text)
    return masked
  }

  /** True of a text that {@link mask} found to be fit for a line as it is. */
  isClean(text: string): boolean {
    this.#currentForms()
    return this.#clean.has(text)
  }

  /** A header's value, hidden whole when the name says that it is a credential. */
  maskHeader(name: string, value: string): string {
    if (!credentialHeader.test(name)) return this.mask(value)
    return value.replace(
      /^((?:bearer|basic|digest|token)\s+)?(.*)$/is,
      (_, scheme: string | undefined, rest: string) => {
        return `${scheme ?? ''}${maskedForm(rest)}`
      },
    )
  }

  #remember(text: string): void {
    if (this.#clean.size >= cleanCountMax) this.#clean.clear()
    this.#clean.add(text)
  }

  #currentForms(): readonly string[] {
    const secrets = this.#secrets()
    if (secrets !== this.#known) {
      this.#known = secrets
      this.#clean.clear()
      this.#forms = formsOf(secrets)
    }
    return this.#forms
  }
}

/** Limit: texts that are remembered as clean; beyond it the memory starts anew. */
const cleanCountMax = 1000
const cleanLengthMax = 128

/** `sk-ab****cdef`: first five and last four characters; nothing but `****` of a value that is too short for that. */
export function maskedForm(value: string): string {
  return value.length < partlyShownMin ? '****' : `${value.slice(0, 5)}****${value.slice(-4)}`
}

/** From this length on at least seven characters stay hidden. */
const partlyShownMin = 16

/** Secrets as they may stand in a log: plain, inside JSON, inside a URL. Longest first, so that none hides another. */
function formsOf(secrets: readonly Secret[]): string[] {
  const forms = new Set<string>()
  for (const secret of secrets) {
    const value = secret.reveal()
    // Hiding asterisks behind asterisks would never end.
    if (!/[^*]/.test(value)) continue
    forms.add(value)
    forms.add(JSON.stringify(value).slice(1, -1))
    forms.add(encodedForUrl(value))
  }
  return [...forms].toSorted((a, b) => b.length - a.length)
}

function encodedForUrl(value: string): string {
  return encodeURIComponent(value.toWellFormed())
}

function hideAll(text: string, secret: string): string {
  let hidden = text.replaceAll(secret, maskedForm(secret))
  // What was joined by hiding, such as the ends of overlapping occurrences, may be the secret again.
  while (hidden.includes(secret)) hidden = hidden.replaceAll(secret, '****')
  return hidden
}

const credentialHeader =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie|x-amz-security-token|(?:[\w-]*-)?(?:api-?key|secret|password|auth|token))$/i

// One cheap look decides whether any of the patterns below can match; most lines end here.
const trigger =
  /[sp]k[-_]|AIza|AKIA|eyJ|ya29|gh[a-z]_|github_pat_|glpat-|xox[a-z]-|hf_|r8_|xai-|pplx-|bearer|basic |auth|key|token|secret|passw|signature|:\/\/[^/\s]*@/i

const keyTokens =
  /\b(?:sk-[\w-]{8,}|(?:pk|rk)[-_][\w-]{16,}|sk_[\w-]{16,}|AIza[\w-]{20,}|AKIA[A-Z0-9]{12,}|ya29\.[\w.-]{16,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|(?:gsk_|hf_|r8_)\w{20,}|(?:xai|pplx)-\w{30,})/g

// Header, payload and signature; the last may be empty or cut off. Begins only where a run of such characters begins:
// a start at every `eyJ` inside of a long run would take quadratic time.
const jsonWebTokens = /(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?/g

const bearers = /\b(bearer\s{1,8})([^\s"'\\,;<>]{8,})/gi

const urlUsers = /(:\/\/)[^\s/?#@"'\\<>]{1,256}@/g

const queryKeys =
  /([?&](?:key|api[-_]?key|token|access[-_]token|auth|secret|client[-_]secret|password|signature|sig|x-amz-(?:signature|credential|security-token))=)([^&\s"'#\\<>]+)/gi

// `authorization: …`, `"x-api-key": "…"`: whatever stands there is a credential.
const headerValues =
  /\b((?:proxy-)?authorization|(?:x-(?:goog-)?)?api-key|(?:set-)?cookie)(\\{0,3}["']?\s{0,8}[:=]\s{0,8}\\{0,3}["']?)((?:bearer|basic|digest|token)\s{1,8})?([^\s"'\\,;<>]+)/gi

const schemeWord = /^(?:bearer|basic|digest|token)$/i

// `"client_secret": "…"`, in quotes, so where the value ends is known.
const quotedValues =
  /\b(api_?key|access_?token|refresh_?token|id_?token|auth_?token|client_?secret|secret_?key|private_?key|password|passwd)(\\{0,3}["']\s{0,8}[:=]\s{0,8}\\{0,3}["'])([^"'\\\r\n]+)/gi

// `api_key=…` in running text: only what looks like a key, or "api_key: missing" would lose its point.
const bareValues =
  /\b(api_?key|access_?token|refresh_?token|auth_?token|client_?secret|secret_?key|password|passwd)(\s{0,8}[:=]\s{0,8})((?=[^\s"'\\,;&<>]{0,64}\d)[^\s"'\\,;&<>]{8,})/gi

function maskPatterns(text: string): string {
  return text
    .replace(keyTokens, maskedForm)
    .replace(jsonWebTokens, maskedForm)
    .replace(headerValues, (_, name: string, gap: string, scheme: string | undefined, value: string) => {
      // "Authorization: Bearer <key>" in a sentence of ours: the word is no credential, and there is none behind it.
      if (scheme === undefined && schemeWord.test(value)) return `${name}${gap}${value}`
      return `${name}${gap}${scheme ?? ''}${maskedOnce(value)}`
    })
    .replace(bearers, (_, scheme: string, value: string) => scheme + maskedOnce(value))
    .replace(urlUsers, '$1****@')
    .replace(queryKeys, (_, name: string, value: string) => name + maskedOnce(value))
    .replace(quotedValues, maskedPair)
    .replace(bareValues, maskedPair)
}

function maskedPair(_: string, name: string, gap: string, value: string): string {
  return name + gap + maskedOnce(value)
}

/** Leaves a value alone that an earlier pattern has hidden: `sk-ab****cdef` is told from no other key when hidden twice. */
function maskedOnce(value: string): string {
  return /^[^*]{0,5}\*{4}[^*]{0,4}$/.test(value) ? value : maskedForm(value)
}
