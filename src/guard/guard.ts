import type { Call, Span } from '#core/call.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { Talk } from '#core/talk.ts'
import { asBuffer, concat, encode } from '#kit/bytes.ts'
import { percentDecoded } from '#kit/percent.ts'
import { scanJson, type JsonVisitor } from '#wire/json-scan.ts'
import { membersAt } from '#wire/object-members.ts'
import { talkOfPath } from '#wire/talk.ts'
import { judgeCap } from './cap.ts'
import type { CapName, Caps, Guards } from './compile.ts'
import { ambiguity, kindAt, memberPath, shapeFault } from './shape.ts'
import { shapes } from './shapes.ts'
import { lengthFault, messagesFault } from './size.ts'
import { words, type AskedForm, type Words } from './words.ts'

/** The call, if its client may ask that; with numbers made smaller where the operator wants that. Every other byte stays. */
export function guard(guards: Guards, call: Call): Call | Refusal {
  const form = askedForm(call.endpoint.talk ?? talkOf(call.path))
  if (form === undefined || call.method !== 'POST') return call
  const { body } = call
  if (call.upload !== undefined || call.endpoint.reads === 'multipart') return unreadable
  if (body === undefined) return guards.checksShape ? notJson : call
  const bytes = asBuffer(body)
  if (scanJson(body, nobody) !== undefined) return notJson
  const start = bytes.findIndex((byte) => byte > 0x20)
  if (kindAt(bytes, start) !== 'object')
    return refuse('invalid_parameter', 'Cannot accept the body: it must be a JSON object')
  return checked(guards, call, body, new Reading(bytes, start, form))
}

/** Must the body of such a request be read, although its path alone says where it goes? */
export function wantsBodyOf(method: string, path: string): boolean {
  return method === 'POST' && askedForm(talkOf(path)) !== undefined
}

function checked(guards: Guards, call: Call, body: Uint8Array<ArrayBuffer>, reading: Reading): Call | Refusal {
  const { bytes, form, top } = reading
  if (top.ambiguous !== undefined) return no(top.ambiguous, ambiguity)
  if (guards.checksShape) {
    const fault = shapeFault(bytes, { start: reading.start, end: bytes.length }, shapes[form])
    if (fault !== undefined) return no(fault.path, fault.says)
  }
  const refusal = sizeRefusal(guards, reading)
  if (refusal !== undefined || guards.caps === undefined) return refusal ?? call
  const edits = capEdits(guards.caps, reading)
  if (isRefusal(edits) || edits.length === 0) return isRefusal(edits) ? edits : call
  return edited(call, body, edits)
}

function sizeRefusal(guards: Guards, { bytes, form, top }: Reading): Refusal | undefined {
  if (guards.messagesMax === undefined && guards.messageLengthMax === undefined) return undefined
  const { messages, beside } = words[form]
  for (const [name, span] of top.spans) {
    const fault = messages.includes(name)
      ? messagesFault(bytes, span, name, guards)
      : beside.includes(name)
        ? lengthFault(bytes, span, name, guards.messageLengthMax)
        : undefined
    if (fault !== undefined) return no(fault.path, fault.says)
  }
  return undefined
}

interface Edit {
  readonly at: Span
  readonly value: number
}

function capEdits(caps: Caps, { bytes, form, top }: Reading): readonly Edit[] | Refusal {
  const { inside, caps: names } = words[form]
  const edits: Edit[] = []
  const look = (spans: ReadonlyMap<string, Span>, prefix: string): Refusal | undefined => {
    for (const [name, at] of spans) {
      const cap = capNamed(caps, names, name)
      if (cap === undefined) continue
      const verdict = judgeCap(bytes, at, cap)
      if (verdict === 'fine') continue
      if ('says' in verdict) return no(memberPath(prefix, name), verdict.says)
      edits.push({ at, value: verdict.clamped })
    }
    return undefined
  }
  const refusal = look(top.spans, '')
  if (refusal !== undefined) return refusal
  for (const holder of inside) {
    const span = top.spans.get(holder)
    if (span === undefined || kindAt(bytes, span.start) !== 'object') continue
    const inner = membersAt(bytes, span.start, capNames[form])
    if (inner.ambiguous !== undefined) return no(memberPath(holder, inner.ambiguous), ambiguity)
    const found = look(inner.spans, holder)
    if (found !== undefined) return found
  }
  return edits.toSorted((one, other) => one.at.start - other.at.start)
}

function capNamed(caps: Caps, names: Words['caps'], name: string): Caps[CapName] {
  for (const meaning of capMeanings) if (names[meaning].includes(name)) return caps[meaning]
  return undefined
}

const capMeanings: readonly CapName[] = ['n', 'bestOf', 'maxTokens', 'logprobs']

/** A body that is looked into. */
class Reading {
  readonly bytes: Buffer
  /** Its opening brace. */
  readonly start: number
  readonly form: AskedForm
  readonly top: ReturnType<typeof membersAt>

  constructor(bytes: Buffer, start: number, form: AskedForm) {
    this.bytes = bytes
    this.start = start
    this.form = form
    this.top = membersAt(bytes, start, topNames[form])
  }
}

function edited(call: Call, body: Uint8Array<ArrayBuffer>, edits: readonly Edit[]): Call {
  const pieces: Uint8Array[] = []
  let from = 0
  let movedBy = 0
  for (const { at, value } of edits) {
    const written = encode(String(value))
    pieces.push(body.subarray(from, at.start), written)
    if (at.end <= call.modelAt.start) movedBy += written.byteLength - (at.end - at.start)
    from = at.end
  }
  const told = concat([...pieces, body.subarray(from)])
  // Elsewhere the model's name does not stand in the body.
  if (call.endpoint.reads !== 'json') return { ...call, body: told }
  const { start, end } = call.modelAt
  return { ...call, body: told, modelAt: { start: start + movedBy, end: end + movedBy } }
}

/** What a path asks that only looks like one of ours, as the most lenient server behind us could read it. */
function talkOf(path: string): Talk | undefined {
  const known = talkOfPath(path)
  if (known !== undefined) return known
  const plain = percentDecoded(path)
    .replaceAll(/;[^/]*/g, '')
    .replaceAll(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '')
  // Providers have their own words in front: "/openai/deployments/…", "/compatible-mode/v1".
  const end = knownEnd.exec(plain.toLowerCase())?.[1]
  return talkOfPath(plain) ?? (end === undefined ? undefined : talkOfPath(`/${end}`))
}

/** Others of these names, such as the messages of a thread, stand behind no version. */
const knownEnd = /(?:^|\/)((?:chat\/)?completions|(?<=\/v\d+\/)(?:responses|messages)|(?<=^\/)api\/(?:chat|generate))$/

function askedForm(talk: Talk | undefined): AskedForm | undefined {
  if (talk?.does !== 'generate') return undefined
  return isAsked(talk.form) ? talk.form : undefined
}

function isAsked(form: string): form is AskedForm {
  return Object.hasOwn(words, form)
}

function no(path: string, says: string): Refusal {
  return refuse('invalid_parameter', `Cannot accept "${path}": ${says}`, { param: path })
}

const notJson = refuse('invalid_json', 'Cannot read the body: it is no valid JSON')
const unreadable = refuse(
  'unsupported_media_type',
  'Cannot read the body: its Content-Type is not JSON, send application/json',
)

const nobody: JsonVisitor = { key: () => false, value() {} }

function namesOf(collect: (of: Words) => readonly string[]): Readonly<Record<AskedForm, ReadonlySet<string>>> {
  const set = (form: AskedForm): ReadonlySet<string> => new Set(collect(words[form]))
  return {
    chat: set('chat'),
    completions: set('completions'),
    responses: set('responses'),
    messages: set('messages'),
    gemini: set('gemini'),
    ollama: set('ollama'),
  }
}

const capNames = namesOf(({ caps }) => Object.values(caps).flat())
const topNames = namesOf(({ messages, beside, inside, caps }) => [
  ...messages,
  ...beside,
  ...inside,
  ...(inside.length === 0 ? Object.values(caps).flat() : ['top_logprobs']),
])
