import { isUtf8 } from 'node:buffer'
import type { Span } from '#core/call.ts'
import type { Refusal } from '#core/refusal.ts'
import { isRefusal, refuse } from '#core/refusal.ts'
import { asBuffer, encode } from '#kit/bytes.ts'
import { checkModel } from './model-name.ts'
import { replaceSpan } from './replace-span.ts'

/** What routing needs to know of a form. */
export interface MultipartPeek {
  readonly model: string
  /** The raw bytes of the `model` field's value. */
  readonly modelAt: Span
  /** False also when the field is absent. */
  readonly stream: boolean
}

// Limits: forms with more parts, and parts with more bytes of headers, are refused.
const partsMax = 1000
const headerBytesMax = 16 * 1024

/** Limit: what RFC 2046 allows. */
const boundaryLengthMax = 70

/** Reads the `model` and `stream` fields of a multipart/form-data body; files are skipped by a native search. */
export function peekMultipart(body: Uint8Array, contentType: string): MultipartPeek | Refusal {
  const boundary = boundaryOf(contentType)
  if (isRefusal(boundary)) return boundary
  const parts = readParts(asBuffer(body), boundary)
  return isRefusal(parts) ? parts : peekParts(asBuffer(body), parts)
}

/** The form with another model, in pieces: only the bytes of `span`, a raw field value, are replaced. */
export function spliceFormModel(
  body: Uint8Array<ArrayBuffer>,
  span: Span,
  model: string,
): readonly Uint8Array<ArrayBuffer>[] {
  return replaceSpan(body, span, encode(model))
}

interface Part {
  readonly name: string
  readonly isFile: boolean
  readonly at: Span
}

function boundaryOf(contentType: string): string | Refusal {
  if (!/^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType)) {
    return refuse('unsupported_media_type', 'Cannot read the body: its content type must be multipart/form-data')
  }
  const [boundary, ...others] = parametersOf(contentType).get('boundary') ?? []
  if (boundary === undefined || others.length > 0) return refuseForm('its content type must name one boundary')
  if (boundary === '' || boundary.length > boundaryLengthMax) {
    return refuseForm(`its boundary must have 1 to ${boundaryLengthMax} characters`)
  }
  return boundary
}

/** Every part of a form that is whole and unambiguous: what two servers could read differently is refused. */
function readParts(bytes: Buffer, boundary: string): readonly Part[] | Refusal {
  const parts: Part[] = []
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  // The first delimiter may stand at the very beginning, without the line end in front.
  const isFirst = bytes.indexOf(delimiter.subarray(2)) === 0
  let at = isFirst ? delimiter.length - 2 : endOf(bytes, delimiter, 0)
  for (;;) {
    if (at === -1) return refuseForm('its last boundary is missing')
    if (bytes[at] === 0x2d && bytes[at + 1] === 0x2d) return parts
    if (parts.length === partsMax) return refuseForm(`it has more than ${partsMax} parts`)
    const headersAt = endOfBoundaryLine(bytes, at)
    if (headersAt === -1) return refuseForm('something stands behind a boundary')
    const headers = readHeaders(bytes, headersAt, delimiter)
    if (isRefusal(headers)) return headers
    at = endOf(bytes, delimiter, headers.end)
    parts.push({ ...headers, at: { start: headers.end, end: at - delimiter.length } })
  }
}

function endOf(bytes: Buffer, text: Buffer, from: number): number {
  const at = bytes.indexOf(text, from)
  return at === -1 ? -1 : at + text.length
}

/** Behind a boundary stand blanks at most, then a line end. */
function endOfBoundaryLine(bytes: Buffer, start: number): number {
  let at = start
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at++
  return bytes[at] === 0x0d && bytes[at + 1] === 0x0a ? at + 2 : -1
}

function readHeaders(
  bytes: Buffer,
  start: number,
  delimiter: Buffer,
): { name: string; isFile: boolean; end: number } | Refusal {
  const window = bytes.subarray(start, start + headerBytesMax)
  const length = window.indexOf('\r\n\r\n')
  if (length === -1) return refuseForm(`the headers of a part do not end within ${headerBytesMax} bytes`)
  const end = start + length + 4
  // A boundary within the headers, or at once behind them, belongs to the content for one reader and not for another.
  const boundaryAt = bytes.indexOf(delimiter.subarray(2), start)
  if (boundaryAt !== -1 && boundaryAt <= end) return refuseForm('a part breaks off in its headers')
  const lines = window.toString('utf8', 0, length).split('\r\n')
  if (lines.some((line) => hasControl(line) || recodes.test(line))) {
    return refuseForm('the headers of a part are not plain')
  }
  const dispositions = lines.filter((line) => /^content-disposition\s*:/i.test(line))
  const parameters = parametersOf(dispositions[0] ?? '')
  const [name, ...others] = parameters.get('name') ?? []
  if (dispositions.length !== 1 || name === undefined || others.length > 0) {
    return refuseForm('each part must have one name')
  }
  return { name, isFile: parameters.has('filename') || parameters.has('filename*'), end }
}

const recodes = /^content-transfer-encoding\s*:(?!\s*(?:7bit|8bit|binary)\s*$)/i

/** Tabs are blanks; every other control character is read as a line end by someone. */
function hasControl(line: string): boolean {
  return Buffer.from(line).some((byte) => byte < 0x20 && byte !== 0x09)
}

/** `; name=value` and `; name="value"`, by lower-case name; all values, for one that stands twice is a trap. */
function parametersOf(header: string): ReadonlyMap<string, readonly string[]> {
  const parameters = new Map<string, string[]>()
  for (const [, name = '', value = ''] of header.matchAll(/;\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)/g)) {
    const key = name.toLowerCase()
    const plain = value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value
    const values = parameters.get(key)
    if (values === undefined) parameters.set(key, [plain])
    else values.push(plain)
  }
  return parameters
}

function peekParts(bytes: Buffer, parts: readonly Part[]): MultipartPeek | Refusal {
  const part = fieldNamed(parts, 'model')
  if (isRefusal(part)) return part
  if (part === undefined) {
    return refuse('missing_model', 'Cannot route the form: the field "model" is missing', { param: 'model' })
  }
  const value = bytes.subarray(part.at.start, part.at.end)
  if (!isUtf8(value)) return refuse('invalid_parameter', 'Cannot read "model": it is not UTF-8', { param: 'model' })
  const model = checkModel(value.toString('utf8'))
  if (isRefusal(model)) return model
  const stream = readStream(bytes, parts)
  return isRefusal(stream) ? stream : { model, modelAt: part.at, stream }
}

function readStream(bytes: Buffer, parts: readonly Part[]): boolean | Refusal {
  const part = fieldNamed(parts, 'stream')
  if (part === undefined || isRefusal(part)) return part ?? false
  // Limit: longer texts are neither.
  const text = bytes.toString('latin1', part.at.start, Math.min(part.at.end, part.at.start + 6)).toLowerCase()
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0' || text === '') return false
  return refuse('invalid_parameter', 'Cannot read "stream": it must be true or false', { param: 'stream' })
}

function fieldNamed(parts: readonly Part[], name: string): Part | Refusal | undefined {
  const [part, ...others] = parts.filter((candidate) => candidate.name === name)
  if (others.length > 0) {
    return refuse('duplicate_key', `Cannot read the form: "${name}" stands in it twice`, { param: name })
  }
  if (part?.isFile === true) {
    return refuse('invalid_parameter', `Cannot read "${name}": it must be a field, not a file`, { param: name })
  }
  return part
}

function refuseForm(why: string): Refusal {
  return refuse('invalid_parameter', `Cannot read the form: ${why}`)
}
