import { asObject } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Part, ToolResultPart } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { tellUnknown } from '#translate/unknown-members.ts'
import { flagIn, listIn, member, namesIn, objectIn, textIn } from './fields.ts'
import { fileMedia, inlineMedia, withPartFields } from './read-media.ts'
import { readSignature, restoreThoughts } from './signature.ts'

/**
 * The parts of one content of a client. `detail`: how closely it wants all images looked at.
 */
export function readParts(list: readonly unknown[], detail: string | undefined, notes: Notes): Part[] {
  const parts: Part[] = []
  // Where the parts since the last call, or the last signature, begin.
  let step = 0
  for (const each of list) {
    const raw = typeof each === 'string' ? { text: each } : asObject(each)
    if (raw === undefined) continue
    const { own, thoughts } = readSignature(textIn(raw, 'thoughtSignature'))
    restoreThoughts(parts, step, thoughts)
    const part = readPart(raw, detail, notes)
    if (thoughts.length > 0) step = parts.length
    if (part === undefined) continue
    if (own === undefined) {
      if (part.kind !== 'text' || part.text !== '') parts.push(part)
    } else {
      pushSigned(parts, part, own)
    }
    if (part.kind === 'tool_call') step = parts.length
  }
  return parts
}

function pushSigned(parts: Part[], part: Part, opaque: NonNullable<ReturnType<typeof readSignature>['own']>): void {
  const last = parts.at(-1)
  if (part.kind === 'text' && part.text === '' && last?.kind === 'text' && last.opaque === undefined) {
    parts[parts.length - 1] = { ...last, opaque }
  } else if (part.kind === 'text' && part.text === '') {
    parts.push({ kind: 'reasoning', text: '', style: 'summary', isRedacted: false, opaque })
  } else if (part.kind === 'text' || part.kind === 'tool_call' || part.kind === 'reasoning') {
    parts.push({ ...part, opaque })
  } else {
    parts.push(part)
  }
}

function readPart(raw: JsonObject, detail: string | undefined, notes: Notes): Part | undefined {
  tellUnknown(raw, partMembers, 'contents.parts', notes)
  const text = textIn(raw, 'text')
  if (text !== undefined) {
    if (flagIn(raw, 'thought') === true) return { kind: 'reasoning', text, style: 'summary', isRedacted: false }
    return { kind: 'text', text }
  }
  const call = objectIn(raw, 'functionCall')
  if (call !== undefined) return readCall(call, notes)
  const response = objectIn(raw, 'functionResponse')
  if (response !== undefined) return readResult(response, detail, notes)
  const blob = objectIn(raw, 'inlineData')
  const file = objectIn(raw, 'fileData')
  const media = blob === undefined ? file && fileMedia(file) : inlineMedia(blob)
  if (media !== undefined) return withPartFields(media, raw, detail)
  return readNative(raw)
}

function readCall(call: JsonObject, notes: Notes): Part {
  tellUnknown(call, callMembers, 'contents.parts.functionCall', notes)
  const args = { value: objectIn(call, 'args') ?? {} }
  return {
    kind: 'tool_call',
    id: textIn(call, 'id') ?? '',
    name: textIn(call, 'name') ?? '',
    args,
    isCustom: false,
    tool: 'function',
  }
}

/** `output` and `error` are Google's own names; without them, all of the response is the result. */
function readResult(response: JsonObject, detail: string | undefined, notes: Notes): ToolResultPart {
  tellUnknown(response, responseMembers, 'contents.parts.functionResponse', notes)
  const told = member(response, 'response')
  // Some clients write the output itself where an object belongs.
  const said = asObject(told) ?? (told === undefined ? {} : { output: told })
  const names = Object.keys(said)
  // Many tools always have the member.
  const isError = Boolean(said['error'])
  const [only] = names
  const isNamed = names.length === 1 && (only === 'output' || only === 'result' || (only === 'error' && isError))
  const value = isNamed ? said[only] : said
  const media = readParts(listIn(response, 'parts'), detail, notes).filter((part) => part.kind === 'media')
  const isText = typeof value === 'string'
  // Beside a value the parts say the same; media have a place only among parts.
  const text = isText ? value : JSON.stringify(value)
  const texts: Part[] = text === '' || names.length === 0 ? [] : [{ kind: 'text', text }]
  return {
    kind: 'tool_result',
    callId: textIn(response, 'id') ?? '',
    name: textIn(response, 'name'),
    parts: [...texts, ...media],
    value: isText || names.length === 0 || media.length > 0 ? undefined : value,
    isError,
    isCustom: false,
  }
}

const callMembers = namesIn(['id', 'name', 'args'])
const responseMembers = namesIn(['id', 'name', 'response', 'parts'])

/** What Google carried out itself. */
function readNative(raw: JsonObject): Part | undefined {
  const type = natives.find((name) => member(raw, name) !== undefined)
  return type === undefined ? undefined : { kind: 'native', form: 'gemini', type, value: raw }
}

export const natives = [
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
  'audioTranscription',
] as const

const partMembers = namesIn([
  'text',
  'thought',
  'thoughtSignature',
  'functionCall',
  'functionResponse',
  'inlineData',
  'fileData',
  'mediaResolution',
  ...natives,
])
