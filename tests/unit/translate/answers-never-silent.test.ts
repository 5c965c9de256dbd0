import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import type { Form } from '#core/talk.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext, AnswerFacts } from '#translate/codec.ts'
import { EventWriter } from '#translate/event-writer.ts'
import { Notes } from '#translate/notes.ts'
import { passageTo } from '#translate/passage.ts'
import { profileOf } from '#translate/profiles.ts'
import { knownCodecs } from '#translate/registry.ts'
import { broughtBack } from '#translate/way-back.ts'
import { answerFields, type AnswerRow } from '../../support/answer-fields.ts'
import { commonRequest, plainPolicy } from '../../support/common-request.ts'
import { noWayBack } from '../../support/plain-codec.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }

const clients = ['chat', 'completions', 'responses', 'messages', 'gemini', 'ollama'] as const
const streamForms: ReadonlyMap<Form, StreamForm> = new Map<Form, StreamForm>([
  ['chat', 'chat'],
  ['completions', 'completions'],
  ['responses', 'responses'],
  ['messages', 'messages'],
  ['gemini', 'gemini_sse'],
  ['ollama', 'ndjson'],
])

interface Told {
  readonly text: string
  readonly codes: readonly string[]
}

function contextFor(form: Form, isStream: boolean, notes: Notes): AnswerContext {
  return {
    request: commonRequest({ form, stream: isStream, includeUsage: true, reasoning: { visibility: 'full' } }),
    body: {},
    facts: { path: '/api/chat', query: 'alt=sse', headers: new Headers(), model: 'alias', stream: isStream },
    requestId: 'req_1',
    model: 'alias',
    ids,
    nowSeconds: 1_790_000_000,
    inputEstimate: 10,
    policy: plainPolicy,
    notes,
  }
}

function factsFor(form: Form, notes: Notes): AnswerFacts {
  return { model: 'm', profile: profileOf(form, 'any', 'm'), ids, nowSeconds: 1_790_000_000, notes }
}

async function codecsOf(from: Form, to: Form) {
  const [backend, client] = await Promise.all([knownCodecs.backend(from), knownCodecs.client(to)])
  if (backend === undefined || client === undefined) throw new Error(`nobody speaks ${from} or ${to}`)
  return { backend, client }
}

/** A whole answer. The mode that refuses most must not keep what is noted from being told. */
async function body(from: Form, to: Form, row: AnswerRow): Promise<Told> {
  const { backend, client } = await codecsOf(from, to)
  const notes = new Notes('strict')
  const read = backend.readBody(row.body as JsonObject, factsFor(from, notes))
  if (!('choices' in read)) return { text: '', codes: ['an error'] }
  const brought = broughtBack(read, { back: noWayBack, hasTags: false, form: to, notes })
  if (!('choices' in brought)) return { text: '', codes: ['an error'] }
  for (const part of brought.choices.flatMap(({ parts }) => parts)) {
    if (part.kind === 'native' && part.form !== to) notes.lose('dropped:server_tool_blocks')
  }
  const text = JSON.stringify(client.writeBody(brought, contextFor(to, false, notes)))
  return { text, codes: notes.codes }
}

async function stream(from: Form, to: Form, events: NonNullable<AnswerRow['events']>): Promise<Told> {
  const { backend, client } = await codecsOf(from, to)
  const notes = new Notes('strict')
  const reader = backend.openReader(factsFor(from, notes))
  const streamWriter = client.openWriter(contextFor(to, true, notes))
  const writer = new EventWriter(streamWriter, streamForms.get(to) ?? 'chat')
  const way = { back: noWayBack, hasTags: false, form: to, notes }
  const passage = passageTo(writer, way, { choices: 1, inputEstimate: 1 }, streamWriter.order === 'serial')
  const pieces: Uint8Array[] = []
  for (const [name, data] of events) {
    for (const event of reader.push(name, JSON.stringify(data))) passage.first.take(event)
  }
  for (const event of reader.end()) passage.first.take(event)
  pieces.push(...writer.pieces())
  return { text: Buffer.concat(pieces).toString(), codes: notes.codes }
}

/** `mark`: undefined where nobody can be told. */
function isKept({ text, codes }: Told, mark: string | undefined): boolean {
  return codes.length > 0 || (mark !== undefined && text.includes(mark))
}

// What a client of their form never asks for, or sees by asking: probabilities, thoughts.
const unasked: ReadonlySet<string> = new Set(['completions', 'messages'])

function isUnasked(to: Form, { field }: AnswerRow): boolean {
  const isProbability = field.endsWith('logprobs') || field.endsWith('logprobsResult')
  const isThought = /reasoning|thinking|thought/.test(field)
  return unasked.has(to) && (isProbability || (isThought && to === 'completions'))
}

describe('§7, §11.1: nothing of an answer is lost silently', () => {
  for (const [from, rows] of answerFields) {
    test.each(clients.filter((to) => to !== from))(
      `what a backend of ${from} says is told to clients of %s, or noted`,
      async (to) => {
        const lost: string[] = []
        for (const row of rows) {
          if (row.field === '' || isUnasked(to, row)) continue
          if (!isKept(await body(from, to, row), row.mark)) lost.push(`${row.field} of a body`)
          if (row.events !== undefined && !isKept(await stream(from, to, row.events), row.mark))
            lost.push(`${row.field} of a stream`)
        }
        expect(lost).toEqual([])
      },
    )
  }

  test.each([...answerFields])(
    'what a backend of %s says that can be told reaches a client at least once',
    async (from, rows) => {
      for (const row of rows) {
        if (row.mark === undefined) continue
        const { mark } = row
        const told = await Promise.all(
          clients.map(async (to) => [await body(from, to, row), row.events && (await stream(from, to, row.events))]),
        )
        expect({ field: row.field, isTold: told.flat().some((one) => one?.text.includes(mark) === true) }).toEqual({
          field: row.field,
          isTold: true,
        })
      }
    },
  )

  test.each([...answerFields])('of a plain answer of a backend of %s there is nothing to note', async (from, rows) => {
    const [plain] = rows
    if (plain?.events === undefined || plain.field !== '') throw new Error('the first row is the plain one')
    for (const to of clients) {
      expect((await body(from, to, plain)).codes).toEqual([])
      expect((await stream(from, to, plain.events)).codes).toEqual([])
    }
  })
})
