import { defaultLimits, type ReaderLimits } from '#http1/reader.ts'
import type { Ending, Outcome, Question } from './response-outcome.ts'

/**
 * What must come out of a response after which the connection is closed: RFC 9112 in the slowest and plainest form,
 * on the whole text at once, sharing nothing with the reader.
 */
export function judge(
  text: string,
  { method = 'GET', asksUpgrade = false, limits = defaultLimits }: Question,
): Outcome {
  let rest = text
  for (let interims = 0; ; interims += 1) {
    if (interims > limits.interimMax) return broken('malformed head')
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1 || end + 4 > limits.headBytesMax)
      return broken(isHopeless(rest, limits) ? 'malformed head' : 'cut head')
    const head = headOf(rest.slice(0, end + 2), limits)
    if (head === undefined) return broken('malformed head')
    rest = rest.slice(end + 4)
    if (head.status >= 200) return bodyOf(head, rest, method, limits)
    if (head.isChunked || (head.length ?? 0) > 0) return broken('malformed head')
    if (head.status === 101) return asksUpgrade ? complete(head, undefined, rest, 'spent') : broken('malformed head')
  }
}

interface Head {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly length: number | undefined
  readonly isChunked: boolean
  readonly isPersistent: boolean
}

/** Can a head that is not whole not become one any more? */
function isHopeless(text: string, limits: ReaderLimits): boolean {
  const start = text + 'HTTP/1.1 200 '.slice(text.length)
  return text.length >= limits.headBytesMax || hasLooseEnd(text) || !/^HTTP\/1\.[01] [1-5]\d\d[ \r]/.test(start)
}

function hasLooseEnd(text: string): boolean {
  return /\r(?!\n|$)|(?<!\r)\n/.test(text)
}

function headOf(text: string, limits: ReaderLimits): Head | undefined {
  const line = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/.exec(text)
  if (line === null) return undefined
  const headers = fieldsOf(text.slice(line[0].length), limits)
  if (headers === undefined) return undefined
  const all = (wanted: string): string[] => headers.filter(([name]) => name === wanted).map(([, value]) => value)
  const isCurrent = line[1] === '1'
  const lengths = all('content-length')
  const codings = all('transfer-encoding')
  if (lengths.length + codings.length > 1) return undefined
  if (lengths.some((length) => !/^\d+$/.test(length) || BigInt(length) > 9_007_199_254_740_991n)) return undefined
  if (codings.some((coding) => !/^chunked$/i.test(coding) || !isCurrent)) return undefined
  const options = new Set(all('connection').flatMap((value) => value.toLowerCase().split(/[\t ]*,[\t ]*/)))
  return {
    status: Number(line[2]),
    headers,
    length: lengths[0] === undefined ? undefined : Number(lengths[0]),
    isChunked: codings.length > 0,
    isPersistent: !options.has('close') && (isCurrent || options.has('keep-alive')),
  }
}

/** Lines, each with its CRLF. */
function fieldsOf(text: string, limits: ReaderLimits): (readonly [string, string])[] | undefined {
  const lines = text.split('\r\n').slice(0, -1)
  const fields = lines.map((line) => /^([!#$%&'*+.^_`|~\w-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/.exec(line))
  if (fields.length > limits.headersMax || fields.includes(null)) return undefined
  return fields.map((field) => [field?.[1]?.toLowerCase() ?? '', field?.[2] ?? ''] as const)
}

function bodyOf(head: Head, rest: string, method: string, limits: ReaderLimits): Outcome {
  const { status, length, isChunked, isPersistent } = head
  if (method === 'CONNECT' && status < 300) return complete(head, undefined, rest, 'spent')
  const speaksOfBody = isChunked || (length ?? 0) > 0
  if (method === 'HEAD' || status === 304 || status === 204) {
    const mayReuse = isPersistent && rest === '' && !(status === 204 && method !== 'HEAD' && speaksOfBody)
    return complete(head, 0, '', mayReuse ? 'reusable' : 'spent')
  }
  if (isChunked) return chunksOf(head, rest, limits)
  if (length === undefined) return complete(head, undefined, rest, 'spent')
  if (rest.length < length) return complete(head, length, rest, 'cut body')
  const mayReuse = isPersistent && rest.length === length
  return complete(head, length, rest.slice(0, length), mayReuse ? 'reusable' : 'spent')
}

const sizeLine =
  /^([\da-f]{1,13})((?:[\t ]*;[\t ]*[!#$%&'*+.^_`|~\w-]+(?:[\t ]*=[\t ]*(?:[!#$%&'*+.^_`|~\w-]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*)\r/i
const sizeLineBegun = /^(?:[\da-f]{0,13}|[\da-f]{1,13}([\t ;][\t\x20-\x7e\x80-\xff]*))$/i

function chunksOf(head: Head, text: string, limits: ReaderLimits): Outcome {
  let rest = text
  let body = ''
  const ends = (ending: Ending): Outcome => complete(head, undefined, body, ending)
  for (;;) {
    const line = sizeLine.exec(rest)
    if (line === null) {
      const begun = sizeLineBegun.exec(rest)
      const isHopeful = begun !== null && (begun[1] ?? '').length <= limits.extensionBytesMax
      return ends(isHopeful ? 'cut body' : 'malformed body')
    }
    const [whole, digits = '', extension = ''] = line
    if (extension.length > limits.extensionBytesMax) return ends('malformed body')
    if (rest.length === whole.length) return ends('cut body')
    if (rest[whole.length] !== '\n') return ends('malformed body')
    rest = rest.slice(whole.length + 1)
    const size = Number.parseInt(digits, 16)
    if (size === 0) break
    body += rest.slice(0, size)
    if (rest.length < size) return ends('cut body')
    const end = rest.slice(size, size + 2)
    if (!'\r\n'.startsWith(end)) return ends('malformed body')
    if (end.length < 2) return ends('cut body')
    rest = rest.slice(size + 2)
  }
  const end = `\r\n${rest}`.indexOf('\r\n\r\n')
  if (end === -1 || end + 2 > limits.trailerBytesMax) {
    return ends(rest.length >= limits.trailerBytesMax || hasLooseEnd(rest) ? 'malformed body' : 'cut body')
  }
  if (fieldsOf(rest.slice(0, end), limits) === undefined) return ends('malformed body')
  return ends(head.isPersistent && rest.length === end + 2 ? 'reusable' : 'spent')
}

function complete({ status, headers }: Head, length: number | undefined, body: string, ending: Ending): Outcome {
  return { status, headers, length, body, ending }
}

function broken(ending: Ending): Outcome {
  return { status: undefined, headers: [], length: undefined, body: '', ending }
}
