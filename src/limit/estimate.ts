import type { Call } from '#core/call.ts'
import { asBuffer } from '#kit/bytes.ts'

/**
 * Tokens that a request will take, as far as its bytes tell: its prompt, and as much of an answer as it allows. A guess,
 * put right when the answer is counted, so it need not be good, but fast.
 */
export function guessTokens({ body, endpoint }: Pick<Call, 'body' | 'endpoint'>): number {
  if (body === undefined || body.byteLength === 0 || endpoint.reads === 'nothing') return 1
  // A form holds files, not text.
  if (endpoint.reads === 'multipart') return Math.min(perMedia, Math.ceil(body.byteLength / bytesPerToken))
  const bytes = asBuffer(body)
  return Math.max(1, promptTokens(bytes) + answerTokens(bytes))
}

/** The same for those who pay for them: an answer of a model of which nothing is said has a length, too. */
export function guessParts(call: Pick<Call, 'body' | 'endpoint'>): {
  readonly prompt: number
  readonly answer: number
} {
  const { body, endpoint } = call
  if (body === undefined || body.byteLength === 0 || endpoint.reads !== 'json')
    return { prompt: guessTokens(call), answer: 0 }
  const bytes = asBuffer(body)
  if (endpoint.talk?.does === 'embed') return { prompt: promptTokens(bytes), answer: 0 }
  // What is no talk, such as a file, has no answer of tokens; of a service nobody knows.
  const usual = endpoint.talk === undefined && endpoint.dialect !== 'raw' ? 0 : answerTokensUsual
  const answer = answerTokens(bytes) || usual
  return { prompt: promptTokens(bytes), answer }
}

/** Tokens of an answer whose client sets no limit to it. */
const answerTokensUsual = 1024

const bytesPerToken = 4

/** Images and the like, however large. */
const perMedia = 1600

/** Texts shorter than this are not looked at. */
const mediaBytesMin = 4096

function promptTokens(bytes: Buffer): number {
  let textBytes = bytes.byteLength
  let media = 0
  // Limit: so many texts are looked at; those behind count by their length, which is too much at worst.
  let left = 20_000
  for (let start = bytes.indexOf(quote); start !== -1 && left > 0; left -= 1) {
    const end = bytes.indexOf(quote, start + 1)
    if (end === -1) break
    if (end - start > mediaBytesMin && isBase64(bytes, start, end)) {
      textBytes -= end - start
      media += perMedia
    }
    start = end
  }
  return Math.ceil(textBytes / bytesPerToken) + media
}

const quote = 0x22

/** By a piece in its middle. */
function isBase64(bytes: Buffer, start: number, end: number): boolean {
  const from = start + Math.floor((end - start) / 2)
  return base64.test(bytes.toString('latin1', from, from + 512))
}

const base64 = /^[A-Za-z0-9+/=_-]{512}$/

/** Limit: clients name the most that a model can write, and hardly any answer is so long. */
const answerTokensMax = 4096

/** The escaped quotes of a text are followed by a backslash, so none of these stands inside one. */
const limits = ['"max_tokens"', '"max_completion_tokens"', '"max_output_tokens"', '"maxOutputTokens"', '"num_predict"']

function answerTokens(bytes: Buffer): number {
  let most = 0
  let left = limitsSeenMax
  for (const name of limits) {
    // A small one somewhere else must not hide the one that counts.
    for (let at = bytes.indexOf(name); at !== -1; at = bytes.indexOf(name, at + name.length)) {
      const [, digits] =
        /^\s*:\s*(\d{1,9})/.exec(bytes.toString('latin1', at + name.length, at + name.length + 24)) ?? []
      most = Math.max(most, Number(digits ?? 0))
      left -= 1
      if (most >= answerTokensMax || left === 0) return answerTokensMax
    }
  }
  return most
}

/** Limit: places that are looked at; whoever has more is taken to want all. */
const limitsSeenMax = 100
