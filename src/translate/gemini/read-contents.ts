import { asObject } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Message, Part } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'
import { listIn, member, textIn } from './fields.ts'
import { readParts } from './read-parts.ts'

/**
 * `contents`: a text, a part, a content, or a list of any of them; parts that stand alone are the user's. Google's own client
 * keeps each chunk of a stream as a content of its own, so that those of the model are one turn as long as they follow each
 * other.
 */
export function readContents(body: JsonObject, detail: string | undefined, notes: Notes): Message[] {
  const turns: { readonly role: Message['role']; readonly list: unknown[] }[] = []
  let isLoose = false
  for (const each of listIn(body, 'contents')) {
    const content = asObject(each)
    const isOwn = content !== undefined && isContent(content)
    if (isOwn) tellUnknown(content, contentMembers, 'contents', notes)
    const role = isOwn ? roleOf(content) : 'user'
    const list = isOwn ? partsOf(content) : [each]
    const last = turns.at(-1)
    const goesOn = isOwn ? role === 'assistant' && last?.role === role : isLoose
    if (goesOn && last !== undefined) for (const part of list) last.list.push(part)
    else turns.push({ role, list: [...list] })
    isLoose = !isOwn
  }
  const messages: Message[] = []
  for (const { role, list } of turns) {
    const parts = readParts(list, detail, notes)
    if (parts.length > 0)
      messages.push({ role, placement: 'inline', parts: role === 'assistant' ? joined(parts) : parts })
  }
  return messages
}

/** Pieces of one text, or of one thought, in one. */
function joined(parts: readonly Part[]): readonly Part[] {
  const whole: Part[] = []
  for (const part of parts) {
    const last = whole.at(-1)
    const isMore = (part.kind === 'text' || part.kind === 'reasoning') && last?.kind === part.kind
    if (isMore && last.opaque === undefined && (part.kind === 'text' || part.opaque === undefined))
      whole[whole.length - 1] = { ...part, text: last.text + part.text }
    else whole.push(part)
  }
  return whole
}

/** `systemInstruction`: a text, a part, a content or a list of parts; only text can be one. */
export function readSystem(body: JsonObject, notes: Notes): readonly Message[] {
  const list = listIn(body, 'systemInstruction').flatMap((each) => {
    const content = asObject(each)
    return content === undefined || !isContent(content) ? [each] : partsOf(content)
  })
  const parts = readParts(list, undefined, notes)
  const alien = parts.findIndex((part) => part.kind !== 'text')
  if (alien >= 0)
    notes.reject(`systemInstruction.parts[${alien}]`, 'a system instruction other than text is not supported')
  const texts = parts.filter((part) => part.kind === 'text')
  return texts.length === 0 ? [] : [{ role: 'system', placement: 'top', parts: texts }]
}

const contentMembers = membersOf('role parts')

function isContent(object: JsonObject): boolean {
  return member(object, 'parts') !== undefined || textIn(object, 'role') !== undefined
}

function partsOf(content: JsonObject): readonly unknown[] {
  return listIn(content, 'parts')
}

/** `function` was the role of results. */
function roleOf(content: JsonObject): Message['role'] {
  const role = textIn(content, 'role')?.toLowerCase()
  if (role === 'model' || role === 'assistant') return 'assistant'
  return role === 'system' || role === 'developer' ? role : 'user'
}
