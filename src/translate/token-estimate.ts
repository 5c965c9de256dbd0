import type { CommonRequest, MediaPart, Part, Tool } from './common.ts'
import { textOfFile } from './media.ts'
import { estimatePdfPages } from './pdf-pages.ts'

/** Tokens of a prompt, rather too many than too few (formats §14.3). */
export function estimateTokens(request: CommonRequest): number {
  let sum = 0
  for (const { parts } of request.messages) {
    sum += perMessage
    for (const part of parts) sum += ofPart(part)
  }
  if (request.tools.length > 0) sum += toolPreamble
  for (const tool of request.tools) sum += ofTool(tool)
  const { format } = request.output
  if (format?.kind === 'json_schema') sum += ofJson(format.schema)
  return Math.ceil(sum * margin)
}

/** Of a text that stands alone. */
export function estimateTextTokens(text: string): number {
  return Math.ceil(ofText(text) * margin)
}

const perMessage = 4

/** What a provider writes in front of tools. */
const toolPreamble = 50

const margin = 1.1
const charactersPerToken = 3.2
const charactersPerTokenOfJson = 2.8
const charactersPerTokenOfOthers = 1.6
const charactersPerTokenOfEastAsia = 1.2
const perImage = 1600
const perPage = 2000

function ofPart(part: Part): number {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return ofText(part.text)
    case 'reasoning':
      return (
        ofText(part.text) + (part.opaque?.kind === 'encrypted' ? part.opaque.payload.length / bytesPerSealedToken : 0)
      )
    case 'tool_call':
      return ofText(part.name) + ('raw' in part.args ? ofCode(part.args.raw) : ofJson(part.args.value)) + perMessage
    case 'tool_result':
      return ofResult(part) + perMessage
    case 'media':
      return ofMedia(part)
    case 'native':
      return ofJson(part.value)
  }
}

/** Thoughts that cannot be read are longer than what they hold. */
const bytesPerSealedToken = 6

function ofResult(part: Part & { readonly kind: 'tool_result' }): number {
  let sum = part.value === undefined ? 0 : ofJson(part.value)
  // Where there is a value, the parts say the same.
  if (part.value === undefined || part.parts.some((inner) => inner.kind === 'media')) {
    for (const inner of part.parts) if (part.value === undefined || inner.kind === 'media') sum += ofPart(inner)
  }
  return sum
}

function ofTool(tool: Tool): number {
  switch (tool.kind) {
    case 'function': {
      const schema = tool.schema === undefined ? 0 : ofJson(tool.schema)
      return ofText(tool.name) + ofText(tool.description ?? '') + schema + perMessage
    }
    case 'custom':
      return ofText(tool.name) + ofText(tool.description ?? '') + ofCode(tool.grammar?.definition ?? '') + perMessage
    case 'client_builtin':
    case 'hosted':
      return ofJson(tool.native) + perBuiltin
  }
}

/** What a provider writes about a tool that it defines itself. */
const perBuiltin = 500

function ofMedia(part: MediaPart): number {
  const { source } = part
  const bytes = 'base64' in source ? source.base64.length * 0.75 : 0
  switch (part.medium) {
    case 'image':
      return perImage
    case 'audio':
      return Math.max(perImage, bytes / (part.mime.endsWith('wav') ? 1000 : 500))
    case 'video':
      return Math.max(perPage, bytes / 400)
    case 'file': {
      const text = textOfFile(part)
      if (text !== undefined) return ofText(text) + ofText(part.context ?? '') + perMessage
      return 'base64' in source ? estimatePdfPages(source.base64) * perPage : unseenPages * perPage
    }
  }
}

/** Of a document that only the provider can see. */
const unseenPages = 5

function ofJson(value: unknown): number {
  return ofCode(JSON.stringify(value) ?? '')
}

function ofCode(text: string): number {
  return estimate(text, charactersPerTokenOfJson)
}

function ofText(text: string): number {
  return estimate(text, charactersPerToken)
}

function estimate(text: string, perLatin: number): number {
  if (!beyondLatin.test(text)) return text.length / perLatin
  let eastAsia = 0
  let others = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x0250) continue
    // Punctuation and marks between words are as cheap as Latin ones.
    if (code >= 0x2000 && code < 0x2070) continue
    if (code >= 0x2e80) eastAsia++
    else others++
  }
  const latin = text.length - eastAsia - others
  return latin / perLatin + others / charactersPerTokenOfOthers + eastAsia / charactersPerTokenOfEastAsia
}

const beyondLatin = /[\u0250-\uffff]/
