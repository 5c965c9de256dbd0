import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { OwnedKind } from '#core/owner.ts'
import { asBuffer, concat } from '#kit/bytes.ts'
import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { readResourcePath, type ResourcePath } from '#wire/resource-path.ts'
import { answerIdOf, type TextOf } from './answer-id.ts'

/** By what later requests may name something that an answer tells of. */
export interface GivenId {
  readonly id: string
  readonly kind: OwnedKind
  /** It was made for who asked, and not merely shown. */
  readonly isMade: boolean
}

/** Calls whose answers give nothing cost a few comparisons. Bodies that are large are not read. */
export function givenIds(call: Call, answer: Answer, textOf: TextOf): readonly GivenId[] {
  const { endpoint, method, path } = call
  if (method === 'POST' && endpoint.stream === 'responses') {
    const id = answerIdOf(answer, boundedText(textOf))
    const containers = containersIn(call, answer, textOf)
    return id === undefined ? containers : [{ id, kind: 'response', isMade: true }, ...containers]
  }
  if (method === 'POST' && endpoint.stream === 'messages') return containersIn(call, answer, textOf)
  // What has a path of its own is a model's endpoint.
  if (endpoint.path === path || endpoint.reads === 'path') return none
  const resource = readResourcePath(path)
  return resource !== undefined && mayGive(call, resource) ? idsOf(answer, resource, method, textOf) : none
}

const none: readonly GivenId[] = []

/**
 * Of files only what is told about them counts, never what is in them: a client could have written anything. And what
 * stands deeper is found by what it stands in.
 */
function mayGive({ method, query }: Call, { rest, isTransfer, isUpload }: ResourcePath): boolean {
  if ((isTransfer && !isUpload) || /(?:^|&)alt=media(?:&|$)/i.test(query)) return false
  // What is done with a thing may be to show what is in it.
  if (rest.at(-1)?.includes(':') === true) return false
  return rest.length < 2 || (method === 'POST' && rest.length < 3)
}

function idsOf(answer: Answer, resource: ResourcePath, method: string, textOf: TextOf): readonly GivenId[] {
  const { kind, rest } = resource
  const isMade = method === 'POST' && rest.length === 0
  const text = jsonText(answer, textOf)
  if (text === undefined) {
    const id = answer.rest === undefined || rest.length > 0 ? undefined : answerIdOf(answer, boundedText(textOf))
    return id === undefined ? none : [{ id, kind, isMade }]
  }
  const body = asObject(parseJson(text))
  if (body === undefined) return none
  const found: GivenId[] = []
  // What is done with one thing answers with the id of another one, which the request may have named.
  if (rest.length < 2) takeId(body, resource, isMade, found)
  takeFiles(body, resource, method === 'POST' || rest.length > 0, found)
  if (rest.length === 0) {
    for (const name of listNames) {
      for (const each of asList(body[name]).slice(0, listedMax)) {
        const one = asObject(each)
        if (one === undefined) continue
        takeId(one, resource, false, found)
        takeFiles(one, resource, false, found)
      }
    }
  }
  return found.slice(0, foundMax)
}

/** Google calls its things by a path; with all others a name is what a client wrote. */
function takeId(one: JsonObject, { dialect, collection, kind }: ResourcePath, isMade: boolean, found: GivenId[]): void {
  if (dialect !== 'gemini') return add(one['id'], kind, isMade, found)
  const name = asText(one['name'])
  if (name?.startsWith(`${collection}/`) === true) add(name, kind, isMade, found)
}

/** Files that came of it: never those that it was made of, which the client named. */
function takeFiles(one: JsonObject, resource: ResourcePath, isMade: boolean, found: GivenId[]): void {
  for (const member of fileMembers) add(one[member], 'file', isMade, found)
  for (const each of asList(one['result_files']).slice(0, resultFilesMax)) add(each, 'file', isMade, found)
  const { dialect, collection } = resource
  // What an upload has become.
  const file = collection === 'uploads' || dialect === 'gemini' ? asObject(one['file']) : undefined
  if (file !== undefined) takeId(file, { ...resource, collection: 'files', kind: 'file' }, isMade, found)
  if (dialect !== 'gemini') return
  for (const place of [asObject(one['metadata'])?.['output'], one['dest'], one['response']]) {
    add(asObject(place)?.['responsesFile'], 'file', isMade, found)
    add(asObject(place)?.['fileName'], 'file', isMade, found)
  }
}

function add(id: unknown, kind: OwnedKind, isMade: boolean, found: GivenId[]): void {
  if (typeof id === 'string') found.push({ id, kind, isMade })
}

const listNames = ['data', 'files', 'cachedContents', 'batches', 'operations', 'fileSearchStores']

const fileMembers = ['output_file_id', 'error_file_id']

/** Limits: files that came of one thing, and ids of one answer. */
const resultFilesMax = 64
const foundMax = 1000

/** Limit: entries of one list that are remembered. */
const listedMax = 1000

/** Where a model worked in; it may be asked to go on there. */
function containersIn({ body }: Call, answer: Answer, textOf: TextOf): readonly GivenId[] {
  const { form, held, headers } = answer
  const mayName = headers.has('content-encoding') || held.some((piece) => asBuffer(piece).includes('"container'))
  const text = form === undefined && mayName ? jsonText(answer, textOf) : undefined
  if (text === undefined) return none
  const sent = body && asBuffer(body)
  const found: GivenId[] = []
  for (const [, direct, inside] of text.matchAll(container)) {
    if (found.length === containersMax) break
    const id = direct ?? inside ?? ''
    // One that the request named may be anybody's; escaped letters could spell its name.
    const isNamed = sent === undefined || sent.includes(id) || sent.includes('\\u00')
    found.push({ id, kind: 'container', isMade: !isNamed })
  }
  return found
}

/** Limit: containers of one answer. */
const containersMax = 16

const container = /"container_id"\s*:\s*"([^"\\]{1,512})"|"container"\s*:\s*\{[^{}]*?"id"\s*:\s*"([^"\\]{1,512})"/g

/** Ids stand at the beginning: of what is large only that is read, and what is compressed and large not at all. */
function boundedText(textOf: TextOf): TextOf {
  return (bytes, headers) => {
    if (bytes.byteLength <= readBytesMax) return textOf(bytes, headers)
    return headers.has('content-encoding') ? '' : textOf(bytes.subarray(0, readBytesMax), headers)
  }
}

/** All of a JSON answer; undefined where it is none, or too large to be read. */
function jsonText({ held, headers, rest }: Answer, textOf: TextOf): string | undefined {
  if (rest !== undefined || !/^application\/(?:[\w.+-]+\+)?json\b/i.test(headers.get('content-type') ?? ''))
    return undefined
  const [only] = held
  const bytes = held.length === 1 && only !== undefined ? only : concat(held)
  if (bytes.byteLength > readBytesMax) return undefined
  const text = textOf(bytes, headers)
  return text === '' ? undefined : text
}

/** Limit: larger answers are not read for ids. */
const readBytesMax = 262_144
